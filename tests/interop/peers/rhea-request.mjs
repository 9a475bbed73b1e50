// Asks --count questions with rhea, all at once, over a dynamic node, and prints each reply as one JSON line.
//
//   rhea-request.mjs --connect HOST:PORT [--address A] [--user U --password P] --count N [--timeout S]
import { options, say, startPeer } from "./rhea-peer.mjs";

const given = options();
let sender;
let receiver;
let asked = 0;
let replies = 0;

function ask() {
  const replyTo = receiver?.source?.address;
  while (replyTo && sender.sendable() && asked < given.count) {
    sender.send({ subject: "ask", reply_to: replyTo, correlation_id: `rhea-${asked}`, body: `question ${asked}` });
    asked++;
  }
}

startPeer(given, {
  link: (connection) => {
    receiver = connection.open_receiver({ source: { dynamic: true } });
    sender = connection.open_sender(given.address);
  },
  listeners: {
    receiver_open: () => {
      say("ready");
      ask();
    },
    sendable: ask,
    message({ message }, finish) {
      say("reply", { body: message.body, subject: message.subject, correlation: message.correlation_id });
      replies++;
      if (replies < given.count) return;
      say("done", { count: replies });
      finish();
    },
  },
});
