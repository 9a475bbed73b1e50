#!/usr/bin/python3
"""Answers --count requests with Proton Python, each with its body in capitals, as Proton's own server examples do: over the peer's anonymous
relay, or, listening, on the link that the client attached for its answers.

proton_respond.py --connect HOST:PORT | --listen  [--address A] [--user U --password P] --count N [--timeout S]
"""

import uuid

from proton import Message

from proton_peer import Peer, options, run, say


class Responder(Peer):
    def __init__(self, given):
        super().__init__(given)
        self.relay = None
        self.senders = {}
        self.answered = 0

    def make_link(self, container):
        self.relay = container.create_sender(self.connection, None)
        container.create_receiver(self.connection, self.given.address)

    def on_link_opening(self, event):
        if not self.given.listen:
            return
        if event.link.is_sender:
            if event.link.remote_source.dynamic:
                event.link.source.address = str(uuid.uuid4())
                event.link.source.dynamic = True
                self.senders[event.link.source.address] = event.link
            else:
                event.link.source.copy(event.link.remote_source)
            event.link.target.copy(event.link.remote_target)
        else:
            event.link.source.copy(event.link.remote_source)
            event.link.target.copy(event.link.remote_target)

    def on_link_opened(self, event):
        if event.link.is_receiver and not self.given.listen:
            say("ready")

    def on_message(self, event):
        request = event.message
        sender = self.relay if self.relay else self.senders[request.reply_to]
        sender.send(Message(address=request.reply_to, correlation_id=request.correlation_id, subject="answer", body=request.body.upper()))

    def on_settled(self, event):
        self.answered += 1
        if self.answered == self.given.count:
            say("done", count=self.answered)
            self.finish()


run(Responder(options()))
