/** What both sides of valid connections say, as the library itself says it: the stuff that mutations are made of. */

import { ACCEPTED, RELEASED } from "../../src/frames/delivery-state.ts";
import { encodeComposite } from "../../src/testing/codec/composite.ts";
import { frameBytes, headerBytes } from "../../src/testing/codec/frame.ts";
import { concat, utf8 } from "../../src/testing/codec/octets.ts";
import { compositeNamed } from "../../src/testing/codec/schema.ts";
import type { Composite } from "../../src/testing/codec/schema.ts";
import { Pair } from "../engine/support.ts";

type Recordings = Readonly<Record<"client" | "server" | "sasl-client" | "sasl-server", readonly Uint8Array[]>>;

let made: Recordings | undefined;

/** By who said it. */
export function recordings(): Recordings {
  made ??= record();
  return made;
}

function record(): Recordings {
  const pairs = [sending(true), sending(false), receiving()];
  const client = pairs.map(({ wire }) => wire.sent("client"));
  const server = pairs.map(({ wire }) => wire.sent("server"));
  return {
    client, server,
    "sasl-client": SIGNING_IN.map((init) => concat(headerBytes("sasl"), init, client[0] as Uint8Array)),
    "sasl-server": [
      concat(headerBytes("sasl"), sasl("sasl-mechanisms", { saslServerMechanisms: ["ANONYMOUS"] }), sasl("sasl-outcome", { code: 0 }), server[0] as Uint8Array),
      concat(headerBytes("sasl"), sasl("sasl-mechanisms", { saslServerMechanisms: ["SCRAM-SHA-256", "PLAIN"] }),
        sasl("sasl-challenge", { challenge: utf8(`r=${NONCE}abc,s=QSXCR+Q6sek8bf92QSXCR+Q6sek=,i=4096`) }),
        sasl("sasl-outcome", { code: 0, additionalData: utf8("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") }), server[0] as Uint8Array),
    ],
  };
}

function sending(unsettled: boolean): Pair {
  const pair = new Pair();
  const { sender, receiver } = pair.link();
  for (let i = 0; i < 4; i++) sender.send(message(i === 2 ? 1500 : 20), { presettled: !unsettled });
  pair.pump();
  for (const each of receiver.received) receiver.endpoint.session.disposeIncoming(each, each.deliveryId % 2 === 0 ? ACCEPTED : RELEASED, true);
  pair.pump();
  finish(pair);
  return pair;
}

function receiving(): Pair {
  const pair = new Pair({ server: { maxFrameSize: 512 }, client: { maxFrameSize: 512 } });
  const { here, there } = pair.session();
  const receiver = here.receiver("r");
  pair.pump();
  receiver.endpoint.giveCredit(10);
  pair.pump();
  for (let i = 0; i < 3; i++) there.senders[0]?.send(message(i === 1 ? 1500 : 30));
  pair.pump();
  for (const each of receiver.received) receiver.endpoint.session.disposeIncoming(each, ACCEPTED, true);
  pair.pump();
  finish(pair);
  return pair;
}

function finish(pair: Pair): void {
  for (const { endpoint } of pair.client.sessions) endpoint.end();
  pair.pump();
  pair.client.endpoint.close();
  pair.pump();
}

function message(size: number): Uint8Array {
  return Uint8Array.from([0x00, 0x53, 0x75, 0xb0, 0, 0, size >>> 8, size & 0xff, ...new Uint8Array(size)]);
}

function sasl(name: string, fields: Readonly<Record<string, unknown>>): Uint8Array {
  return frameBytes(encodeComposite(compositeNamed(name) as Composite, fields), { type: 1 });
}

/** What a client's nonce is where the random octets are all 7. */
const NONCE = Buffer.from(new Uint8Array(18).fill(7)).toString("base64");
const SIGNING_IN = [
  sasl("sasl-init", { mechanism: "ANONYMOUS", initialResponse: utf8("anonymous") }),
  sasl("sasl-init", { mechanism: "PLAIN", initialResponse: utf8("\0u\0p") }),
  concat(sasl("sasl-init", { mechanism: "SCRAM-SHA-256", initialResponse: utf8(`n,,n=u,r=${NONCE}`) }), sasl("sasl-response", { response: utf8(`c=biws,r=${NONCE}x,p=dHp`) })),
];
