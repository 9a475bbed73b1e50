/**
 * The termini of the listening side (protocol.md B.1). A link belongs to the user and the container of its peer, by its name and role; attached
 * elsewhere it leaves the old place (§2.6.1). Where the peer's attach asks for it, a link outlives its attachment: it waits here for
 * as long as its expiry policy and timeout say (§3.5.6), and the peer that attaches it again gets the same Sender or Receiver.
 *
 * | what happens | then |
 * |---|---|
 * | socket lost, connection closed, session ended, detach with closed=false | it waits; its time begins with the event of its policy |
 * | attached again, while it waits or is attached elsewhere | `request.resumes`: accept() goes on with it, refuse() ends it |
 * | attached under its name with another address or filter | it is over: that is another terminus |
 * | detach with closed=true, from either side | it is over |
 * | its time, or the listener that it came to, is over | it is over, and what it had acquired gets the default-outcome |
 */

import type { Connection, Session } from "../client/api.ts";
import type { Claim, LinkKeeper } from "../client/keeper.ts";
import type { ClientLink } from "../client/link.ts";
import type { IncomingLink } from "../client/link-request.ts";
import type { AmqpError } from "../errors.ts";
import { LinkError } from "../errors.ts";
import { LinkCondition } from "../frames/condition.ts";
import { writeSource } from "../frames/terminus-codec.ts";
import type { ExpiryPolicy, Source, Target } from "../frames/terminus.ts";
import type { Clock } from "../options/environment.ts";
import type { ResolvedLimits } from "../options/limits.ts";
import { timerDelay } from "../options/timeouts.ts";
import { ByteWriter } from "../util/byte-writer.ts";
import type { SlabPool } from "../util/slab.ts";
import { Shelf, ShelfPlace } from "./shelf.ts";

const STOLEN = { condition: LinkCondition.stolen, description: "the link is attached on another connection of this container" };

/** How long a terminus waits for its peer, and from when on. */
interface Life {
  readonly policy: ExpiryPolicy;
  /** Milliseconds. */
  readonly timeout: number;
}

/** All termini of a container's listeners. */
export class SuspendedTermini {
  readonly clock: Clock;
  readonly shelf: Shelf;
  readonly #entries = new Map<string, Entry>();
  /** Those that wait for the end of a session or connection. */
  readonly #awaiting = new WeakMap<Session | Connection, Set<Entry>>();
  readonly #closed = new WeakSet();
  #lasting = 0;

  constructor(clock: Clock, slabs: SlabPool) {
    this.clock = clock;
    this.shelf = new Shelf(slabs);
  }

  /** The peer attaches a link, at a listener. */
  claim(request: IncomingLink, listener: object, limits: ResolvedLimits): void {
    const { connection, name, role } = request;
    const key = JSON.stringify([connection.identity?.user, connection.remoteContainer, name, role]);
    let entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, (entry = new Entry(this, () => this.#entries.delete(key))));
    entry.claim(request, listener, limits);
  }

  /** A listener closes: nobody can come back to it, and no link that is attached there outlives that. */
  close(listener: object): void {
    this.#closed.add(listener);
    for (const entry of [...this.#entries.values()]) if (entry.listener === listener) entry.end(undefined);
  }

  isClosed(listener: object): boolean {
    return this.#closed.has(listener);
  }

  /** Whether one more may last, if it does not yet. */
  mayLast(limits: ResolvedLimits): boolean {
    return this.#lasting < limits.maxSuspendedTermini;
  }

  count(amount: 1 | -1): void {
    this.#lasting += amount;
  }

  /** Calls `expireSoon` of an entry when the session or connection is over, unless it is taken from the set before. */
  awaitEnd(scope: Session | Connection, entry: Entry): Set<Entry> {
    let entries = this.#awaiting.get(scope);
    if (entries === undefined) {
      const waiting = new Set<Entry>();
      this.#awaiting.set(scope, (entries = waiting));
      void scope.closed.then(() => {
        this.#awaiting.delete(scope);
        for (const each of waiting) each.startTime();
      });
    }
    entries.add(entry);
    return entries;
  }
}

/** What there is under one name. */
class Entry implements LinkKeeper, Claim<ClientLink> {
  listener: object | undefined = undefined;
  readonly #termini: SuspendedTermini;
  readonly #forget: () => void;
  #limits: ResolvedLimits | undefined = undefined;
  /** Who attached it last, until that is over. */
  #request: IncomingLink | undefined = undefined;
  /** The link that may outlive its attachment. */
  #link: ClientLink | undefined = undefined;
  #life: Life | undefined = undefined;
  /** What tells it from other termini of the same name; undefined where the peer did not say. */
  #text: string | undefined = undefined;
  #suspended = false;
  #timer: { cancel(): void } | undefined = undefined;
  #awaited: Set<Entry> | undefined = undefined;
  #reason: AmqpError | undefined = undefined;

  constructor(termini: SuspendedTermini, forget: () => void) {
    this.#termini = termini;
    this.#forget = forget;
  }

  // ---------------------------------------------------------------- Claim

  /** The peer attaches it. */
  claim(request: IncomingLink, listener: object, limits: ResolvedLimits): void {
    const old = this.#request;
    const elsewhere = old !== undefined && old.connection !== request.connection;
    const text = textOf(request);
    this.#request = request;
    this.#limits = limits;
    this.listener = listener;
    request.claim = this;
    request.onOver = () => {
      if (this.#request === request) this.#request = undefined;
      this.#tidy();
    };
    if (old?.open === true) {
      // Its peer has given up on that one.
      old.claim = undefined;
      old.resumes = undefined;
      void old.refuse(STOLEN);
    }
    this.#stopTime();
    const link = this.#link;
    if (link === undefined) {
      if (elsewhere) void old?.link?.close({ error: STOLEN, drain: 0 }).catch(() => undefined);
    } else if (text !== undefined && this.#text !== undefined && text !== this.#text) {
      if (this.#suspended) this.end("its peer attached another one under its name");
      else void (link as unknown as { close(options: object): Promise<void> }).close({ error: STOLEN, drain: 0 }).catch(() => undefined);
      this.#release();
    } else if (!this.#suspended) {
      const why = new LinkError(`${link.title} is attached on another connection of its container`, { code: "link-detached", scope: "link", condition: STOLEN.condition });
      this.#suspend(link, why, true);
    }
    if (text !== undefined) this.#text = text;
    if (this.#suspended) request.resumes = this.#link;
  }

  granted<T extends Source | Target>(terminus: T): T {
    const limits = this.#limits as ResolvedLimits;
    const { expiryPolicy, timeout } = terminus;
    if (expiryPolicy !== "never" && timeout === 0) return terminus;
    const most = Math.floor(limits.maxTerminusTimeout / 1000);
    if (most === 0 || (this.#link === undefined && !this.#termini.mayLast(limits))) return { ...terminus, expiryPolicy: "session-end", timeout: 0 };
    if (expiryPolicy === "never") return most === Infinity ? terminus : { ...terminus, expiryPolicy: "connection-close", timeout: Math.min(0xffffffff, most) };
    return timeout <= most ? terminus : { ...terminus, timeout: most };
  }

  accepted(link: ClientLink, terminus: Source | Target | null): void {
    this.#suspended = false;
    this.#reason = undefined;
    if (terminus === null || (terminus.expiryPolicy !== "never" && terminus.timeout === 0)) {
      this.#release();
      link.keeper = undefined;
      return;
    }
    this.#life = { policy: terminus.expiryPolicy, timeout: terminus.timeout * 1000 };
    if (this.#link !== link) {
      this.#link = link;
      this.#termini.count(1);
    }
    link.keeper = this;
  }

  refused(): void {
    if (this.#suspended) this.end("it was refused to its peer when that came back");
  }

  dropped(): void {
    if (this.#suspended) this.#await();
  }

  // ---------------------------------------------------------------- LinkKeeper

  keeps(link: ClientLink, error: AmqpError | undefined): boolean {
    if (this.#link !== link || this.#termini.isClosed(this.listener as object)) return false;
    const why = error ?? new LinkError(`${link.title} is detached`, { code: "link-detached", scope: "link", origin: "remote", retryable: true });
    this.#suspend(link, why, false);
    this.#await();
    return true;
  }

  left(link: ClientLink): void {
    if (this.#link !== link) return;
    this.#release();
    this.#tidy();
  }

  // ---------------------------------------------------------------- time

  /** The event of its policy has come: its time begins. */
  startTime(): void {
    this.#awaited = undefined;
    this.#watch(this.#termini.clock.now() + (this.#life as Life).timeout);
  }

  /** It waits no longer. @param why undefined where that is in order */
  end(why: string | undefined): void {
    this.#stopTime();
    const link = this.#link;
    if (link === undefined || !this.#suspended) return;
    link.expire(why === undefined ? undefined : new LinkError(`${link.title} has expired: ${why}`, { code: "link-detached", scope: "link", cause: this.#reason }));
  }

  // ---------------------------------------------------------------- private

  #suspend(link: ClientLink, error: AmqpError, stolen: boolean): void {
    this.#suspended = true;
    this.#reason = error;
    const { host } = link;
    link.suspend(error, stolen ? STOLEN : undefined);
    link.moveTo(new ShelfPlace(this.#termini.shelf, host));
    host.leave(link);
  }

  #await(): void {
    const { policy } = this.#life as Life;
    const link = this.#link as ClientLink;
    if (policy === "never") return;
    if (policy === "link-detach") this.startTime();
    else this.#awaited = this.#termini.awaitEnd(policy === "session-end" ? link.session : link.connection, this);
  }

  /** A timer holds less than a month. */
  #watch(due: number): void {
    const { clock } = this.#termini;
    this.#timer = clock.setTimer(timerDelay(due - clock.now()) ?? 0, () => {
      if (clock.now() < due) this.#watch(due);
      else this.end(`its peer did not come back within ${(this.#life as Life).timeout} ms`);
    });
  }

  #stopTime(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#awaited?.delete(this);
    this.#awaited = undefined;
  }

  /** No link is kept here. */
  #release(): void {
    this.#stopTime();
    this.#suspended = false;
    if (this.#link === undefined) return;
    this.#link = undefined;
    this.#termini.count(-1);
  }

  #tidy(): void {
    if (this.#request === undefined && this.#link === undefined) this.#forget();
  }
}

/** What our end's terminus is, apart from how long it lives; undefined where the peer leaves that to us. */
function textOf({ asked }: IncomingLink): string | undefined {
  if (asked == null) return undefined;
  if (asked.type === "coordinator") return asked.type;
  const { address, dynamic } = asked;
  const w = new ByteWriter();
  const { distributionMode, filter } = asked as Partial<Source>;
  writeSource(w, { type: "source", address: dynamic ? undefined : address, dynamic, distributionMode, filter, durable: 0, expiryPolicy: "session-end", timeout: 0 });
  return String(w.bytes.subarray(0, w.position));
}
