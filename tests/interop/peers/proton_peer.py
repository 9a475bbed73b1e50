"""What proton_send.py and proton_recv.py share: options, JSON lines on standard output, connecting or listening."""

import argparse
import json
import socket
import sys

from proton import SSLDomain
from proton.handlers import MessagingHandler
from proton.reactor import Container


def say(event, **fields):
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def parser():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--connect", metavar="HOST:PORT")
    parser.add_argument("--listen", action="store_true", help="on a free port of 127.0.0.1, for one peer")
    parser.add_argument("--address", default="examples")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--ca", help="file with the CA; the connection is then TLS")
    parser.add_argument("--spec", help="file with one message description a line (to send)")
    parser.add_argument("--count", type=int, default=0, help="how many to receive")
    parser.add_argument("--timeout", type=float, default=60)
    return parser


def options():
    return parser().parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer(MessagingHandler):
    """One connection, made or accepted; subclasses make the link. A timer ends what takes too long."""

    def __init__(self, given, **kwargs):
        super().__init__(**kwargs)
        self.given = given
        self.acceptor = None
        self.connection = None
        self.failed = False
        self.done = False

    def on_start(self, event):
        self.timer = event.container.schedule(self.given.timeout, self)
        if self.given.listen:
            port = free_port()
            self.acceptor = event.container.listen("127.0.0.1:%d" % port)
            say("listening", port=port)
            return
        domain = None
        if self.given.ca:
            domain = SSLDomain(SSLDomain.MODE_CLIENT)
            domain.set_trusted_ca_db(self.given.ca)
            domain.set_peer_authentication(SSLDomain.VERIFY_PEER)
        scheme = "amqps" if self.given.ca else "amqp"
        self.connection = event.container.connect(
            "%s://%s" % (scheme, self.given.connect), user=self.given.user, password=self.given.password, ssl_domain=domain,
            allowed_mechs="PLAIN" if self.given.user else None, reconnect=False)
        self.make_link(event.container)

    def make_link(self, container):
        raise NotImplementedError

    def finish(self):
        """All is done: the connection ends, and with it the program."""
        self.done = True
        self.timer.cancel()
        if self.acceptor:
            self.acceptor.close()
        if self.connection:
            self.connection.close()

    def on_connection_opened(self, event):
        self.connection = event.connection

    def fail(self, text):
        if self.done:
            return
        self.failed = True
        say("error", text=text)
        self.finish()

    def on_timer_task(self, event):
        self.fail("no end after %s s" % self.given.timeout)

    def on_transport_error(self, event):
        self.fail("transport: %s" % event.transport.condition)

    def on_connection_error(self, event):
        self.fail("connection: %s" % event.connection.remote_condition)

    def on_session_error(self, event):
        self.fail("session: %s" % event.session.remote_condition)

    def on_link_error(self, event):
        self.fail("link: %s" % event.link.remote_condition)

    def on_disconnected(self, event):
        self.fail("disconnected")


def run(peer):
    Container(peer).run()
    sys.exit(1 if peer.failed else 0)
