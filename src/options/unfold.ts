/** Puts what the `options` of a link stand for among its plain options. */

import { configError } from "./check.ts";
import type { Guarantee, LinkOptionsBase, ReceiverOptionsBase } from "./link.ts";
import { checkLinkOption, SELECTOR_NAME } from "./link-options.ts";
import type { LinkOption } from "./link-options.ts";
import type { DistributionMode } from "./terminus.ts";

/** Plain options, with those in it that `options` stood for. */
export type Unfolded<O extends LinkOptionsBase> = Omit<O, "options" | "selector"> & {
  /** Of the dynamic terminus. */
  nodeProperties?: Readonly<Record<string, unknown>> | undefined;
  /** Selector expressions by the name of their filter. */
  selectors?: Readonly<Record<string, string>> | undefined;
};

/** Puts what `options` stands for among the plain options. @throws ConfigError config where they contradict each other */
export function unfold<O extends LinkOptionsBase>(bag: O | undefined, role: "sender" | "receiver", where: string): Unfolded<O> | undefined {
  if (bag === undefined) return undefined;
  const { options, selector, ...plain } = bag as O & ReceiverOptionsBase;
  const result: Unfolded<ReceiverOptionsBase> = plain;
  if (selector !== undefined) addSelector(result, SELECTOR_NAME, selector, where);
  if (options !== undefined) {
    const list: readonly unknown[] = Array.isArray(options) ? options : [options];
    for (const each of list) put(result, checkLinkOption(each, where), role, where);
  }
  return result as unknown as Unfolded<O>;
}

const GUARANTEES: ReadonlyMap<string, Guarantee> = new Map([["AtMostOnce", "at-most-once"], ["AtLeastOnce", "at-least-once"], ["ExactlyOnce", "exactly-once"]]);
const MODES: ReadonlyMap<string, DistributionMode> = new Map([["Copy", "copy"], ["Move", "move"]]);

function put(bag: Unfolded<ReceiverOptionsBase>, option: LinkOption, role: "sender" | "receiver", where: string): void {
  const guarantee = GUARANTEES.get(option.kind);
  if (guarantee !== undefined) {
    agree(bag.guarantee, guarantee, option, "guarantee", where);
    bag.guarantee = guarantee;
    return;
  }
  if (option.kind === "DynamicNodeProperties") {
    if (bag.nodeProperties !== undefined) throw configError(where, "DynamicNodeProperties() is there twice in option \"options\"");
    bag.nodeProperties = option.properties;
    return;
  }
  if (role === "sender") throw configError(where, `${option.kind}() is for receivers, and this is a sender`);
  if (option.kind === "Filter") {
    const filter = bag.filter ?? {};
    for (const [name, value] of Object.entries(option.filter)) {
      if (Object.hasOwn(filter, name) && filter[name] !== value) throw configError(where, `Filter() and option "filter" both have "${printable(name)}"`);
    }
    bag.filter = { ...filter, ...option.filter };
  } else if (option.kind === "Selector") {
    addSelector(bag, option.name, option.expression, where);
  } else if (option.kind === "DurableSubscription") {
    agree(bag.durable, true, option, "durable", where);
    bag.durable = true;
  } else {
    const mode = MODES.get(option.kind) as DistributionMode;
    agree(bag.distributionMode, mode, option, "distributionMode", where);
    bag.distributionMode = mode;
  }
}

function addSelector(bag: Unfolded<ReceiverOptionsBase>, name: string, expression: string, where: string): void {
  const selectors = bag.selectors ?? {};
  if (Object.hasOwn(selectors, name) && selectors[name] !== expression) {
    throw configError(where, `there are two selectors named "${printable(name)}"`);
  }
  bag.selectors = { ...selectors, [name]: expression };
}

function agree<T>(given: T | undefined, meant: T, option: LinkOption, name: string, where: string): void {
  if (given !== undefined && given !== meant) throw configError(where, `${option.kind}() contradicts option "${name}": ${JSON.stringify(given)}`);
}

function printable(name: string): string {
  return name.slice(0, 40).replace(/[^\x20-\x7e]/g, "?");
}
