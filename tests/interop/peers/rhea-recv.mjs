// Receives --count messages with rhea, accepts each, and prints what was in it as one JSON line.
//
//   rhea-recv.mjs --connect HOST:PORT | --listen  [--address A] [--user U --password P] [--ca FILE] --count N [--timeout S]
import rhea from "rhea";
import { options, say, startPeer } from "./rhea-peer.mjs";
import { descriptionOf } from "./rhea-values.mjs";

const given = options();
let received = 0;

rhea.message.decode = (encoded) => encoded; // the octets as they came: descriptionOf keeps the types

startPeer(given, {
  link: (connection) => connection.open_receiver({ source: given.address, credit_window: 50 }),
  listeners: {
    receiver_open({ receiver }) {
      if (given.listen) receiver.set_target({ address: given.address }); // rhea does not echo it by itself
      say("ready");
    },
    message({ message }, finish) {
      if (received === given.count) return;
      received++;
      say("message", { message: descriptionOf(message) });
      if (received < given.count) return;
      say("done", { count: received });
      setImmediate(finish); // rhea accepts when this has returned
    },
  },
});
