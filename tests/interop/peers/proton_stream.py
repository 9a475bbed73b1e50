#!/usr/bin/python3
"""One large message with Proton Python, in pieces: sends --octets of it in a data section, or receives one and prints the sum of what came.

proton_stream.py --listen  --role send|recv  [--octets N] [--abort] [--timeout S]

With --abort the sender aborts when half of it has left, and then sends another one of 5 octets.
"""

import hashlib

from proton import Delivery
from proton.handlers import IncomingMessageHandler

from proton_peer import Peer, parser, run, say

PIECE = 64 * 1024
PERIOD = bytes((i * 7) % 251 for i in range(251)) * 600


def data(octets):
    yield b"\x00\x53\x75\xb0" + octets.to_bytes(4, "big")
    for at in range(0, octets, PIECE):
        start = at % 251
        yield PERIOD[start:start + min(PIECE, octets - at)]


class Stream(Peer):
    def __init__(self, given):
        super().__init__(given, prefetch=0, auto_accept=False)
        # Deliveries are read here as they come, not when they are whole.
        self.handlers = [each for each in self.handlers if not isinstance(each, IncomingMessageHandler)]
        self.sum = hashlib.sha256()
        self.head = b""
        self.count = 0
        self.partial = 0
        self.pieces = None
        self.sent = 0
        self.delivery = None

    def make_link(self, container):
        raise NotImplementedError("it listens")

    def on_link_opening(self, event):
        event.link.source.copy(event.link.remote_source)
        event.link.target.copy(event.link.remote_target)

    def on_link_opened(self, event):
        if event.link.is_receiver:
            event.link.flow(10)

    # ---- sending

    def on_link_flow(self, event):
        if event.link.is_sender:
            self.push(event.link)

    def on_transport(self, event):
        for link in [self.link] if getattr(self, "link", None) else []:
            self.push(link)

    def push(self, link):
        self.link = link
        if self.given.role != "send" or self.sent < 0 or (link.credit <= 0 and self.delivery is None):
            return
        if self.delivery is None:
            self.delivery = link.delivery("stream")
            self.pieces = data(self.given.octets)
        while link.session.outgoing_bytes < 1024 * 1024:
            piece = next(self.pieces, None)
            if self.given.abort and self.sent >= self.given.octets // 2:
                self.delivery.abort()
                self.sent = -1
                link.delivery("next")
                link.stream(b"\x00\x53\x75\xa0\x05hello")
                link.advance()
                return
            if piece is None:
                self.sent = -1
                link.advance()
                return
            link.stream(piece)
            self.sent += len(piece)

    # ---- receiving

    def on_delivery(self, event):
        delivery = event.delivery
        if event.link.is_sender:
            if delivery.updated and delivery.remote_state:
                say("outcome", id=["string", str(delivery.tag)], outcome=str(delivery.remote_state))
                delivery.settle()
                if not self.given.abort or str(delivery.tag) == "next":
                    say("done", count=1)
                    self.finish()
            else:
                self.push(event.link)
            return
        if delivery.aborted:
            say("message", message={"aborted": True, "octets": self.count})
            delivery.settle()
            self.sum, self.head, self.count = hashlib.sha256(), b"", 0
            return
        while delivery.pending > 0:
            bytes = event.link.recv(delivery.pending)
            if bytes is None:
                break
            if delivery.partial:
                self.partial += 1
            if len(self.head) < 8:
                self.head += bytes
                bytes, self.head = self.head[8:], self.head[:8]
            self.count += len(bytes)
            self.sum.update(bytes)
        if not delivery.partial:
            event.link.recv(0)
            event.link.advance()
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()
            say("message", message={"octets": self.count, "sum": self.sum.hexdigest(), "head": self.head.hex(), "partial": self.partial > 0})
            say("done", count=1)
            self.finish()


def options():
    more = parser()
    more.add_argument("--role", required=True)
    more.add_argument("--octets", type=int, default=0)
    more.add_argument("--abort", action="store_true")
    return more.parse_args()


run(Stream(options()))
