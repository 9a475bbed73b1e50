// Answers --count requests with rhea, each with its body in capitals: over the peer's anonymous relay, or, listening, on the link that the
// client attached for its answers.
//
//   rhea-respond.mjs --connect HOST:PORT | --listen  [--address A] [--user U --password P] --count N [--timeout S]
import { options, say, startPeer } from "./rhea-peer.mjs";

const given = options();
const senders = new Map(); // by the address that we made up for a dynamic source
let relay;
let made = 0;
let answered = 0;

startPeer(given, {
  link: (connection) => {
    relay = connection.open_sender({ target: {} });
    connection.open_receiver(given.address);
  },
  listeners: {
    receiver_open: ({ receiver }) => {
      if (given.listen) receiver.set_target({ address: receiver.target.address }); // rhea does not echo it by itself
      else say("ready");
    },
    sender_open({ sender }) {
      if (!given.listen) return;
      made++;
      const address = sender.source.dynamic ? `made-up-${made}` : sender.source.address;
      sender.set_source({ address, dynamic: sender.source.dynamic });
      senders.set(address, sender);
    },
    message({ message }) {
      const sender = relay ?? senders.get(message.reply_to);
      sender.send({ to: message.reply_to, correlation_id: message.correlation_id, subject: "answer", body: message.body.toUpperCase() });
    },
    accepted(_context, finish) {
      answered++;
      if (answered < given.count) return;
      say("done", { count: answered });
      finish();
    },
  },
});
