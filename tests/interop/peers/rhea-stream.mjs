// One large message with rhea, which has no streams of its own: sends --octets of it in a data section, or receives one and prints the sum of it.
//
//   rhea-stream.mjs --listen  --role send|recv  [--octets N] [--timeout S]
import { createHash } from "node:crypto";
import rhea from "rhea";
import { options, say, startPeer } from "./rhea-peer.mjs";

const given = options({ role: { type: "string" }, octets: { type: "string", default: "0" } });
let sent = false;

rhea.message.decode = (encoded) => encoded; // the octets as they came

startPeer(given, {
  link: () => {
    throw new Error("it listens");
  },
  listeners: {
    receiver_open({ receiver }) {
      receiver.set_target({ address: given.address });
    },
    sender_open({ sender }) {
      sender.set_source({ address: given.address });
    },
    sendable({ sender }) {
      if (sent) return;
      sent = true;
      const body = Buffer.alloc(Number(given.octets));
      for (let i = 0; i < body.length; i++) body[i] = ((i % 251) * 7) % 251;
      sender.send({ body: rhea.message.data_section(body) });
    },
    settled({ delivery }, finish) {
      say("outcome", { id: ["string", "stream"], outcome: delivery.remote_state?.constructor?.composite_type ?? "none" });
      say("done", { count: 1 });
      finish();
    },
    message({ message }, finish) {
      const body = message.subarray(8);
      say("message", { message: { octets: body.length, sum: createHash("sha256").update(body).digest("hex"), head: message.subarray(0, 8).toString("hex"), partial: false } });
      say("done", { count: 1 });
      setImmediate(finish);
    },
  },
});
