/** Makes flat records from the options of sessions and links, and the two termini of a link from what was asked for. */

import { check, configError } from "./check.ts";
import type { Int64Mode } from "./connect.ts";
import { DEFAULT_HANDLE_MAX, DEFAULT_OUTGOING_WINDOW, DEFAULT_PREFETCH } from "./limits.ts";
import type { Guarantee, LinkOptionsBase, ReceiverOptionsBase, SenderOptionsBase, SessionOptions } from "./link.ts";
import { asList, layered } from "./resolve.ts";
import { receiverSchema, senderSchema, sessionSchema, sourceSchema, targetSchema } from "./schemas.ts";
import type { DistributionMode, Durability, ExpiryPolicy, OutcomeInit, SourceInit, TargetInit, TerminusInit } from "./terminus.ts";

/** Options of a session, all there. */
export interface ResolvedSession {
  /** undefined: what the byte budget allows. */
  readonly incomingWindow: number | undefined;
  readonly outgoingWindow: number;
  readonly handleMax: number;
  readonly properties: Readonly<Record<string, unknown>> | undefined;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  readonly signal: AbortSignal | undefined;
  /** undefined: the `open` timeout. */
  readonly timeout: number | undefined;
}

/** What both kinds of links have. */
export interface ResolvedLink {
  /** undefined: one is to be made. */
  readonly name: string | undefined;
  readonly guarantee: Guarantee;
  readonly guaranteeFallback: Guarantee | undefined;
  /** What we ask for, by the guarantee unless it was given. */
  readonly sndSettleMode: "unsettled" | "settled" | "mixed";
  readonly rcvSettleMode: "first" | "second";
  readonly properties: Readonly<Record<string, unknown>> | undefined;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  /** Octets, Infinity for none; undefined: `limits.maxMessageSize`. */
  readonly maxMessageSize: number | undefined;
  readonly source: ResolvedSource;
  /** null is the anonymous relay. */
  readonly target: ResolvedTerminus | null;
  readonly signal: AbortSignal | undefined;
  /** undefined: the `attach` timeout. */
  readonly timeout: number | undefined;
}

/** Options of a sender, all there. */
export interface ResolvedSender extends ResolvedLink {
  readonly tags: (() => Uint8Array | string) | undefined;
  readonly autoSettle: boolean;
}

/** Options of a receiver, all there. */
export interface ResolvedReceiver extends ResolvedLink {
  readonly target: ResolvedTerminus;
  readonly prefetch: number;
  /** Whether `prefetch` was given, so that `receive()` alone need not use credit 1. */
  readonly prefetchGiven: boolean;
  readonly autoAccept: boolean;
  /** The selector's text, to be described and added to the source's filter. */
  readonly selector: string | undefined;
  readonly filterRequired: boolean;
  readonly durable: boolean;
  /** undefined: the connection's. */
  readonly int64: Int64Mode | undefined;
  /** undefined: the connection's. */
  readonly typed: boolean | undefined;
}

/** One end of a link, all there. */
export interface ResolvedTerminus {
  readonly address: string | undefined;
  readonly capabilities: readonly string[];
  readonly dynamic: boolean;
  readonly properties: Readonly<Record<string, unknown>> | undefined;
  readonly durability: Durability;
  readonly expiryPolicy: ExpiryPolicy;
  /** Milliseconds. */
  readonly timeout: number;
}

/** A source, all there. */
export interface ResolvedSource extends ResolvedTerminus {
  /** As given, values not yet described. */
  readonly filter: Readonly<Record<string, unknown>> | undefined;
  readonly distributionMode: DistributionMode | undefined;
  readonly outcomes: readonly string[] | undefined;
  readonly defaultOutcome: OutcomeInit | undefined;
}

/** Milliseconds that the termini of an exactly-once link outlive their connection, so that it can be resumed. */
export const DEFAULT_TERMINUS_TIMEOUT = 300_000;

/** Reads the options of a session. @throws ConfigError `config` */
export function resolveSessionOptions(options?: SessionOptions, defaults?: SessionOptions): ResolvedSession {
  const all = layered(options && check(sessionSchema, options, "session()"), defaults);
  return {
    incomingWindow: all.incomingWindow,
    outgoingWindow: all.outgoingWindow ?? DEFAULT_OUTGOING_WINDOW,
    handleMax: all.handleMax ?? DEFAULT_HANDLE_MAX,
    properties: all.properties,
    offeredCapabilities: asList(all.offeredCapabilities),
    desiredCapabilities: asList(all.desiredCapabilities),
    signal: all.signal,
    timeout: all.timeout,
  };
}

/** What else the resolvers of links are told. */
export interface LinkContext<Options> {
  /** The container's bag. */
  readonly defaults?: Options | undefined;
  /** The node where none is named: the url's path or the option `address`. */
  readonly address?: string | undefined;
  /** Options that the caller looks after, such as `session`. @default ["session"] */
  readonly also?: readonly string[] | undefined;
  /** Accepting side: a node need not be named. @default false */
  readonly accepting?: boolean | undefined;
}

/** Reads the arguments of `createSender()`. @throws ConfigError `config`, also when no node is named anywhere. */
export function resolveSenderOptions(
  target: string | TargetInit | null | undefined,
  options?: SenderOptionsBase,
  context: LinkContext<SenderOptionsBase> = {},
): ResolvedSender {
  const where = "createSender()";
  const all = layered(options && check(senderSchema, options, where, context.also ?? SESSION), context.defaults);
  const modes = settleModes(all, where);
  const life = lifeOf(all, modes.guarantee, false);
  const far = target === null ? null : resolveTerminus(asTerminus(target, targetSchema, `${where}: target`), life);
  if (far !== null) needNode(far, where, "target", context);
  return {
    ...common(all, modes),
    source: resolveSource(asTerminus(all.source, sourceSchema, `${where}: source`), life),
    target: far === null ? null : withAddress(far, context.address),
    tags: all.tags,
    autoSettle: all.autoSettle ?? true,
  };
}

/** Reads the arguments of `createReceiver()`. @throws ConfigError `config`, also when no node is named anywhere. */
export function resolveReceiverOptions(
  source: string | SourceInit | undefined,
  options?: ReceiverOptionsBase,
  context: LinkContext<ReceiverOptionsBase> = {},
): ResolvedReceiver {
  const where = "createReceiver()";
  const all = layered(options && check(receiverSchema, options, where, context.also ?? SESSION), context.defaults);
  const modes = settleModes(all, where);
  const durable = all.durable ?? false;
  const life = lifeOf(all, modes.guarantee, durable);
  const init = asTerminus(source, sourceSchema, `${where}: source`);
  if (init.dynamic !== undefined && all.dynamic !== undefined && init.dynamic !== all.dynamic) {
    throw configError(where, 'option "dynamic" and the source contradict each other');
  }
  const far = resolveSource({
    ...init,
    dynamic: init.dynamic ?? all.dynamic,
    filter: all.filter === undefined ? init.filter : { ...init.filter, ...all.filter },
    distributionMode: all.distributionMode ?? init.distributionMode,
  }, life);
  needNode(far, where, "source", context);
  return {
    ...common(all, modes),
    source: withAddress(far, context.address),
    target: resolveTerminus(asTerminus(all.target, targetSchema, `${where}: target`), life),
    prefetch: all.prefetch ?? DEFAULT_PREFETCH,
    prefetchGiven: all.prefetch !== undefined,
    autoAccept: all.autoAccept ?? true,
    selector: all.selector,
    filterRequired: all.filterRequired ?? true,
    durable,
    int64: all.int64,
    typed: all.typed,
  };
}

const SESSION: readonly string[] = ["session"];

interface Modes {
  readonly guarantee: Guarantee;
  readonly sndSettleMode: "unsettled" | "settled" | "mixed";
  readonly rcvSettleMode: "first" | "second";
}

// (2.8.2, 2.8.3) What each guarantee asks for, and which modes it can live with.
const MODES: Readonly<Record<Guarantee, { readonly snd: readonly [Modes["sndSettleMode"], ...Modes["sndSettleMode"][]]; readonly rcv: readonly [Modes["rcvSettleMode"], ...Modes["rcvSettleMode"][]] }>> = {
  "at-most-once": { snd: ["settled", "mixed"], rcv: ["first"] },
  "at-least-once": { snd: ["unsettled", "mixed"], rcv: ["first", "second"] },
  "exactly-once": { snd: ["unsettled"], rcv: ["second"] },
};

function settleModes(all: LinkOptionsBase, where: string): Modes {
  const guarantee = all.guarantee ?? (all.sndSettleMode === "settled" ? "at-most-once" : "at-least-once");
  const { snd, rcv } = MODES[guarantee];
  const modes: Modes = { guarantee, sndSettleMode: all.sndSettleMode ?? snd[0], rcvSettleMode: all.rcvSettleMode ?? rcv[0] };
  if (!snd.includes(modes.sndSettleMode)) throw configError(where, `guarantee "${guarantee}" needs option "sndSettleMode" to be "${snd[0]}"`);
  if (!rcv.includes(modes.rcvSettleMode)) throw configError(where, `guarantee "${guarantee}" needs option "rcvSettleMode" to be "${rcv[0]}"`);
  return modes;
}

function common(all: LinkOptionsBase, modes: Modes): Omit<ResolvedLink, "source" | "target"> {
  return {
    ...modes,
    name: all.name,
    guaranteeFallback: all.guaranteeFallback,
    properties: all.properties,
    offeredCapabilities: asList(all.offeredCapabilities),
    desiredCapabilities: asList(all.desiredCapabilities),
    maxMessageSize: all.maxMessageSize,
    signal: all.signal,
    timeout: all.timeout,
  };
}

type Life = Pick<ResolvedTerminus, "durability" | "expiryPolicy" | "timeout">;

// The standard's own defaults forget everything with the session, which no exactly-once link could be resumed from.
function lifeOf(all: LinkOptionsBase, guarantee: Guarantee, durable: boolean): Life {
  const exactlyOnce = guarantee === "exactly-once";
  const timeout = all.terminusTimeout ?? (exactlyOnce ? DEFAULT_TERMINUS_TIMEOUT : 0);
  if (durable) return { durability: "unsettled-state", expiryPolicy: "never", timeout };
  return { durability: "none", expiryPolicy: exactlyOnce ? "connection-close" : "session-end", timeout };
}

function asTerminus<T extends TerminusInit>(value: string | T | undefined, schema: Parameters<typeof check<T>>[0], where: string): T {
  if (value === undefined) return {} as T;
  if (typeof value !== "string") return check(schema, value, where);
  if (value === "") throw configError(where, "the address is empty");
  return { address: value } as T;
}

function resolveTerminus(init: TerminusInit, life: Life): ResolvedTerminus {
  return {
    address: init.address,
    capabilities: asList(init.capabilities),
    dynamic: init.dynamic ?? false,
    properties: init.properties,
    durability: init.durability ?? life.durability,
    expiryPolicy: init.expiryPolicy ?? life.expiryPolicy,
    timeout: init.timeout ?? life.timeout,
  };
}

function resolveSource(init: SourceInit, life: Life): ResolvedSource {
  return {
    ...resolveTerminus(init, life),
    filter: init.filter,
    distributionMode: init.distributionMode,
    outcomes: init.outcomes,
    defaultOutcome: init.defaultOutcome,
  };
}

function needNode<O>(terminus: ResolvedTerminus, where: string, what: "source" | "target", context: LinkContext<O>): void {
  if (terminus.dynamic && terminus.address !== undefined) {
    throw configError(where, `a dynamic ${what} gets its address from the peer; leave "address" out`);
  }
  if (!terminus.dynamic && terminus.address === undefined && context.address === undefined && context.accepting !== true) {
    const relay = what === "target" ? ", or null for the anonymous relay" : "";
    throw configError(where, `no ${what}: give an address${relay}, or put it in the url's path`);
  }
}

function withAddress<T extends ResolvedTerminus>(terminus: T, address: string | undefined): T {
  return terminus.dynamic || terminus.address !== undefined ? terminus : { ...terminus, address };
}
