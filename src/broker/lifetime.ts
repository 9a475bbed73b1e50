/**
 * How long a dynamic node lives (3.5.10-13): with the link that asked for it, or on until it has no links, no messages, or
 * neither. Without a wish it goes with its link.
 */

import { Described, types } from "../container/public.ts";
import type { Node } from "./node.ts";

/** What may keep a dynamic node once the link that asked for it is gone. */
export interface Lifetime {
  readonly links: boolean;
  readonly messages: boolean;
  /** The properties that a node has of those that were asked for. */
  readonly properties: Readonly<Record<string, unknown>> | undefined;
}

const KEY = "lifetime-policy";

const POLICIES = [
  { name: "amqp:delete-on-close:list", code: 0x2bn, links: false, messages: false },
  { name: "amqp:delete-on-no-links:list", code: 0x2cn, links: true, messages: false },
  { name: "amqp:delete-on-no-messages:list", code: 0x2dn, links: false, messages: true },
  { name: "amqp:delete-on-no-links-or-messages:list", code: 0x2en, links: true, messages: true },
] as const;

/** Reads the dynamic-node-properties of a terminus; what is not known is left out of those that the node has. */
export function lifetimeOf(properties: Readonly<Record<string, unknown>> | undefined): Lifetime {
  const asked = properties?.[KEY];
  const policy = asked instanceof Described ? POLICIES.find(({ name, code }) => asked.descriptor === name || asked.descriptor === code) : undefined;
  if (policy === undefined) return { links: false, messages: false, properties: undefined };
  const { name, links, messages } = policy;
  return { links, messages, properties: { [KEY]: types.described(name, []) } };
}

/** Whether a node whose own link is gone is to go too. */
export function isOver(node: Node, { links, messages }: Lifetime): boolean {
  return !(links && node.links > 0) && !(messages && node.length > 0);
}
