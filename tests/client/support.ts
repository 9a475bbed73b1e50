/** What the tests of links share: a peer of which every step is written in the test itself, and two containers face to face. */

import { Container } from "../../src/index.ts";
import type {
  Connection, ConnectOptions, ContainerOptions, LinkRequest, Listener, ListenOptions, Opening, Receiver, ReceiverOptions, Sender, SenderOptions,
  SourceInit, TargetInit,
} from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { afterwards, serve, within } from "../protocol/harness.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A scripted peer with which a connection is open. */
export interface Stage {
  readonly peer: Script;
  readonly connection: Connection;
  readonly container: Container;
  readonly clock: ManualClock;
  /** What the container's onError got. */
  readonly errors: unknown[];
  /** Ends the script: what the library still sends is not looked at. */
  readonly leave: () => void;
}

/** Options of `stage`. */
export interface StageOptions {
  /** Fields of the peer's open. */
  open?: Fields;
  container?: ContainerOptions;
  connect?: ConnectOptions;
  /** Milliseconds of every wait of the script. @default 4000 */
  patience?: number;
}

/** A script that the test itself goes through; time passes only by the clock. */
export async function stage({ open, container: settings, connect, patience = 4000 }: StageOptions = {}): Promise<Stage> {
  const given = new Deferred<Script>();
  const over = new Deferred<void>();
  const peer = await serve(async (script) => {
    await script.handshake(open);
    given.resolve(script);
    await over.promise;
  }, { timeout: patience });
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const container = new Container({ clock, onError: (error) => errors.push(error), ...settings });
  const connection = await container.connect(peer.url, { idleTimeout: 0, reconnect: false, ...connect });
  afterwards(async () => {
    over.resolve();
    await connection.close({ timeout: 0 });
    await container.close();
  });
  return { peer: await given.promise, connection, container, clock, errors, leave: () => over.resolve() };
}

/** Answers begin and attach of the link that was just made. */
export async function answer(peer: Script, attach: Fields = {}): Promise<Frame> {
  peer.reply(await peer.until("begin"));
  const theirs = await peer.until("attach");
  peer.reply(theirs, attach);
  return theirs;
}

/** A sender at the scripted peer, which has given this much credit. */
export async function senderOn(
  { peer, connection }: Stage, credit = 0, options: SenderOptions = {}, attach: Fields = {}, target: string | TargetInit | null = "q",
): Promise<Sender> {
  const opening = connection.createSender(target, options);
  await answer(peer, attach);
  const sender = await within(opening, "the sender");
  if (credit > 0) await giveCredit(peer, sender, credit);
  return sender;
}

/** Gives credit to the sender last attached, and waits until it has come. */
export async function giveCredit(peer: Script, sender: Sender, credit: number, fields: Fields = {}): Promise<void> {
  peer.send("flow", { handle: 0, deliveryCount: sent(peer), linkCredit: credit, echo: true, ...fields });
  await peer.until("flow", { handle: (handle: unknown) => handle !== undefined });
}

/** Deliveries that have begun to come. */
export function sent(peer: Script): number {
  return peer.frames().filter(({ name, fields }) => name === "transfer" && fields["deliveryId"] !== undefined).length;
}

/** The next delivery-ids whose last frame has come. */
export async function ids(peer: Script, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const { fields } = await peer.until("transfer", { more: false });
    found.push(Number(fields["deliveryId"] ?? -1));
  }
  return found;
}

/** A receiver at the scripted peer. */
export async function receiverOn<Body = unknown>(
  { peer, connection }: Stage, options: ReceiverOptions<Body> = {}, attach: Fields = {}, source: string | SourceInit = "q",
): Promise<Receiver<Body>> {
  const opening = connection.createReceiver<Body>(source, options);
  await answer(peer, attach);
  return within(opening, "the receiver");
}

/** The next flow of a link that gives credit. */
export function nextCredit(peer: Script): Promise<Frame> {
  return peer.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
}

/** Sends messages with these values, each a delivery. */
export function deliver(peer: Script, ...values: unknown[]): void {
  for (const value of values) peer.send("transfer", {}, encodeMessage({ value }));
}

/** Outcomes by delivery-id as the library has told them up to its answer to an echo: a type, `modified+failed` where delivery-failed is set. */
export async function outcomes(peer: Script): Promise<Record<number, string>> {
  peer.send("flow", { echo: true });
  await peer.until("flow", { handle: undefined });
  return outcomesAmong(peer.frames());
}

/** The same of the frames that have come. */
export function outcomesAmong(frames: readonly Frame[]): Record<number, string> {
  const found: Record<number, string> = {};
  for (const { name, fields } of frames) {
    if (name !== "disposition" || fields["role"] !== "receiver") continue;
    const state = fields["state"] as { type: string; deliveryFailed?: boolean; error?: { condition: string } } | undefined;
    const text = state === undefined ? "none" : `${state.type}${state.deliveryFailed === true ? "+failed" : ""}${state.error === undefined ? "" : ` ${state.error.condition}`}`;
    for (let id = Number(fields["first"]); id <= Number(fields["last"] ?? fields["first"]); id++) found[id] = text;
  }
  return found;
}

/** What a promise rejects with. */
export function failure(promise: PromiseLike<unknown>, what = "a rejection"): Promise<Error> {
  return within(promise.then(
    () => {
      throw new Error(`${what}: it resolved`);
    },
    (error: unknown) => error as Error,
  ), what);
}

/** Whether a promise is settled by now, after turns of the event loop in which everything under way arrives. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  promise.then(() => (over = true), () => (over = true));
  await turns();
  return over;
}

/** Lets what is under way arrive: turns of the event loop, in which loopback sockets deliver. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits, turn by turn, until something is so. */
export async function until(condition: () => boolean, ms = 4000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Two containers, one connected to the other. */
export interface Pair {
  readonly server: Container;
  readonly client: Container;
  readonly listener: Listener;
  readonly connection: Connection;
  /** The next link that the client attaches. */
  request(): Promise<LinkRequest>;
  /** A sender of the client, whose receiver the server holds. */
  sending<Body = unknown>(options?: { sender?: SenderOptions<Body>; receiver?: ReceiverOptions<Body>; address?: string }): Promise<[Sender<Body>, Receiver<Body>]>;
  /** A receiver of the client, whose sender the server holds. */
  receiving<Body = unknown>(options?: { sender?: SenderOptions<Body>; receiver?: ReceiverOptions<Body>; address?: string }): Promise<[Receiver<Body>, Sender<Body>]>;
}

/** Options of `pair`. */
export interface PairOptions {
  server?: ContainerOptions;
  client?: ContainerOptions;
  listen?: ListenOptions;
  connect?: ConnectOptions;
}

/** Two containers of ours over loopback. */
export async function pair({ server: ofServer, client: ofClient, listen, connect }: PairOptions = {}): Promise<Pair> {
  const server = new Container({ onError: () => {}, ...ofServer });
  const client = new Container({ onError: () => {}, ...ofClient });
  afterwards(async () => {
    await client.close({ timeout: 500 }).catch(() => {});
    await server.close({ timeout: 500 }).catch(() => {});
  });
  const listener = await server.listen("amqp://127.0.0.1:0", listen);
  const requests = listener.links()[Symbol.asyncIterator]();
  const connection = await client.connect(listener.url, { reconnect: false, ...connect });
  const request = async (): Promise<LinkRequest> => (await within(requests.next(), "a link of the peer's")).value as LinkRequest;
  return {
    server, client, listener, connection, request,
    sending: async <Body>({ sender, receiver, address = "q" }: { sender?: SenderOptions<Body>; receiver?: ReceiverOptions<Body>; address?: string } = {}) => {
      const opening: Opening<Sender<Body>> = connection.createSender<Body>(address, sender);
      const asked = await request();
      if (asked.role !== "receiver") throw new Error("a sender was asked for");
      const accepted = await asked.accept<Body>(receiver);
      return [await opening, accepted];
    },
    receiving: async <Body>({ sender, receiver, address = "q" }: { sender?: SenderOptions<Body>; receiver?: ReceiverOptions<Body>; address?: string } = {}) => {
      const opening: Opening<Receiver<Body>> = connection.createReceiver<Body>(address, receiver);
      const asked = await request();
      if (asked.role !== "sender") throw new Error("a receiver was asked for");
      const accepted = await asked.accept<Body>(sender);
      return [await opening, accepted];
    },
  };
}
