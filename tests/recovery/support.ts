/** A link that is resumed with a peer of which the script plays the other end: maps by the text of tags, and frames until there is quiet. */

import { afterEach } from "@jest/globals";
import type { ConnectOptions, Connection } from "../../src/index.ts";
import { Container } from "../../src/index.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import type { Script } from "../../src/testing/script.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";

export const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function peer(script: (peer: Script, connection: number) => Promise<void>): Promise<ScriptedPeer> {
  const started = await ScriptedPeer.start(script);
  cleanups.push(() => started.close());
  return started;
}

export async function dial(url: string, options: ConnectOptions = {}): Promise<Connection> {
  const connection = await new Container({ id: "us" }).connect(url, { timeout: 5_000, reconnect: { initialDelay: 1, maxDelay: 5 }, ...options });
  cleanups.push(() => connection.close({ timeout: 1_000 }).catch(() => undefined));
  return connection;
}

/** Our attach's map by the text of its tags: "null", or a state in a word or two; undefined where there is none. */
export function mapOf(attach: Frame): Record<string, string> | undefined {
  const map = attach.fields["unsettled"] as Map<Uint8Array, Record<string, unknown> | null> | undefined;
  if (map === undefined) return undefined;
  return Object.fromEntries([...map].map(([tag, state]) => [Buffer.from(tag).toString(), stateText(state)]));
}

export function stateText(state: unknown): string {
  if (state === null || state === undefined) return "null";
  const { type, sectionNumber, sectionOffset } = state as Record<string, unknown>;
  return type === "received" ? `received(${String(sectionNumber)},${String(sectionOffset)})` : String(type);
}

/** A map of theirs, by the text of tags. */
export function theirs(map: Record<string, unknown>): Map<Uint8Array, unknown> {
  return new Map(Object.entries(map).map(([tag, state]) => [Buffer.from(tag), state]));
}

export const received = (sectionNumber: number, sectionOffset: number): object => ({ type: "received", sectionNumber, sectionOffset });

/** A transfer in one line: tag, what is said of it, octets of payload. */
export function transferText({ fields, payload }: Frame): string {
  const words = [Buffer.from(fields["deliveryTag"] as Uint8Array).toString()];
  for (const flag of ["resume", "settled", "aborted", "more"]) if (fields[flag] === true) words.push(flag);
  if (fields["state"] !== undefined) words.push(stateText(fields["state"]));
  words.push(`${payload.length}`);
  return words.join(" ");
}

/** Plays the rest politely: answers what ends something, until the close. */
export async function play(script: Script, take: (frame: Frame) => void = () => undefined): Promise<void> {
  for (;;) {
    const frame = await script.next();
    if (frame.name === "detach" || frame.name === "end" || frame.name === "close") script.reply(frame);
    else take(frame);
    if (frame.name === "close") return;
  }
}
