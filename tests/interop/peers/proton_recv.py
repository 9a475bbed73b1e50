#!/usr/bin/python3
"""Receives --count messages with Proton Python, accepts each, and prints what was in it as one JSON line.

proton_recv.py --connect HOST:PORT | --listen  [--address A] [--user U --password P] [--ca FILE] --count N [--timeout S]
"""

from proton_peer import Peer, options, run, say
from proton_values import description_of


class Receiver(Peer):
    def __init__(self, given):
        super().__init__(given, prefetch=50)
        self.received = 0

    def make_link(self, container):
        container.create_receiver(self.connection, self.given.address)

    def on_link_opening(self, event):
        if self.given.listen and event.link.is_receiver:
            event.link.source.copy(event.link.remote_source)
            event.link.target.copy(event.link.remote_target)

    def on_link_opened(self, event):
        if event.link.is_receiver:
            say("ready")

    def on_message(self, event):
        if self.received == self.given.count:
            return
        self.received += 1
        say("message", message=description_of(event.message))
        if self.received == self.given.count:
            say("done", count=self.received)
            self.finish()  # Proton writes the last disposition before the close


run(Receiver(options()))
