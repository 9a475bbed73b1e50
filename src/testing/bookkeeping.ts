/**
 * What a scripted peer keeps about channels, handles and ids, so that scripts need not: which channel answers which, the
 * transfer ids of both directions, the next free handle and delivery-id. It never checks the other side; that is what
 * scripts are for. Every value that it fills in can be overridden by naming the field, null included.
 */

import type { Frame, FrameName } from "./codec/frame.ts";
import { bigEndian } from "./codec/octets.ts";

type Fields = Record<string, unknown>;

interface SessionBook {
  /** Our channel; undefined until our begin. */
  ours: number | undefined;
  nextIncomingId: number | undefined;
  nextOutgoingId: number;
  window: number;
  nextDeliveryId: number;
  nextHandle: number;
  lastHandle: number;
  /** Their handle by link name and role of theirs, ours by the same. */
  readonly theirHandles: Map<string, number>;
  readonly ourHandles: Map<string, number>;
  /** Handles of ours with a delivery whose last frame is still to come. */
  readonly unfinished: Set<number>;
}

const WINDOW = 2048;

/** The books of one connection. Those of an ended session stay, for the reply to its end, until its channel is used anew. */
export class Bookkeeping {
  readonly #byOurs = new Map<number, SessionBook>();
  readonly #byTheirs = new Map<number, SessionBook>();
  /** The channel that frames go out on unless the script says otherwise. */
  current = 0;

  /** Takes note of a frame that came in. */
  arrived(frame: Frame): void {
    if (frame.name === "begin") this.#begun(frame);
    const book = this.#byTheirs.get(frame.channel);
    if (book === undefined) return;
    if (frame.name === "transfer" && book.nextIncomingId !== undefined) book.nextIncomingId = (book.nextIncomingId + 1) >>> 0;
    if (frame.name === "attach") book.theirHandles.set(linkKey(frame.fields, false), Number(frame.fields["handle"]));
  }

  /** The script has taken this frame: what it sends next is likely about the same session. */
  taken(frame: Frame): void {
    const ours = this.#byTheirs.get(frame.channel)?.ours;
    if (ours !== undefined) this.current = ours;
  }

  /** Our channel for a session that the peer runs on `channel`. */
  channelFor(channel: number): number {
    return this.#byTheirs.get(channel)?.ours ?? channel;
  }

  /** Our handle for the link that the peer calls `handle` on `channel`. */
  handleFor(channel: number, handle: unknown): unknown {
    const book = this.#byTheirs.get(channel);
    for (const [key, theirs] of book?.theirHandles ?? []) if (theirs === handle) return book?.ourHandles.get(key) ?? handle;
    return handle;
  }

  /** `fields` with what the script left out, for a frame that goes out on `channel`; and the books brought up to date. */
  complete(name: FrameName, fields: Readonly<Fields>, channel: number): Fields {
    const book = this.#byOurs.get(channel);
    const full = { ...this.#defaults(name, fields, book), ...fields };
    this.#sent(name, full, channel, book);
    return full;
  }

  #begun(frame: Frame): void {
    const remote = frame.fields["remoteChannel"];
    const book = (typeof remote === "number" ? this.#byOurs.get(remote) : undefined) ?? newBook();
    book.nextIncomingId = Number(frame.fields["nextOutgoingId"]);
    this.#byTheirs.set(frame.channel, book);
  }

  #defaults(name: FrameName, fields: Readonly<Fields>, book: SessionBook | undefined): Fields {
    switch (name) {
      case "open":
        return { containerId: "scripted-peer" };
      case "begin":
        return { nextOutgoingId: 0, incomingWindow: WINDOW, outgoingWindow: WINDOW };
      case "attach":
        return { handle: book?.nextHandle ?? 0, ...(isSender(fields["role"]) ? { initialDeliveryCount: 0 } : {}) };
      case "flow":
        return { nextIncomingId: book?.nextIncomingId, incomingWindow: book?.window ?? WINDOW, nextOutgoingId: book?.nextOutgoingId ?? 0, outgoingWindow: WINDOW };
      case "transfer":
        return transferDefaults(fields, book);
      case "detach":
        return { handle: book?.lastHandle ?? 0 };
      case "sasl-mechanisms":
        return { saslServerMechanisms: ["ANONYMOUS", "PLAIN"] };
      case "sasl-init":
        return { mechanism: "ANONYMOUS" };
      case "sasl-outcome":
        return { code: 0 };
      default:
        return {};
    }
  }

  #sent(name: FrameName, fields: Fields, channel: number, known: SessionBook | undefined): void {
    let book = known;
    if (name === "begin") {
      const remote = fields["remoteChannel"];
      book = (typeof remote === "number" ? this.#byTheirs.get(remote) : undefined) ?? newBook();
      book.ours = channel;
      book.nextOutgoingId = numberOf(fields["nextOutgoingId"]);
      book.nextDeliveryId = book.nextOutgoingId;
      book.window = numberOf(fields["incomingWindow"]);
      this.#byOurs.set(channel, book);
      this.current = channel;
    }
    if (book === undefined) return;
    if (name === "attach") {
      book.lastHandle = numberOf(fields["handle"]);
      book.nextHandle = Math.max(book.nextHandle, book.lastHandle + 1);
      book.ourHandles.set(linkKey(fields, true), book.lastHandle);
    } else if (name === "transfer") {
      const handle = numberOf(fields["handle"]);
      book.nextOutgoingId = (book.nextOutgoingId + 1) >>> 0;
      if (typeof fields["deliveryId"] === "number") book.nextDeliveryId = (fields["deliveryId"] + 1) >>> 0;
      if (fields["more"] === true) book.unfinished.add(handle);
      else book.unfinished.delete(handle);
    }
  }
}

function newBook(): SessionBook {
  return {
    ours: undefined, nextIncomingId: undefined, nextOutgoingId: 0, window: WINDOW, nextDeliveryId: 0, nextHandle: 0, lastHandle: 0,
    theirHandles: new Map(), ourHandles: new Map(), unfinished: new Set(),
  };
}

function transferDefaults(fields: Readonly<Fields>, book: SessionBook | undefined): Fields {
  const handle = fields["handle"] ?? book?.lastHandle ?? 0;
  if (book?.unfinished.has(numberOf(handle)) === true) return { handle };
  const id = book?.nextDeliveryId ?? 0;
  return { handle, deliveryId: id, deliveryTag: bigEndian(id, 4), messageFormat: 0 };
}

function linkKey(fields: Readonly<Fields>, ours: boolean): string {
  return `${isSender(fields["role"]) === ours ? "we send" : "they send"} ${String(fields["name"])}`;
}

function isSender(role: unknown): boolean {
  return role === "sender" || role === false;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
