/**
 * What comes before open: protocol headers (§2.2) and, where it is wanted, the SASL layer with headers of its own (§5.3.1).
 *
 * | side | phase | comes | does |
 * |---|---|---|---|
 * | client | header, asked SASL or AMQP | the same header | goes on |
 * | client | header | any other | fails, naming what came |
 * | server | header, SASL not done | SASL header | answers it, sends the mechanisms |
 * | server | header, SASL wanted | AMQP header | answers with the SASL header, ends; goes on without SASL where anybody may come in |
 * | server | header, no SASL | SASL header | answers with the AMQP header, ends |
 * | server | header | any other | answers with the header it would take, ends |
 */

import type { AmqpError } from "../errors.ts";
import { ConnectionError } from "../errors.ts";
import type { SaslPerformative } from "../frames/performatives.ts";
import { printable } from "../frames/printable.ts";
import type { ProtocolHeader } from "../frames/splitter.ts";
import { ProtocolId } from "../frames/splitter.ts";
import type { SaslAction } from "../sasl/action.ts";
import type { Answer, Need } from "../sasl/mechanism.ts";
import type { ConnectionEvent } from "./states.ts";

/** One side of a SASL negotiation, client or server. */
export interface SaslSide {
  /** What a server says first. */
  start?(): readonly SaslAction[];
  handleFrame(frame: SaslPerformative | undefined): readonly SaslAction[];
  handleUndecodable(error: Error): readonly SaslAction[];
  answer(answer: Answer): readonly SaslAction[];
  /** A server's need cannot be fulfilled. */
  abandon?(cause: unknown): readonly SaslAction[];
}

/** What the handshake needs of its connection. */
export interface HandshakeOwner {
  writeHeader(id: number): void;
  writeSasl(performative: SaslPerformative): void;
  expectHeader(): void;
  sendOpen(): void;
  advance(event: ConnectionEvent): boolean;
  /** Ends without another word. */
  fail(error: AmqpError): void;
  /** Ends with a last word, after a delay that tells nothing of the cause and slows down whoever guesses (B53). */
  failLater(error: AmqpError, say: () => void): void;
  askSasl(need: Need): void;
  authenticated(): void;
}

type Phase = "SASL header" | "SASL" | "AMQP header" | "open";

export class Handshake {
  phase: Phase;
  identity: { readonly mechanism: string; readonly user: string | undefined } | undefined = undefined;
  readonly #side: "client" | "server";
  readonly #sasl: SaslSide | undefined;
  readonly #owner: HandshakeOwner;
  readonly #anybody: boolean;
  #secured = false;
  #headerSent = false;

  /** @param anybody on the server: whether a peer may leave SASL out. */
  constructor(side: "client" | "server", sasl: SaslSide | undefined, anybody: boolean, owner: HandshakeOwner) {
    this.#side = side;
    this.#anybody = anybody;
    this.#sasl = sasl;
    this.#owner = owner;
    this.phase = sasl === undefined ? "AMQP header" : "SASL header";
  }

  /** Whether frames are SASL's now. */
  get inSasl(): boolean {
    return this.phase === "SASL";
  }

  start(): void {
    if (this.#side === "server") return;
    if (this.#sasl === undefined) this.#sendAmqpHeader();
    else this.#owner.writeHeader(ProtocolId.sasl);
  }

  handleHeader(header: ProtocolHeader): void {
    const right = header.major === 1 && header.minor === 0 && header.revision === 0;
    if (right && this.phase === "SASL header" && header.id === ProtocolId.sasl) {
      this.phase = "SASL";
      if (this.#side === "server") {
        this.#owner.writeHeader(ProtocolId.sasl);
        this.#carryOut(this.#sasl?.start?.() ?? []);
      }
      return;
    }
    const unsecured = this.phase === "SASL header" && this.#side === "server" && this.#anybody;
    if (right && (this.phase === "AMQP header" || unsecured) && header.id === ProtocolId.amqp) {
      this.#owner.advance("receive-header");
      this.phase = "open";
      if (this.#side === "server") this.forceHeader();
      else if (this.#sasl === undefined) this.#owner.sendOpen();
      return;
    }
    if (this.#side === "server") this.#owner.writeHeader(this.phase === "SASL header" ? ProtocolId.sasl : ProtocolId.amqp);
    this.#owner.fail(this.#wrongHeader(header));
  }

  handleGarbage(bytes: Uint8Array): void {
    if (this.#side === "server") this.#owner.writeHeader(this.phase === "SASL header" ? ProtocolId.sasl : ProtocolId.amqp);
    this.#owner.fail(new ConnectionError(`the peer does not speak AMQP: ${guess(bytes)}`, {
      code: "not-amqp", scope: "connection", origin: "remote",
    }));
  }

  handleFrame(frame: SaslPerformative | undefined): void {
    this.#carryOut(this.#sasl?.handleFrame(frame) ?? []);
  }

  handleUndecodable(error: Error): void {
    this.#carryOut(this.#sasl?.handleUndecodable(error) ?? []);
  }

  answer(answer: Answer): void {
    this.#carryOut(this.#sasl?.answer(answer) ?? []);
  }

  abandon(cause: unknown): void {
    this.#carryOut(this.#sasl?.abandon?.(cause) ?? []);
  }

  /** Makes sure that the AMQP header is out; a close before the peer's header has brought it out already. */
  forceHeader(): void {
    if (!this.#headerSent) this.#sendAmqpHeader();
  }

  /** What is waited for at this point. */
  describeWait(heard: boolean): string {
    const due = this.phase === "SASL" ? "authentication is not over" : `its ${this.phase} is due`;
    return heard ? due : `${due}, and nothing came at all (is this an AMQP port?)`;
  }

  /** What the end of the stream means at this point. */
  describeEnd(pending: number): string {
    return `closed during the handshake, ${this.phase === "open" ? "before its open" : this.phase === "SASL" ? "during authentication" : `where its ${this.phase} was due`}`
      + (pending === 0 ? "" : `, in the middle of ${pending === 1 ? "1 octet" : `${pending} octets`}`);
  }

  #carryOut(actions: readonly SaslAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case "send":
          this.#owner.writeSasl(action.frame);
          break;
        case "need":
          this.#owner.askSasl(action);
          break;
        case "done":
          this.identity = { mechanism: action.mechanism, user: action.user };
          this.#secured = true;
          this.phase = "AMQP header";
          this.#owner.expectHeader();
          this.#owner.authenticated();
          if (this.#side === "client") {
            this.#sendAmqpHeader();
            this.#owner.sendOpen();
          }
          break;
        case "fail": {
          const { error, outcome } = action;
          if (outcome === undefined) this.#owner.fail(error);
          else this.#owner.failLater(error, () => this.#owner.writeSasl(outcome));
          break;
        }
      }
    }
  }

  #sendAmqpHeader(): void {
    this.#headerSent = true;
    this.#owner.writeHeader(ProtocolId.amqp);
    this.#owner.advance("send-header");
  }

  #wrongHeader(header: ProtocolHeader): ConnectionError {
    const version = `${header.major}.${header.minor}.${header.revision}`;
    const seen = header.id === ProtocolId.amqp && version === "1.0.0" ? "AMQP without SASL"
      : header.id === ProtocolId.sasl && version === "1.0.0" ? "AMQP with SASL"
      : header.id === ProtocolId.tls && version === "1.0.0" ? "AMQP with TLS"
      : header.id === 0 && header.major === 0 ? `AMQP ${header.major}-${header.minor}-${header.revision}`
      : header.id === 1 && header.major === 1 ? `AMQP ${header.minor === 0 ? "" : "0-"}${header.minor}-${header.revision}`
      : `protocol ${header.id}, version ${version}`;
    const wants = this.#sasl === undefined ? "AMQP 1.0 without SASL" : this.#secured ? "AMQP 1.0" : "AMQP 1.0 with SASL";
    return new ConnectionError(`the peer answered with ${seen}, wanted is ${wants}`, { code: "not-amqp", scope: "connection", origin: "remote" });
  }
}

function guess(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < Math.min(bytes.length, 24); i++) text += String.fromCharCode(bytes[i] as number);
  if (text.startsWith("HTTP/") || /^[A-Z]+ \//.test(text)) return `it speaks HTTP (${printable(text.split("\r")[0] ?? "")})`;
  if (bytes[0] === 0x16 || bytes[0] === 0x15) return "it speaks TLS; for TLS use amqps://";
  return `it began with "${printable(text)}"`;
}
