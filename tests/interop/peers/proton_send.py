#!/usr/bin/python3
"""Sends the messages described in --spec with Proton Python, and prints the outcome of each as one JSON line.

proton_send.py --connect HOST:PORT | --listen  [--address A] [--user U --password P] [--ca FILE] --spec FILE [--timeout S]
"""

import json

from proton_peer import Peer, options, run, say
from proton_values import message_from


class Sender(Peer):
    def __init__(self, given):
        super().__init__(given, auto_settle=True)
        with open(given.spec, encoding="utf-8") as lines:
            self.specs = [json.loads(line) for line in lines]
        self.sent = 0
        self.settled = 0
        self.ids = {}

    def make_link(self, container):
        container.create_sender(self.connection, self.given.address)

    def on_link_opening(self, event):
        if self.given.listen and event.link.is_sender:
            event.link.source.copy(event.link.remote_source)
            event.link.target.copy(event.link.remote_target)

    def on_sendable(self, event):
        while event.sender.credit and self.sent < len(self.specs):
            spec = self.specs[self.sent]
            self.sent += 1
            delivery = event.sender.send(message_from(spec, self.given.address))
            self.ids[delivery.tag] = spec["id"]

    def settle(self, event, outcome):
        say("outcome", id=self.ids.pop(event.delivery.tag), outcome=outcome)
        self.settled += 1
        if self.settled == len(self.specs):
            say("done", count=self.settled)
            self.finish()

    def on_accepted(self, event):
        self.settle(event, "accepted")

    def on_rejected(self, event):
        self.settle(event, "rejected")

    def on_released(self, event):
        self.settle(event, "released")

    def on_modified(self, event):
        self.settle(event, "modified")


run(Sender(options()))
