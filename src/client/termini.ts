/** Termini between what a user asks for, what goes over the wire, and what a link shows. */

import type { ErrorCondition } from "../frames/condition.ts";
import type { Outcome } from "../frames/delivery-state.ts";
import type { Coordinator, Durability as WireDurability, Source as WireSource, Target as WireTarget } from "../frames/terminus.ts";
import type { ErrorInit } from "../options/call.ts";
import type { ResolvedSource, ResolvedTerminus } from "../options/resolve-link.ts";
import type { DistributionMode, Durability, OutcomeInit, SourceInit, TargetInit } from "../options/terminus.ts";
import { Described, types } from "../wire/values.ts";
import type { Source, Target } from "./shapes.ts";

const DURABILITIES: readonly Durability[] = ["none", "configuration", "unsettled-state"];
const SELECTOR = "apache.org:selector-filter:string";
/** The names of a source's fields as users and as the wire have them. */
const SOURCE_FIELDS: readonly (readonly [keyof SourceInit, keyof WireSource])[] = [
  ["address", "address"], ["durability", "durable"], ["expiryPolicy", "expiryPolicy"], ["timeout", "timeout"], ["dynamic", "dynamic"], ["properties", "dynamicNodeProperties"],
  ["distributionMode", "distributionMode"], ["filter", "filter"], ["outcomes", "outcomes"], ["defaultOutcome", "defaultOutcome"], ["capabilities", "capabilities"],
];
const NO_FIELDS: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null) as Record<string, unknown>);
const NO_NAMES: readonly string[] = Object.freeze([]);

/** The source that our attach carries. */
export function wireSource(source: ResolvedSource, selectors?: Readonly<Record<string, string>>): WireSource {
  const filter = source.filter === undefined && selectors === undefined ? undefined : describedFilter(source.filter ?? {}, selectors ?? {});
  // Written out, since V8 gives an object with a spread behind its first field a shape of its own: half a kilobyte for each link.
  const { address, durable, expiryPolicy, timeout, dynamic, dynamicNodeProperties, capabilities } = wireTerminus(source);
  return {
    type: "source", address, durable, expiryPolicy, timeout, dynamic, dynamicNodeProperties, capabilities,
    distributionMode: source.distributionMode, filter, outcomes: source.outcomes,
    defaultOutcome: source.defaultOutcome === undefined ? undefined : outcomeOf(source.defaultOutcome),
  };
}

/** The target that our attach carries. */
export function wireTarget(target: ResolvedTerminus): WireTarget {
  return wireTerminus(target);
}

/** The target of an anonymous relay: there, but without an address. */
export function wireRelay(): WireTarget {
  return { type: "target", durable: 0, expiryPolicy: "session-end", timeout: 0, dynamic: false };
}

/** The source that we answer an attach with: what the peer asked for, except where `init` says what our end really is. */
export function answeredSource(asked: WireSource | null | undefined, init: string | SourceInit | undefined, own: ResolvedSource): WireSource | null {
  return answered(asked, init, wireSource(own));
}

/** The same of a target. */
export function answeredTarget(asked: WireTarget | null | undefined, init: string | TargetInit | undefined, own: ResolvedTerminus): WireTarget | null {
  return answered(asked, init, wireTarget(own));
}

function answered<T extends WireSource | WireTarget>(asked: T | null | undefined, init: string | SourceInit | undefined, ours: T): T | null {
  if (asked == null) return init === undefined ? null : ours;
  if (init === undefined) return asked;
  const given = typeof init === "string" ? { address: init } : init;
  const answer = { ...asked } as Record<keyof WireSource, unknown>;
  for (const [option, field] of SOURCE_FIELDS) if (given[option] !== undefined) answer[field] = (ours as WireSource)[field];
  return answer as unknown as T;
}

/** A source as a link shows it; of a null source the defaults. */
export function shownSource(source: WireSource | null | undefined): Source {
  return {
    ...shownTerminus(source), filter: source?.filter ?? NO_FIELDS, distributionMode: source?.distributionMode as DistributionMode | undefined,
    outcomes: source?.outcomes ?? NO_NAMES, defaultOutcome: source?.defaultOutcome,
  };
}

/** A target as a link shows it; of a null target the defaults. */
export function shownTarget(target: WireTarget | Coordinator | null | undefined): Target {
  if (target?.type === "coordinator") return { ...shownTerminus(undefined), type: "coordinator", capabilities: target.capabilities ?? NO_NAMES };
  return { ...shownTerminus(target), type: "target" };
}

/** An outcome by its name or with some of its fields, as it goes over the wire. */
export function outcomeOf(init: OutcomeInit): Outcome {
  const outcome = typeof init === "string" ? { type: init } : init;
  switch (outcome.type) {
    case "rejected":
      return { type: "rejected", error: "error" in outcome ? outcome.error : undefined };
    case "modified":
      return { type: "modified", deliveryFailed: false, undeliverableHere: false, annotations: NO_FIELDS, ...definedOf(outcome) };
    default:
      return { type: outcome.type };
  }
}

/** An error as it goes to the peer. */
export function conditionOf(error: ErrorInit | undefined): ErrorCondition | undefined {
  return error === undefined ? undefined : { condition: error.condition, description: error.description, info: error.info };
}

function definedOf(outcome: object): object {
  return Object.fromEntries(Object.entries(outcome).filter(([, value]) => value !== undefined));
}

function wireTerminus(terminus: ResolvedTerminus): WireTarget {
  return {
    type: "target", address: terminus.address, durable: DURABILITIES.indexOf(terminus.durability) as WireDurability, expiryPolicy: terminus.expiryPolicy,
    timeout: Math.min(0xffffffff, Math.ceil(terminus.timeout / 1000)), dynamic: terminus.dynamic, dynamicNodeProperties: terminus.properties,
    capabilities: terminus.capabilities.length === 0 ? undefined : terminus.capabilities,
  };
}

function shownTerminus(terminus: WireSource | WireTarget | null | undefined): Omit<Target, "type"> {
  return {
    address: terminus?.address, capabilities: terminus?.capabilities ?? NO_NAMES, dynamic: terminus?.dynamic ?? false,
    properties: terminus?.dynamicNodeProperties ?? NO_FIELDS, durability: DURABILITIES[terminus?.durable ?? 0] as Durability,
    expiryPolicy: terminus?.expiryPolicy ?? "session-end", timeout: (terminus?.timeout ?? 0) * 1000,
  };
}

function describedFilter(filter: Readonly<Record<string, unknown>>, selectors: Readonly<Record<string, string>>): Record<string, unknown> {
  const described: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(filter)) {
    described[name] = value === null || value instanceof Described ? value : types.described(name, value);
  }
  for (const [name, expression] of Object.entries(selectors)) described[name] = types.described(SELECTOR, expression);
  return described;
}
