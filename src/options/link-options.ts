/**
 * Proton's names for what a link may be asked for, as values for `options: [...]`; each stands for one or two plain
 * options. They are plain data that says its kind, so that it does not matter which copy of the package made them.
 */

import { configError } from "./check.ts";
import { nearest } from "../util/suggest.ts";

/** An entry of `options`. */
export type LinkOption =
  | { readonly kind: "AtMostOnce" | "AtLeastOnce" | "ExactlyOnce" | "DurableSubscription" | "Copy" | "Move" }
  | { readonly kind: "DynamicNodeProperties"; readonly properties: Readonly<Record<string, unknown>> }
  | { readonly kind: "Filter"; readonly filter: Readonly<Record<string, unknown>> }
  | { readonly kind: "Selector"; readonly expression: string; readonly name: string };

/** The name under which a selector stands among the filters of a source, unless it is given one. */
export const SELECTOR_NAME = "selector";

/** The same as `guarantee: "at-most-once"`: settled with the transfer, never sent again. */
export function AtMostOnce(): LinkOption {
  return make({ kind: "AtMostOnce" });
}

/** The same as `guarantee: "at-least-once"`: the receiver settles. */
export function AtLeastOnce(): LinkOption {
  return make({ kind: "AtLeastOnce" });
}

/** The same as `guarantee: "exactly-once"`: the receiver tells an outcome, the sender settles, the receiver forgets. */
export function ExactlyOnce(): LinkOption {
  return make({ kind: "ExactlyOnce" });
}

/**
 * Properties of the node that the peer makes, on the terminus that is dynamic; keys are written as symbols (§3.5.9).
 * @throws ConfigError config
 */
export function DynamicNodeProperties(properties: Record<string, unknown>): LinkOption {
  needRecord(properties, "DynamicNodeProperties()", "properties");
  return make({ kind: "DynamicNodeProperties", properties: { ...properties } });
}

/** Filters of the source by name; a value that is not described is described by its name (§3.5.8). @throws ConfigError config */
export function Filter(filter: Record<string, unknown>): LinkOption {
  needRecord(filter, "Filter()", "filter");
  return make({ kind: "Filter", filter: { ...filter } });
}

/**
 * An SQL-like expression that a message must fulfil to be sent, as the filter apache.org:selector-filter:string.
 * @param name of the filter. @default "selector"
 * @throws ConfigError config
 */
export function Selector(expression: string, name: string = SELECTOR_NAME): LinkOption {
  needText(expression, "expression");
  needText(name, "name");
  return make({ kind: "Selector", expression, name });
}

/** The same as `durable: true`: a subscription that outlives the link, with durability "unsettled-state" and expiry policy "never". */
export function DurableSubscription(): LinkOption {
  return make({ kind: "DurableSubscription" });
}

/** The same as `distributionMode: "copy"`: messages stay at the node for others (browsing). */
export function Copy(): LinkOption {
  return make({ kind: "Copy" });
}

/** The same as `distributionMode: "move"`: a message goes to one receiver. */
export function Move(): LinkOption {
  return make({ kind: "Move" });
}

/** An entry of `options`, which may come from anywhere. @throws ConfigError config */
export function checkLinkOption(value: unknown, where: string): LinkOption {
  if (typeof value === "function") {
    const called = NAMES.includes(value.name) ? `: write ${value.name}(${value.name === "Selector" ? "..." : ""})` : "";
    throw configError(where, `option "options" has a function in its list, not what it gives${called}`);
  }
  const kind: unknown = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
  if (typeof kind !== "string" || !NAMES.includes(kind)) {
    const meant = typeof kind === "string" ? nearest(kind, NAMES) : undefined;
    throw configError(where, `every entry of option "options" must be made by ${NAMES.map((name) => `${name}()`).join(", ")}`
      + `${meant === undefined ? "" : ` (did you mean "${meant}"?)`}`);
  }
  const option = value as LinkOption;
  if (option.kind === "DynamicNodeProperties") needRecord(option.properties, "DynamicNodeProperties()", "properties");
  else if (option.kind === "Filter") needRecord(option.filter, "Filter()", "filter");
  else if (option.kind === "Selector") {
    needText(option.expression, "expression");
    needText(option.name, "name");
  }
  return option;
}

const NAMES = ["AtMostOnce", "AtLeastOnce", "ExactlyOnce", "DynamicNodeProperties", "Filter", "Selector", "DurableSubscription", "Copy", "Move"];

function make(option: LinkOption): LinkOption {
  return Object.freeze(option);
}

function needRecord(value: unknown, where: string, name: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw configError(where, `${name} must be an object`);
}

function needText(value: unknown, name: string): void {
  if (typeof value !== "string" || value === "") throw configError("Selector()", `${name} must be a text that is not empty`);
}
