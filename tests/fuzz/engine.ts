/** One engine under fuzz, driven in memory: whatever its peer does, the program behind it accepts, sends, gives credit and settles. */

import { ConnectionEndpoint } from "../../src/engine/connection.ts";
import type { ConnectionSettings } from "../../src/engine/connection.ts";
import type { IncomingTransfer } from "../../src/engine/deliveries.ts";
import type { SaslSide } from "../../src/engine/handshake.ts";
import type { Held, LinkEndpoint, LinkSettings } from "../../src/engine/link.ts";
import { ReceiverEndpoint } from "../../src/engine/receiver.ts";
import type { SessionEndpoint, SessionSink } from "../../src/engine/session.ts";
import { ACCEPTED } from "../../src/frames/delivery-state.ts";
import type { Need } from "../../src/sasl/mechanism.ts";
import { AnonymousClient, AnonymousServer } from "../../src/sasl/anonymous.ts";
import { ClientNegotiation } from "../../src/sasl/client-negotiation.ts";
import { PlainServer } from "../../src/sasl/plain.ts";
import { ScramClient } from "../../src/sasl/scram-client.ts";
import { ScramServer } from "../../src/sasl/scram-server.ts";
import { ServerNegotiation } from "../../src/sasl/server-negotiation.ts";
import type { ServerMechanism } from "../../src/sasl/mechanism.ts";
import { pairSettings, taken } from "../../src/testing/engine-pair.ts";
import { concat, hex } from "../../src/testing/codec/octets.ts";
import { ConnectionOwner, ReceiverOwner, Received, SenderOwner, SessionOwner, linkSettings } from "../engine/support.ts";

/** What came of an input. */
export interface Reaction {
  readonly log: readonly string[];
  readonly output: Uint8Array;
  readonly failure: { readonly code: string } | undefined;
  readonly state: string;
}

/** An engine and the program behind it, of which a run is the same for the same octets. */
export class FuzzedEngine {
  readonly #owner = new FuzzedOwner();
  readonly #endpoint: ConnectionEndpoint;

  constructor(side: "client" | "server", sasl: boolean) {
    const over: Partial<ConnectionSettings> = {
      channelMax: 63, acceptSessions: side === "server", maxBufferedBytes: 256 * 1024, maxFrameSize: 64 * 1024, ...(sasl ? { sasl: saslOf(side) } : {}),
    };
    this.#endpoint = new ConnectionEndpoint(pairSettings(side, over), this.#owner, 0);
    this.#owner.endpoint = this.#endpoint;
  }

  /** Hands over the input, cut into pieces of `cuts` octets in turn. */
  feed(bytes: Uint8Array, cuts: readonly number[] = []): this {
    for (let at = 0, piece = 0; at < bytes.length; piece++) {
      const size = cuts.length === 0 ? bytes.length : cuts[piece % cuts.length] as number;
      this.#endpoint.handleBytes(bytes.slice(at, at + size), 0);
      at += size;
    }
    return this;
  }

  /** Lets time pass and the stream end, and answers all that was said and told. */
  finish(): Reaction {
    const parts: Uint8Array[] = [taken(this.#endpoint, 0)];
    for (let round = 0; round < 64; round++) {
      const more = taken(this.#endpoint, 0);
      if (more.length === 0) break;
      parts.push(more);
    }
    this.#endpoint.handleTick(1_000);
    parts.push(taken(this.#endpoint, 1_000));
    this.#endpoint.handleTick(20_000);
    parts.push(taken(this.#endpoint, 20_000));
    this.#endpoint.handleEnd();
    return {
      log: this.#owner.log, failure: this.#owner.failure, state: this.#endpoint.state,
      output: concat(...parts),
    };
  }
}

class FuzzedOwner extends ConnectionOwner {
  override onOpened(open: Parameters<ConnectionOwner["onOpened"]>[0]): void {
    super.onOpened(open);
    if (this.endpoint.settings.side !== "client") return;
    const session = new FuzzedSession(this.log);
    this.sessions.push(session);
    session.endpoint = this.endpoint.begin({}, session);
  }

  override onSession(endpoint: SessionEndpoint): SessionSink {
    this.log.push("session of the peer");
    const session = new FuzzedSession(this.log);
    session.endpoint = endpoint;
    this.sessions.push(session);
    return session;
  }

  override onSaslNeed(need?: Need): void {
    this.log.push(`sasl need ${need?.need}`);
    if (need === undefined) return;
    // what a need of the world is answered with is always the same
    const answer = need.need === "random" ? new Uint8Array(need.octets).fill(7) : need.need === "authenticate" ? need.password === "p"
      : need.need === "hash" || need.need === "hmac" ? new Uint8Array(32).fill(need.data.length & 0xff) : need.need === "pbkdf2" ? new Uint8Array(32).fill(3) : undefined;
    if (answer === undefined) this.endpoint.handleSaslFailure(new Error("nobody is known"), 0);
    else this.endpoint.handleSaslAnswer(answer, 0);
  }
}

class FuzzedSession extends SessionOwner {
  readonly #log: string[];

  constructor(log: string[]) {
    super(log);
    this.#log = log;
  }

  override onBegun(): void {
    super.onBegun();
    const settings: Partial<LinkSettings> = { unsettled: [[hex("00000000"), null], [hex("00000001"), ACCEPTED]] };
    const sender = new SenderOwner(this.#log);
    sender.endpoint = this.endpoint.attachSender(linkSettings("s", { initialDeliveryCount: 0, ...settings }), sender);
    for (let i = 0; i < 3; i++) sender.send(MESSAGE, { chunks: i === 1, presettled: i === 2 });
    const receiver = new FuzzedReceiver(this.#log);
    receiver.endpoint = this.endpoint.attachReceiver(linkSettings("r", { rcvSettleMode: "second", maxMessageSize: 16_384, ...settings }), receiver);
    receiver.hold();
  }

  override accept(link: LinkEndpoint): void {
    if (link instanceof ReceiverEndpoint) {
      const owner = new FuzzedReceiver(this.#log);
      owner.endpoint = link;
      link.sink = owner;
      owner.hold();
      link.accept(linkSettings(link.name, { maxMessageSize: 16_384, initialDeliveryCount: undefined }));
      link.giveCredit(20);
      return;
    }
    const owner = new SenderOwner(this.#log);
    owner.endpoint = link as SenderOwner["endpoint"];
    owner.endpoint.sink = owner;
    link.accept(linkSettings(link.name, { initialDeliveryCount: 0 }));
    for (let i = 0; i < 3; i++) owner.send(MESSAGE, { presettled: i === 2 });
  }
}

class FuzzedReceiver extends ReceiverOwner {
  readonly #log: string[];
  #held = new Map<string, Received>();

  constructor(log: string[]) {
    super(log);
    this.#log = log;
  }

  /** Holds one delivery of an earlier attachment, by its tag, for who resumes it. */
  hold(): void {
    const held: Received = new Received(this.#log);
    held.tagSource = hex("aa");
    held.tagLength = 1;
    this.#held.set("aa", held);
    this.endpoint.held = {
      take: (tag) => {
        const name = Buffer.from(tag).toString("hex");
        const found = this.#held.get(name);
        this.#held.delete(name);
        return found;
      },
      onRebound: (delivery) => this.#log.push(`rebound ${delivery.deliveryId}`),
    } satisfies Held;
  }

  override onAttached(attach: Parameters<ReceiverOwner["onAttached"]>[0]): void {
    super.onAttached(attach);
    this.endpoint.giveCredit(20);
  }

  override onDelivery(delivery: IncomingTransfer): void {
    super.onDelivery(delivery);
    if (delivery.deliveryId % 3 !== 2) this.endpoint.session.disposeIncoming(delivery, ACCEPTED, delivery.deliveryId % 2 === 0);
  }
}

/** A value of 1,000 octets, in two frames for a peer that takes 512. */
const MESSAGE = Uint8Array.from([0x00, 0x53, 0x75, 0xb0, 0, 0, 0x03, 0xe8, ...new Uint8Array(1000)]);

function saslOf(side: "client" | "server"): SaslSide {
  if (side === "client") {
    return new ClientNegotiation({ choose: (offered) => offered.includes("SCRAM-SHA-256") ? new ScramClient("SCRAM-SHA-256", "u", "p") : new AnonymousClient() });
  }
  return new ServerNegotiation(new Map<string, () => ServerMechanism>([
    ["SCRAM-SHA-256", () => new ScramServer("SCRAM-SHA-256")], ["PLAIN", () => new PlainServer()], ["ANONYMOUS", () => new AnonymousServer()],
  ]));
}
