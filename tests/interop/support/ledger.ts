/** What was sent, reported accepted and received while brokers die, kept by number, for the invariants I1, I5 and I7. */
import type { IncomingDelivery, OutgoingDelivery, Receiver, Sender } from "../../../src/index.ts";

export class Ledger {
  /** Numbers whose send resolved as accepted. */
  readonly accepted = new Set<number>();
  /** Those that the consumer has accepted, and how often a number came beyond the first time. */
  readonly received = new Set<number>();
  duplicates = 0;
  /** Sends that ended in another way than accepted, as text. */
  readonly failures: string[] = [];
  /** Sends that resolved as accepted without the disposition's outcome. */
  readonly withoutOutcome: number[] = [];
  /** How often sends were sent again. */
  resent = 0;
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined = undefined;

  /** Sends this number; resolves when its send has ended, in whatever way. */
  async send(sender: Sender, number: number): Promise<void> {
    try {
      this.#ended(number, await sender.send({ id: number, body: { number }, durable: true }, { timeout: 120_000 }));
    } catch (error) {
      this.failures.push(`${number}: ${error instanceof Error ? `${error.name} ${error.message}` : String(error)}`);
    }
  }

  /** Takes from a receiver with `autoAccept: false` and accepts, until each of so many numbers was received once at least; `hold` says what is left alone. */
  async take(receiver: Receiver, total: number, hold: (delivery: IncomingDelivery) => boolean = () => false): Promise<void> {
    for await (const delivery of receiver) {
      if (hold(delivery)) continue;
      const number = Number(delivery.message.id);
      if (this.received.has(number)) this.duplicates += 1;
      this.received.add(number);
      delivery.accept();
      if (this.received.size >= total) return;
    }
  }

  /** Resolves when so many sends have ended as accepted. */
  untilAccepted(count: number): Promise<void> {
    if (this.accepted.size >= count) return Promise.resolve();
    return new Promise((resolve) => (this.#waiting = { count, resolve }));
  }

  /** Accepted and not received: has to be empty (I5). */
  lost(): number[] {
    return [...this.accepted].filter((number) => !this.received.has(number));
  }

  #ended(number: number, delivery: OutgoingDelivery): void {
    this.accepted.add(number);
    this.resent += delivery.attempts;
    if (delivery.outcome?.type !== "accepted") this.withoutOutcome.push(number);
    if (this.#waiting !== undefined && this.accepted.size >= this.#waiting.count) this.#waiting.resolve();
  }
}
