/**
 * The demo's work: send numbered messages, take them back, settle them, count. The memory it needs does not depend on
 * how many there are: a bounded number is under way, and what is counted is counted in bits and steps.
 */

import type { Connection, IncomingDelivery, Receiver, Sender } from "../index.ts";
import { Histogram, Seen } from "./tally.ts";

/** Messages between `send()` and the loop. */
const UNDER_WAY = 2_000;

/** Milliseconds without a message after which those that have not come count as missing. */
const IDLE = 10_000;

/** Milliseconds in which a second copy of the last messages may still come. */
const LAST_COPIES = 100;

/** What came of a run. */
export interface DemoResult {
  readonly sent: number;
  /** Sends that the broker did not accept, and why the first one failed. */
  readonly refused: number;
  readonly firstRefusal: unknown;
  readonly seen: Seen;
  /** Messages that came back with another body. */
  readonly damaged: number;
  /** Messages of an earlier run that was cut short; they were taken out of the queue. */
  readonly leftOver: number;
  readonly latency: Histogram;
  /** Milliseconds from the first send to the last message. */
  readonly elapsed: number;
}

/** The queue holds messages that are none of ours. */
export class ForeignMessageError extends Error {}

/** Numbers on the way, for the progress line. */
export interface Progress {
  sent: number;
  received: number;
}

/**
 * Runs over one address.
 *
 * @param run a text that no other run has; the messages carry it in their ids.
 * @throws ForeignMessageError when a message comes that is no demo's; it is given back.
 */
export async function runDemo(connection: Connection, address: string, run: string, messages: number, size: number, progress: Progress): Promise<DemoResult> {
  const receiver = await connection.createReceiver(address, { prefetch: 1_000 });
  const sender = await connection.createSender(address);
  const exchange = new Exchange(run, messages, size, progress);
  const start = performance.now();
  await Promise.all([exchange.receive(receiver), exchange.send(sender)]);
  const elapsed = exchange.lastAt - start;
  await exchange.receiveLastCopies(receiver);
  await sender.close();
  await receiver.close();
  return { sent: progress.sent, refused: exchange.refused, firstRefusal: exchange.firstRefusal, seen: exchange.seen, damaged: exchange.damaged, leftOver: exchange.leftOver, latency: exchange.latency, elapsed };
}

const PREFIX = "leptonmq-demo/";

class Exchange {
  readonly seen: Seen;
  readonly latency = new Histogram();
  refused = 0;
  firstRefusal: unknown = undefined;
  damaged = 0;
  leftOver = 0;
  lastAt = performance.now();
  readonly #messages: number;
  readonly #size: number;
  readonly #prefix: string;
  readonly #progress: Progress;
  // When the message with a number was sent. A place serves another number later; as messages come in order, or nearly, that is after the first came back.
  readonly #sentAt = new Float64Array(UNDER_WAY);
  #unsettled = 0;
  // Nothing comes back any more.
  #over = false;
  #wakeAt = 0;
  #wake: (() => void) | undefined = undefined;

  constructor(run: string, messages: number, size: number, progress: Progress) {
    this.#messages = messages;
    this.#size = size;
    this.#prefix = `${PREFIX}${run}/`;
    this.#progress = progress;
    this.seen = new Seen(messages);
  }

  async send(sender: Sender): Promise<void> {
    const body = new Uint8Array(this.#size).fill(0x78);
    const onAccepted = (): void => this.#settled();
    const onRefused = (error: unknown): void => {
      this.refused++;
      this.firstRefusal ??= error;
      this.#settled();
    };
    for (let n = 0; n < this.#messages; n++) {
      if (this.#underWay() >= UNDER_WAY) await this.#until(UNDER_WAY / 2);
      if (this.#over) return;
      this.#sentAt[n % UNDER_WAY] = performance.now();
      this.#unsettled++;
      this.#progress.sent++;
      sender.send({ id: this.#prefix + n, body }).then(onAccepted, onRefused);
    }
    await this.#until(0);
  }

  async receive(receiver: Receiver): Promise<void> {
    try {
      for await (const delivery of receiver.take({ idle: IDLE })) {
        this.#count(delivery);
        if (this.seen.missing > this.refused) continue;
        // The loop would accept it only with the next one.
        await delivery.accept();
        return;
      }
    } finally {
      this.#over = this.seen.missing > this.refused;
      this.#notify();
    }
  }

  async receiveLastCopies(receiver: Receiver): Promise<void> {
    for await (const delivery of receiver.take({ idle: LAST_COPIES })) this.#count(delivery);
  }

  #count(delivery: IncomingDelivery): void {
    const { id } = delivery.message;
    if (typeof id !== "string" || !id.startsWith(PREFIX)) throw new ForeignMessageError();
    if (!id.startsWith(this.#prefix)) {
      this.leftOver++;
      return;
    }
    const n = Number(id.slice(this.#prefix.length));
    const { body } = delivery.message;
    if (!(body instanceof Uint8Array) || body.byteLength !== this.#size) this.damaged++;
    if (!this.seen.add(n)) return;
    this.lastAt = performance.now();
    this.latency.add(this.lastAt - (this.#sentAt[n % UNDER_WAY] ?? 0));
    this.#progress.received++;
    this.#notify();
  }

  #settled(): void {
    this.#unsettled--;
    this.#notify();
  }

  // Sends not settled yet, or messages not back yet, whichever are more.
  #underWay(): number {
    return Math.max(this.#unsettled, this.#progress.sent - this.seen.distinct - this.refused);
  }

  // One promise for many messages: waking for each would cost more than sending it.
  #until(underWay: number): Promise<void> {
    if (this.#over || this.#underWay() <= underWay) return Promise.resolve();
    this.#wakeAt = underWay;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    if (this.#wake === undefined || (!this.#over && this.#underWay() > this.#wakeAt)) return;
    const wake = this.#wake;
    this.#wake = undefined;
    wake();
  }
}
