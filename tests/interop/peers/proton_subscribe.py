#!/usr/bin/python3
"""Receives --count messages with Proton Python and its receiver options, accepts each, and prints what was in it as one JSON line.

proton_subscribe.py --connect HOST:PORT [--address A] [--user U --password P] --count N [--container ID --name NAME]
                    [--selector S] [--durable] [--browse] [--end close|detach]
"""

import argparse

from proton.reactor import Container, Copy, DurableSubscription, Selector

import proton_peer
from proton_peer import Peer, say
from proton_values import description_of


class Subscriber(Peer):
    def __init__(self, given):
        super().__init__(given, prefetch=0)  # what it does not take, it is not to accept either
        self.received = 0
        self.ended = False

    def make_link(self, container):
        chosen = []
        if self.given.selector:
            chosen.append(Selector(self.given.selector))
        if self.given.durable:
            chosen.append(DurableSubscription())
        if self.given.browse:
            chosen.append(Copy())
        self.link = container.create_receiver(self.connection, self.given.address, name=self.given.name, options=chosen)

    def on_link_opened(self, event):
        say("ready")
        if self.given.count == 0:
            self.end()
        else:
            self.link.flow(self.given.count)

    def on_message(self, event):
        self.received += 1
        say("message", message=description_of(event.message))
        if self.received == self.given.count:
            self.end()

    def end(self):
        """Proton tells what was accepted before the detach; the answer to that ends the program."""
        self.ended = True
        if self.given.end == "detach":
            self.link.detach()
        else:
            self.link.close()

    def on_link_closed(self, event):
        self.leave()

    def on_link_remote_detach(self, event):
        self.leave()

    def leave(self):
        if self.ended and not self.done:
            say("done", count=self.received)
            self.finish()


parser = argparse.ArgumentParser(parents=[proton_peer.parser()])
parser.add_argument("--container")
parser.add_argument("--name")
parser.add_argument("--selector")
parser.add_argument("--durable", action="store_true")
parser.add_argument("--browse", action="store_true")
parser.add_argument("--end", choices=["close", "detach"], default="close")
given = parser.parse_args()
subscriber = Subscriber(given)
container = Container(subscriber)
if given.container:
    container.container_id = given.container
container.run()
raise SystemExit(1 if subscriber.failed else 0)
