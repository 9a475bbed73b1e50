// Receives --count messages with rhea as a subscriber of some kind, accepts each, and prints what was in it as one JSON line.
//
//   rhea-subscribe.mjs --connect HOST:PORT [--address A] [--user U --password P] --count N [--container ID --name NAME]
//                      [--selector S] [--durable] [--browse] [--end close|detach]
import rhea from "rhea";
import { options, say, startPeer } from "./rhea-peer.mjs";
import { descriptionOf } from "./rhea-values.mjs";

const given = options({
  container: { type: "string" },
  name: { type: "string" },
  selector: { type: "string" },
  durable: { type: "boolean", default: false },
  browse: { type: "boolean", default: false },
  end: { type: "string", default: "close" },
});
let received = 0;
let ended = false;

rhea.message.decode = (encoded) => encoded; // the octets as they came: descriptionOf keeps the types

function source() {
  const { address, selector, durable, browse } = given;
  return {
    address,
    ...(selector === undefined ? {} : { filter: rhea.filter.selector(selector) }),
    ...(durable ? { durable: 2, expiry_policy: "never" } : {}),
    ...(browse ? { distribution_mode: "copy" } : {}),
  };
}

function end(receiver) {
  ended = true;
  if (given.end === "detach") receiver.detach();
  else receiver.close();
}

function leave(finish) {
  if (!ended) return;
  ended = false;
  say("done", { count: received });
  finish();
}

startPeer(given, {
  link: (connection) => connection.open_receiver({ name: given.name, source: source(), credit_window: 0 }),
  listeners: {
    receiver_open({ receiver }) {
      say("ready");
      if (given.count === 0) end(receiver);
      else receiver.add_credit(given.count); // what it does not take, it is not to accept either
    },
    message({ message, receiver }) {
      received++;
      say("message", { message: descriptionOf(message) });
      if (received === given.count) setImmediate(() => end(receiver)); // rhea accepts when this has returned
    },
    receiver_close: (_context, finish) => leave(finish),
    receiver_detached: (_context, finish) => leave(finish),
  },
});
