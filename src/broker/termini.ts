/**
 * What outlives a link on the side of its source: under which name it was attached, to what, and what has come for it since. A link
 * that is only detached, or lost with its session or connection, leaves its terminus behind for as long as its expiry policy and
 * timeout say (3.5.6); closing ends it. It is found again by user, container-id and link name. Where its source outlives that by more than its
 * session, the link itself is kept by the listening side, and is over only with its terminus.
 *
 * | ended by | then |
 * |---|---|
 * | detach with closed=true, from either side | gone |
 * | detach with closed=false, end, close, lost connection | kept: from the event of the expiry policy on for `timeout` |
 * | the end of a link that was kept | gone |
 * | another attach under the same name | the old link is detached with link:stolen, the new one goes on |
 */

import type { Clock, Connection, Sender, SenderRequest, Session, Source, SourceInit } from "../container/public.ts";
import type { Attachment, Place } from "./node.ts";

/** The time that a timer can be set for. */
const LONGEST = 2 ** 31 - 1;

/** What a source was when it was attached. */
export interface KeptSource {
  /** What a link gets as its source. */
  readonly source: SourceInit;
  /** Sources with the same text are the same subscription. */
  readonly text: string;
  /** Called when it is over. */
  readonly onEnded: () => void;
}

/** All termini of a broker. */
export class Termini {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #byKey = new Map<string, Terminus>();
  #kept = 0;

  /** @param max how many may be kept without a link */
  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** How many are kept, or would be if their links went. */
  get kept(): number {
    return this.#kept;
  }

  /** Whether one more cannot be kept. */
  get full(): boolean {
    return this.#kept >= this.#max;
  }

  get(key: string): Terminus | undefined {
    return this.#byKey.get(key);
  }

  add(key: string, what: KeptSource): Terminus {
    const terminus = new Terminus(this.#clock, what, {
      onEnded: () => {
        if (this.#byKey.get(key) === terminus) this.#byKey.delete(key);
      },
      mayKeep: () => !this.full,
      count: (amount) => (this.#kept += amount),
    });
    this.#byKey.set(key, terminus);
    return terminus;
  }

  /** Ends all of them. */
  close(): void {
    for (const terminus of [...this.#byKey.values()]) terminus.end();
  }
}

/** Who asks for a terminus; a link name belongs to its container, and that to its user. */
export function keyOf({ connection, name }: SenderRequest): string {
  return JSON.stringify([connection.identity?.user, connection.remoteContainer, name]);
}

/** Whether a source asks to be kept beyond its session. */
export function isLasting({ durability, expiryPolicy, timeout }: SourceInit): boolean {
  return expiryPolicy === "never" || (durability !== undefined && durability !== "none") || (timeout ?? 0) > 0;
}

/** Whether the link of a source is kept without its attachment. */
function outlives({ expiryPolicy, timeout }: Source): boolean {
  return expiryPolicy === "never" || timeout > 0;
}

interface Keeper {
  onEnded(): void;
  mayKeep(): boolean;
  count(amount: 1 | -1): void;
}

/** One source and what there is of it without a link. */
export class Terminus {
  readonly source: SourceInit;
  readonly text: string;
  /** Where its messages come from; undefined until a link has been attached. */
  place: Place | undefined = undefined;
  ended = false;
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  readonly #onEnded: () => void;
  readonly #counted: boolean;
  #loose = false;
  #holder: Sender | undefined = undefined;
  #claim: object | undefined = undefined;
  #attachment: Attachment | undefined = undefined;
  // Whose end starts its time, and whose end is waited for already.
  #scope: Session | Connection | undefined = undefined;
  readonly #awaited = new WeakSet<Session | Connection>();
  #timer: { cancel(): void } | undefined = undefined;

  constructor(clock: Clock, { source, text, onEnded }: KeptSource, keeper: Keeper) {
    this.source = source;
    this.text = text;
    this.#clock = clock;
    this.#keeper = keeper;
    this.#onEnded = onEnded;
    this.#counted = isLasting(source);
    if (this.#counted) keeper.count(1);
  }

  /** Somebody is about to attach: whoever has it loses it. Answers a token for `hold`. */
  claim(): object {
    const claim = {};
    this.#claim = claim;
    this.#scope = undefined;
    this.#timer?.cancel();
    this.#setLoose(false);
    const old = this.#holder;
    if (old !== undefined) {
      this.#let(old);
      const description = "the link is attached anew under its name";
      old.close({ error: { condition: "amqp:link:stolen", description }, drain: 0 }).catch(() => undefined);
    }
    return claim;
  }

  /** The link is there. False when somebody else has claimed the terminus since. */
  hold(claim: object, sender: Sender, place: Place): boolean {
    if (this.#claim !== claim || this.ended) return false;
    this.#holder = sender;
    this.place = place;
    place.onLost = () => {
      this.place = undefined;
      this.end();
    };
    this.#attachment = place.attach(sender);
    return true;
  }

  /** Whether that link is attached to it. */
  isHeldBy(sender: Sender): boolean {
    return this.#holder === sender;
  }

  /** Its link is attached anew. */
  again(sender: Sender): void {
    if (this.#holder === sender && sender.recovery !== "resumed") this.#attachment?.again();
  }

  /** The link is over, or did not come to be. */
  release(claim: object, sender: Sender | undefined): void {
    if (this.#claim !== claim) return;
    if (sender !== undefined && this.#holder === sender) this.#let(sender);
    if (sender === undefined ? this.place === undefined : !sender.detached || outlives(sender.source)) return this.end();
    if (this.ended) return;
    if (!this.#counted && !this.#keeper.mayKeep()) return this.end();
    this.#setLoose(true);
    this.#await(sender);
  }

  /** It is closed. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#timer?.cancel();
    this.#setLoose(false);
    if (this.#counted) this.#keeper.count(-1);
    if (this.#holder !== undefined) this.#let(this.#holder);
    this.place?.close();
    this.place = undefined;
    this.#keeper.onEnded();
    this.#onEnded();
  }

  #let(holder: Sender): void {
    if (this.#holder !== holder) return;
    this.#holder = undefined;
    this.#attachment?.leave();
    this.#attachment = undefined;
  }

  #setLoose(loose: boolean): void {
    if (this.#counted || this.#loose === loose) return;
    this.#loose = loose;
    this.#keeper.count(loose ? 1 : -1);
  }

  // Its time begins with the event of its policy.
  #await(sender: Sender | undefined): void {
    const policy = this.source.expiryPolicy ?? "session-end";
    if (policy === "never") return;
    if (sender === undefined || policy === "link-detach") return this.#expire();
    const scope = policy === "session-end" ? sender.session : sender.connection;
    this.#scope = scope;
    if (this.#awaited.has(scope)) return;
    this.#awaited.add(scope);
    void scope.closed.then(() => {
      if (this.#scope === scope && this.#holder === undefined) this.#expire();
    });
  }

  #expire(): void {
    if (this.ended) return;
    const timeout = this.source.timeout ?? 0;
    if (timeout <= 0) return this.end();
    this.#timer?.cancel();
    this.#timer = timeout > LONGEST ? undefined : this.#clock.setTimer(timeout, () => this.end());
  }
}
