/** What the protocol tests share: scripted servers that are closed in the end, and bounds on every wait. */

import { afterEach } from "@jest/globals";
import { connect } from "../../src/index.ts";
import type { Connection, ConnectOptions } from "../../src/index.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import type { ScriptedPeerOptions } from "../../src/testing/scripted-peer.ts";
import type { Script } from "../../src/testing/script.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Has `cleanup` run after the test, the last one first. */
export function afterwards(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}

/** A scripted server for one test. */
export async function serve(script: (peer: Script, connection: number) => Promise<void>, options?: ScriptedPeerOptions): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.start(script, options);
  afterwards(() => peer.close());
  return peer;
}

/** What every connection of these tests is made with: one attempt, within 4.5 s. */
export const ONCE: ConnectOptions = { timeout: 4500, reconnect: false };

/** Connects to a scripted server. */
export async function dial(peer: ScriptedPeer, options: ConnectOptions = {}): Promise<Connection> {
  const connection = await connect(peer.url, { ...ONCE, ...options });
  afterwards(() => connection.close({ timeout: 500 }).catch(() => {}));
  return connection;
}

/** `promise`, or an error after `ms` milliseconds that says what did not happen. */
export function within<T>(promise: PromiseLike<T>, what: string, ms = 4000): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
    promise.then(resolve, reject).then(() => clearTimeout(timer));
  });
}

/** Handshake, begin and attach of one link that the library opens, all answered. */
export async function answerLink(
  peer: Script,
  fields: { open?: Record<string, unknown>; begin?: Record<string, unknown>; attach?: Record<string, unknown> } = {},
): Promise<{ open: Frame; begin: Frame; attach: Frame }> {
  const open = await peer.handshake(fields.open);
  const begin = await peer.until("begin");
  peer.reply(begin, fields.begin);
  const attach = await peer.until("attach");
  peer.reply(attach, fields.attach);
  return { open, begin, attach };
}

/** Answers what the library sends to end its link, session and connection, in whatever order it does so. */
export async function answerClosing(peer: Script): Promise<void> {
  for (;;) {
    const frame = await peer.next();
    if (frame.name === "detach" || frame.name === "end" || frame.name === "close") peer.reply(frame);
    if (frame.name === "close") return;
  }
}

/** The payloads of the transfers among `frames`, those of one delivery joined. */
export function deliveries(frames: readonly Frame[]): { readonly id: number; readonly frames: readonly Frame[]; readonly bytes: Buffer }[] {
  const found: { id: number; frames: Frame[]; bytes: Buffer }[] = [];
  for (const frame of frames) {
    if (frame.name !== "transfer") continue;
    if (typeof frame.fields["deliveryId"] === "number" && (found.at(-1)?.frames.at(-1)?.fields["more"] ?? false) === false) {
      found.push({ id: frame.fields["deliveryId"], frames: [], bytes: Buffer.alloc(0) });
    }
    const last = found.at(-1);
    if (last === undefined) throw new Error("a transfer that begins no delivery");
    last.frames.push(frame);
    last.bytes = Buffer.concat([last.bytes, frame.payload]);
  }
  return found;
}
