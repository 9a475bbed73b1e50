/** Makes flat records from the options of sessions and links, and the two termini of a link from what was asked for. */

import { check, configError } from "./check.ts";
import type { Int64Mode } from "./connect.ts";
import { DEFAULT_HANDLE_MAX, DEFAULT_OUTGOING_WINDOW, DEFAULT_PREFETCH } from "./limits.ts";
import type { Guarantee, LinkOptionsBase, ReceiverOptionsBase, SenderOptionsBase, SessionOptions } from "./link.ts";
import { asList, layered } from "./resolve.ts";
import { receiverSchema, senderSchema, sessionSchema, sourceSchema, targetSchema } from "./schemas.ts";
import type { StandardSchema } from "./standard-schema.ts";
import type { DistributionMode, Durability, ExpiryPolicy, OutcomeInit, SourceInit, TargetInit, TerminusInit } from "./terminus.ts";
import { unfold } from "./unfold.ts";
import type { Unfolded } from "./unfold.ts";

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
  /** Whether it was asked for, so that an accepting side need not take the peer's wish. */
  readonly guaranteeGiven: boolean;
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
  readonly handler: object | readonly object[] | undefined;
  readonly signal: AbortSignal | undefined;
  /** undefined: the `attach` timeout. */
  readonly timeout: number | undefined;
}

/** Options of a sender, all there. */
export interface ResolvedSender extends ResolvedLink {
  readonly tags: (() => Uint8Array | string) | undefined;
  readonly autoSettle: boolean;
  /** undefined: by the guarantee. */
  readonly onInDoubt: "resend" | "fail" | undefined;
  /** Whether messages get ids by which a broker knows copies of them, or how. */
  readonly duplicateDetection: true | ((message: never) => string) | undefined;
  readonly schema: StandardSchema | undefined;
}

/** Options of a receiver, all there. */
export interface ResolvedReceiver extends ResolvedLink {
  readonly target: ResolvedTerminus;
  /** Whether deliveries are read as they come. */
  readonly partial: boolean;
  readonly prefetch: number;
  /** Whether `prefetch` was given, so that `receive()` alone need not use credit 1. */
  readonly prefetchGiven: boolean;
  readonly autoAccept: boolean;
  /** Texts by the name of their filter, to be described and added to the source's. */
  readonly selectors: Readonly<Record<string, string>> | undefined;
  readonly filterRequired: boolean;
  /** Whether the peer is to look up the source that an earlier link of this name left. */
  readonly lookup: boolean;
  readonly durable: boolean;
  /** undefined: the connection's. */
  readonly int64: Int64Mode | undefined;
  /** undefined: the connection's. */
  readonly typed: boolean | undefined;
  readonly schema: StandardSchema | undefined;
  /** A window of the client, or options of one. */
  readonly deduplicate: object | undefined;
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
  const all = layered(options === undefined ? undefined : check(sessionSchema, options, "session()"), defaults);
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
  /** The container's store: whether what it keeps outlives the process, and whether the container-id was given. @default none */
  readonly store?: { readonly durable: boolean; readonly named: boolean } | undefined;
  /** The call, for error texts. @default "createSender()", "createReceiver()" */
  readonly where?: string | undefined;
}

/** Reads the arguments of `createSender()`. @throws ConfigError `config`, also when no node is named anywhere. */
export function resolveSenderOptions(
  target: string | TargetInit | null | undefined,
  options?: SenderOptionsBase,
  context: LinkContext<SenderOptionsBase> = {},
): ResolvedSender {
  const where = context.where ?? "createSender()";
  const given = options === undefined ? undefined : check(senderSchema, options, where, context.also ?? SESSION);
  const all = layered(unfold(given, "sender", where), unfold(context.defaults, "sender", where));
  const modes = settleModes(all, where);
  checkStore(all, modes.guarantee, context, where);
  const life = lifeOf(all, modes.guarantee, context.store?.durable);
  const near = resolveSource(asTerminus(all.source, sourceSchema, `${where}: source`), life);
  const far = target === null ? null : resolveTerminus(asTerminus(target, targetSchema, `${where}: target`), life);
  if (far !== null) needNode(far, where, "target", context);
  const [source, dynamic] = withNodeProperties(near, far, all, where);
  return {
    ...common(all, modes),
    source,
    target: dynamic === null ? null : withAddress(dynamic, context.address),
    tags: all.tags,
    autoSettle: all.autoSettle ?? true,
    onInDoubt: all.onInDoubt,
    duplicateDetection: all.duplicateDetection === false ? undefined : all.duplicateDetection,
    schema: all.schema,
  };
}

/** Reads the arguments of `createReceiver()`. @throws ConfigError `config`, also when no node is named anywhere. */
export function resolveReceiverOptions(
  source: string | SourceInit | null | undefined,
  options?: ReceiverOptionsBase,
  context: LinkContext<ReceiverOptionsBase> = {},
): ResolvedReceiver {
  const where = context.where ?? "createReceiver()";
  const given = options === undefined ? undefined : check(receiverSchema, options, where, context.also ?? SESSION);
  const all = layered(unfold(given, "receiver", where), unfold(context.defaults, "receiver", where));
  const modes = settleModes(all, where);
  const lookup = source === null;
  if (lookup) checkLookup(all, where);
  if (all.partial === true && all.schema !== undefined) {
    throw configError(where, 'option "schema" needs the whole body, and with option "partial" that is read as it comes: give one of the two');
  }
  const durable = all.durable ?? lookup;
  checkStore(all, modes.guarantee, context, where);
  const life = lifeOf(all, modes.guarantee, context.store?.durable);
  const init = asTerminus(source ?? undefined, sourceSchema, `${where}: source`);
  const asked = askedOf(init, all, where);
  const near = resolveTerminus(asTerminus(all.target, targetSchema, `${where}: target`), life);
  const far = resolveSource(asked, durable ? { ...life, durability: "unsettled-state", expiryPolicy: "never" } : life);
  if (!lookup) needNode(far, where, "source", context);
  const [target, dynamic] = withNodeProperties(near, far, all, where);
  return {
    ...common(all, modes),
    source: lookup ? dynamic : withAddress(dynamic, context.address),
    target,
    partial: all.partial ?? false,
    prefetch: all.prefetch ?? DEFAULT_PREFETCH,
    prefetchGiven: all.prefetch !== undefined,
    autoAccept: all.autoAccept ?? true,
    selectors: all.selectors,
    filterRequired: all.filterRequired ?? true,
    lookup,
    durable,
    int64: all.int64,
    typed: all.typed,
    schema: all.schema,
    deduplicate: all.deduplicate,
  };
}

const SESSION: readonly string[] = ["session"];

/** The outcomes of the standard (3.4) by their short names. */
const OUTCOMES: ReadonlyMap<string, string> = new Map(["accepted", "rejected", "released", "modified"].map((name) => [name, `amqp:${name}:list`]));

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

/** What is looked up is as it was left: nothing can be said about it but its name. */
function checkLookup(all: Unfolded<ReceiverOptionsBase>, where: string): void {
  if (all.name === undefined) throw configError(where, "a null source looks up the subscription of an earlier link: give its option \"name\"");
  for (const option of ["dynamic", "selectors", "filter", "distributionMode"] as const) {
    const meant = option === "selectors" ? "selector" : option;
    if (all[option] !== undefined && all[option] !== false) throw configError(where, `option "${meant}" cannot be given with a null source, which is looked up as it was left`);
  }
}

/** The source with what the receiver's options say about it. */
function askedOf(init: SourceInit, all: Unfolded<ReceiverOptionsBase>, where: string): SourceInit {
  const { dynamic, durable, distributionMode, selectors } = all;
  const contradiction = (name: string): Error => configError(where, `option "${name}" and the source contradict each other`);
  if (init.dynamic !== undefined && dynamic !== undefined && init.dynamic !== dynamic) throw contradiction("dynamic");
  if (durable === true && init.durability === "none") throw contradiction("durable");
  if (distributionMode !== undefined && init.distributionMode !== undefined && distributionMode !== init.distributionMode) throw contradiction("distributionMode");
  const filter = all.filter === undefined ? init.filter : { ...init.filter, ...all.filter };
  for (const name of Object.keys(selectors ?? {})) {
    if (filter !== undefined && Object.hasOwn(filter, name)) throw configError(where, `a filter and the selector are both named "${name}"`);
  }
  return { ...init, dynamic: init.dynamic ?? dynamic, filter, distributionMode: distributionMode ?? init.distributionMode };
}

/** Both termini, the dynamic one with the properties that the node is to have. */
function withNodeProperties<Near extends ResolvedTerminus, Far extends ResolvedTerminus | null>(
  near: Near, far: Far, { nodeProperties }: Unfolded<LinkOptionsBase>, where: string,
): [Near, Far] {
  if (nodeProperties === undefined) return [near, far];
  const dynamic = far?.dynamic === true ? far : near.dynamic ? near : undefined;
  if (dynamic === undefined) throw configError(where, "DynamicNodeProperties() needs a node that is dynamic: true");
  if (dynamic.properties !== undefined) throw configError(where, 'DynamicNodeProperties() and "properties" of the dynamic terminus contradict each other');
  return dynamic === far ? [near, { ...far, properties: nodeProperties }] : [{ ...near, properties: nodeProperties }, far];
}

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
    guaranteeGiven: all.guarantee !== undefined,
    guaranteeFallback: all.guaranteeFallback,
    properties: all.properties,
    offeredCapabilities: asList(all.offeredCapabilities),
    desiredCapabilities: asList(all.desiredCapabilities),
    maxMessageSize: all.maxMessageSize,
    handler: all.handler,
    signal: all.signal,
    timeout: all.timeout,
  };
}

type Life = Pick<ResolvedTerminus, "durability" | "expiryPolicy" | "timeout">;

// The standard's own defaults forget everything with the session, which no exactly-once link could be resumed from.
function lifeOf(all: LinkOptionsBase, guarantee: Guarantee, durable: boolean = false): Life {
  const exactlyOnce = guarantee === "exactly-once";
  if (exactlyOnce && durable) return { durability: "unsettled-state", expiryPolicy: "never", timeout: all.terminusTimeout ?? 0 };
  const timeout = all.terminusTimeout ?? (exactlyOnce ? DEFAULT_TERMINUS_TIMEOUT : 0);
  return { durability: "none", expiryPolicy: exactlyOnce ? "connection-close" : "session-end", timeout };
}

/** What is kept over restarts is found again only by names that are the same then. */
function checkStore<O>(all: LinkOptionsBase, guarantee: Guarantee, { store, accepting }: LinkContext<O>, where: string): void {
  if (store === undefined || guarantee !== "exactly-once") return;
  const missing = !store.named ? 'the option "id" of the container' : accepting !== true && all.name === undefined ? 'option "name"' : undefined;
  if (missing !== undefined) throw configError(where, `an exactly-once link of a container with a "store" needs a name that is the same after a restart: give ${missing}`);
}

function asTerminus<T extends TerminusInit>(value: string | T | undefined, schema: Parameters<typeof check<T>>[0], where: string): T {
  if (value === undefined) return {} as T;
  if (typeof value !== "string") return check(schema, value, where, [], "an address or an object of its options");
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
  // Written out: behind a spread, V8 would give each object a shape of its own, half a kilobyte for each link.
  const { address, capabilities, dynamic, properties, durability, expiryPolicy, timeout } = resolveTerminus(init, life);
  return {
    address, capabilities, dynamic, properties, durability, expiryPolicy, timeout,
    filter: init.filter,
    distributionMode: init.distributionMode,
    outcomes: init.outcomes?.map((name) => OUTCOMES.get(name) ?? name),
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
