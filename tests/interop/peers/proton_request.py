#!/usr/bin/python3
"""Asks questions with Proton Python's SyncRequestResponse, one after the other, and prints each reply as one JSON line.

proton_request.py --connect HOST:PORT [--address A] [--user U --password P] --count N [--timeout S]
"""

import sys

from proton import Message
from proton.utils import BlockingConnection, SyncRequestResponse

from proton_peer import options, say

given = options()
connection = BlockingConnection(
    "amqp://%s" % given.connect, timeout=given.timeout, user=given.user, password=given.password,
    allowed_mechs="PLAIN" if given.user else None)
try:
    client = SyncRequestResponse(connection, given.address)
    say("ready")
    for n in range(given.count):
        reply = client.call(Message(body="question %d" % n, subject="ask"))
        say("reply", body=reply.body, subject=reply.subject, correlation=reply.correlation_id)
except Exception as error:
    say("error", text=repr(error))
    sys.exit(1)
finally:
    connection.close()
say("done", count=given.count)
