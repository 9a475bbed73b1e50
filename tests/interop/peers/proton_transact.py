#!/usr/bin/python3
"""Sends or receives in transactions with Proton Python: --batches says how each of them ends. JSON lines tell messages and ends.

proton_transact.py --role send|recv --connect HOST:PORT [--address A] [--user U --password P] --batches commit,abort,drop --size N [--settle-first]
"""

import argparse
import os

from proton import Message
from proton.handlers import TransactionHandler

import proton_peer
from proton_peer import Peer, run, say


class Transacting(Peer, TransactionHandler):
    """A transaction for each batch, one after the other."""

    def __init__(self, given):
        super().__init__(given, prefetch=0, auto_accept=False)
        self.batches = given.batches.split(",")
        self.batch = 0
        self.done_in_batch = 0
        self.transaction = None
        self.link = None
        self.dropping = False

    def make_link(self, container):
        self.container = container
        if self.given.role == "send":
            self.link = container.create_sender(self.connection, self.given.address)
        else:
            self.link = container.create_receiver(self.connection, self.given.address)
        self.declare()

    def declare(self):
        self.container.declare_transaction(self.connection, handler=self, settle_before_discharge=self.given.settle_first)

    def on_transaction_declared(self, event):
        if self.dropping:
            # The peer has all of the batch, since it has answered what came after. No word of AMQP is said any more.
            say("transaction", outcome="dropped")
            os._exit(0)
        self.transaction = event.transaction
        self.done_in_batch = 0
        if self.given.role == "send":
            self.send_batch()
        else:
            self.link.flow(self.given.size)

    def on_sendable(self, event):
        if event.link == self.link:
            self.send_batch()

    def send_batch(self):
        while self.transaction and self.link.credit and self.done_in_batch < self.given.size:
            self.transaction.send(self.link, Message(id="%d-%d" % (self.batch, self.done_in_batch), body="x"))
            self.done_in_batch += 1
            self.end_batch()

    def on_message(self, event):
        say("message", message={"id": ["string", event.message.id]})
        self.transaction.accept(event.delivery)
        self.done_in_batch += 1
        self.end_batch()

    def end_batch(self):
        if self.done_in_batch < self.given.size:
            return
        # Without waiting for the outcomes, as Proton's own example does.
        transaction, self.transaction = self.transaction, None
        if self.batches[self.batch] == "drop":
            self.dropping = True
            self.declare()
        elif self.batches[self.batch] == "commit":
            transaction.commit()
        else:
            transaction.abort()

    def ended(self, how):
        say("transaction", outcome=how)
        self.batch += 1
        if self.batch == len(self.batches):
            say("done", count=self.batch)
            self.finish()
        else:
            self.declare()

    def on_transaction_committed(self, event):
        self.ended("committed")

    def on_transaction_aborted(self, event):
        self.ended("aborted")

    def on_transaction_declare_failed(self, event):
        self.fail("declare failed: %s" % event.delivery.remote.condition)

    def on_transaction_commit_failed(self, event):
        self.ended("commit failed")


def options():
    parser = argparse.ArgumentParser(parents=[proton_peer.parser()], add_help=False)
    parser.add_argument("--role", choices=["send", "recv"], required=True)
    parser.add_argument("--batches", required=True)
    parser.add_argument("--size", type=int, default=1)
    parser.add_argument("--settle-first", action="store_true")
    return parser.parse_args()


run(Transacting(options()))
