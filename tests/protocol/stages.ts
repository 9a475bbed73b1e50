/**
 * How far a scripted peer has come with the library before it misbehaves, and what it then wants to see. The same rows run
 * against a listener of ours (the peer connects) and against a client of ours (the peer accepts).
 */

import type { Frame } from "../../src/testing/codec/frame.ts";
import type { Script } from "../../src/testing/script.ts";

/**
 * `connected`: TCP only. `sasl`: the peer may speak SASL. `header`: AMQP headers are exchanged, our open may be on its way. `open`, `session`: both sides.
 * `attaching`: the next attach of the peer makes it a sender. `idle-sender`, `sender`: the peer is attached as sender, without and
 * with credit. `receiver`: the peer is attached as receiver, has given credit 10 and has got a first transfer.
 */
export type Stage = "connected" | "sasl" | "header" | "open" | "session" | "attaching" | "idle-sender" | "sender" | "receiver";

/** Who is tested: our listener or our client. */
export type Side = "listener" | "client";

/** What the peer has seen on its way to the stage. */
export interface Reached {
  readonly side: Side;
  /** The library's open, begin, attach, last flow and first transfer, as far as the stage goes. */
  readonly open?: Frame | undefined;
  readonly begin?: Frame | undefined;
  readonly attach?: Frame | undefined;
  readonly flow?: Frame | undefined;
  readonly transfer?: Frame | undefined;
  /** Attaches the peer as sender, or lets it answer the library's attach, with these fields. */
  sendAttach(fields?: Readonly<Record<string, unknown>>): void;
}

/** What the library must answer. Every answer but `close` and `drop` leaves the connection in working order. */
export type Answer =
  | { readonly kind: "close" | "end" | "detach" | "reject"; readonly condition: string }
  /** The end of the connection without a performative; where a header is named, that one first. */
  | { readonly kind: "drop"; readonly header?: "amqp" | "sasl" | undefined }
  /** Nothing: it goes on as before. */
  | { readonly kind: "none" };

/** Link of the peer's, unless a row says otherwise. */
export const LINK_NAME = "hostile";

/** Brings the peer to `stage`. @param address of the node that it attaches to at a listener */
export async function reach(peer: Script, stage: Stage, side: Side, address: string): Promise<Reached> {
  const sendAttach = (fields: Readonly<Record<string, unknown>> = {}): void =>
    peer.send("attach", { name: LINK_NAME, role: "sender", source: { address: "peer" }, target: { address }, ...fields });
  const early = { side, sendAttach };
  if (stage === "connected") return early;
  if (stage === "sasl" || stage === "header") {
    await (side === "listener" ? offer(peer, stage) : accept(peer, stage));
    return early;
  }
  const open = await peer.handshake({ containerId: "hostile-peer" });
  if (stage === "open") return { ...early, open };
  const begin = await beginSession(peer, side);
  if (stage === "session") return { ...early, open, begin };
  return reachLink(peer, stage, { ...early, open, begin }, address);
}

/** Waits for the answer, does the peer's part of it, and makes sure that a connection that should live still does. */
export async function expectAnswer(peer: Script, answer: Answer): Promise<void> {
  switch (answer.kind) {
    case "drop":
      return expectDrop(peer, answer.header);
    case "close":
      await peer.until("close", { error: { condition: answer.condition } });
      peer.send("close");
      await peer.untilEof();
      return;
    case "end":
      peer.reply(await peer.until("end", { error: { condition: answer.condition } }));
      break;
    case "detach":
      peer.reply(await peer.until("detach", { closed: true, error: { condition: answer.condition } }));
      break;
    case "reject":
      await peer.until("disposition", { state: { type: "rejected", error: { condition: answer.condition } } });
      break;
    case "none":
      break;
  }
  await closeOrderly(peer);
}

/** The peer closes, and the library must close without an error. Answers what it sent before that. */
export async function closeOrderly(peer: Script): Promise<readonly Frame[]> {
  const before = peer.frames().length;
  peer.send("close");
  await peer.until("close", { error: undefined });
  peer.drop();
  await peer.untilEof();
  return peer.frames().slice(before);
}

async function expectDrop(peer: Script, header: "amqp" | "sasl" | undefined): Promise<void> {
  if (header !== undefined) await peer.expectHeader(header);
  const rest = await peer.untilEof();
  const spoken = rest.filter(({ name }) => name !== "header" && name !== "empty" && !name.startsWith("sasl-"));
  if (spoken.length > 0) throw new Error(`expected the end of the connection, seen ${spoken.map(({ name }) => name).join(", ")}`);
}

async function offer(peer: Script, stage: "sasl" | "header"): Promise<void> {
  peer.sendHeader("sasl");
  await peer.expectHeader("sasl");
  await peer.expect("sasl-mechanisms");
  if (stage === "sasl") return;
  peer.send("sasl-init");
  await peer.expect("sasl-outcome", { code: 0 });
  peer.sendHeader("amqp");
  await peer.expectHeader("amqp");
}

async function accept(peer: Script, stage: "sasl" | "header"): Promise<void> {
  peer.reply(await peer.expectHeader("sasl"));
  peer.send("sasl-mechanisms", { saslServerMechanisms: ["ANONYMOUS"] });
  const init = await peer.expect("sasl-init");
  if (stage === "sasl") return;
  peer.reply(init);
  peer.reply(await peer.expectHeader("amqp"));
}

async function beginSession(peer: Script, side: Side): Promise<Frame> {
  if (side === "listener") {
    peer.send("begin");
    return peer.until("begin");
  }
  const begin = await peer.until("begin");
  peer.reply(begin);
  return begin;
}

async function reachLink(peer: Script, stage: Stage, reached: Reached, address: string): Promise<Reached> {
  if (stage === "receiver") return receiveOne(peer, reached, address);
  let sendAttach = reached.sendAttach;
  let attach: Frame | undefined;
  if (reached.side === "client") {
    const theirs = await peer.until("attach", { role: "receiver" });
    attach = theirs;
    sendAttach = (fields = {}) => peer.reply(theirs, fields);
  }
  if (stage === "attaching") return { ...reached, attach, sendAttach };
  sendAttach();
  attach ??= await peer.until("attach", { name: LINK_NAME, role: "receiver" });
  if (stage === "idle-sender") return { ...reached, attach, sendAttach };
  const flow = await peer.until("flow", { handle: (handle: unknown) => handle !== undefined, linkCredit: (credit: unknown) => Number(credit) > 0 });
  return { ...reached, attach, flow, sendAttach };
}

async function receiveOne(peer: Script, reached: Reached, address: string): Promise<Reached> {
  let attach: Frame;
  if (reached.side === "client") {
    attach = await peer.until("attach", { role: "sender" });
    peer.reply(attach);
  } else {
    peer.send("attach", { name: LINK_NAME, role: "receiver", source: { address }, target: { address: "peer" } });
    attach = await peer.until("attach", { name: LINK_NAME, role: "sender" });
  }
  peer.send("flow", { handle: 0, deliveryCount: attach.fields["initialDeliveryCount"], linkCredit: 10 });
  const transfer = await peer.until("transfer");
  return { ...reached, attach, transfer };
}
