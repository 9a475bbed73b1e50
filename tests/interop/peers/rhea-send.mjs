// Sends the messages described in --spec with rhea, and prints the outcome of each as one JSON line.
//
//   rhea-send.mjs --connect HOST:PORT | --listen  [--address A] [--user U --password P] [--ca FILE] --spec FILE [--timeout S]
import { readFileSync } from "node:fs";
import { options, say, startPeer } from "./rhea-peer.mjs";
import { messageFrom } from "./rhea-values.mjs";

const given = options();
const specs = readFileSync(given.spec, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const ids = new Map(); // by delivery
let sent = 0;
let settled = 0;

const settle = (outcome) => (context, finish) => {
  say("outcome", { id: ids.get(context.delivery), outcome });
  ids.delete(context.delivery);
  settled++;
  if (settled < specs.length) return;
  say("done", { count: settled });
  finish();
};

startPeer(given, {
  link: (connection) => connection.open_sender(given.address),
  listeners: {
    sender_open({ sender }) {
      if (given.listen) sender.set_source({ address: given.address }); // rhea does not echo it by itself
    },
    sendable({ sender }) {
      while (sender.sendable() && sent < specs.length) {
        const spec = specs[sent++];
        ids.set(sender.send(messageFrom(spec)), spec.id);
      }
    },
    accepted: settle("accepted"),
    rejected: settle("rejected"),
    released: settle("released"),
    modified: settle("modified"),
  },
});
