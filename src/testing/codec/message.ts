/** Bare message sections <-> bytes, for the payload of transfers. */

import type { Bytes } from "../../util/bytes.ts";
import { decodeComposite, encodeComposite } from "./composite.ts";
import { parseAll, simple } from "./decode.ts";
import { described, encode, map, typed } from "./encode.ts";
import { concat } from "./octets.ts";
import { compositeNamed } from "./schema.ts";

/** What a script puts into a message; the sections come out in the standard's order (§3.2). */
export interface Sections {
  header?: Readonly<Record<string, unknown>> | undefined;
  deliveryAnnotations?: Readonly<Record<string, unknown>> | undefined;
  messageAnnotations?: Readonly<Record<string, unknown>> | undefined;
  properties?: Readonly<Record<string, unknown>> | undefined;
  applicationProperties?: Readonly<Record<string, unknown>> | undefined;
  data?: readonly Uint8Array[] | undefined;
  sequence?: readonly (readonly unknown[])[] | undefined;
  /** The content of an amqp-value section; it is sent when the key is there, so null can be a value. */
  value?: unknown;
  footer?: Readonly<Record<string, unknown>> | undefined;
}

/** One section of a message that was read. */
export interface Section {
  readonly name: string;
  readonly value: unknown;
}

const NAMES: ReadonlyMap<unknown, string> = new Map([
  [0x70, "header"], [0x71, "deliveryAnnotations"], [0x72, "messageAnnotations"], [0x73, "properties"], [0x74, "applicationProperties"],
  [0x75, "data"], [0x76, "sequence"], [0x77, "value"], [0x78, "footer"],
]);

/** The bytes of a message. */
export function encodeMessage(sections: Sections): Bytes {
  const parts: Uint8Array[] = [];
  if (sections.header !== undefined) parts.push(encodeComposite(compositeNamed("header")!, sections.header));
  if (sections.deliveryAnnotations !== undefined) parts.push(described(0x71, symbolKeys(sections.deliveryAnnotations)));
  if (sections.messageAnnotations !== undefined) parts.push(described(0x72, symbolKeys(sections.messageAnnotations)));
  if (sections.properties !== undefined) parts.push(encodeComposite(compositeNamed("properties")!, sections.properties));
  if (sections.applicationProperties !== undefined) parts.push(described(0x74, encode(new Map(Object.entries(sections.applicationProperties)))));
  for (const chunk of sections.data ?? []) parts.push(described(0x75, typed("binary", chunk)));
  for (const items of sections.sequence ?? []) parts.push(described(0x76, typed("list", items)));
  if ("value" in sections) parts.push(described(0x77, encode(sections.value)));
  if (sections.footer !== undefined) parts.push(described(0x78, symbolKeys(sections.footer)));
  return concat(...parts);
}

/** The sections of a message in the order in which they stand. Throws where they are not valid AMQP. */
export function decodeMessage(bytes: Uint8Array): Section[] {
  return parseAll(bytes).map((node) => {
    const name = node.type === "described" ? NAMES.get(simple(node.descriptor)) : undefined;
    if (name === undefined || node.type !== "described") throw new Error(`a message section that is ${node.type}`);
    const composite = name === "header" || name === "properties" ? compositeNamed(name) : undefined;
    return { name, value: composite === undefined ? simple(node.inner) : decodeComposite(composite, node.inner) };
  });
}

function symbolKeys(entries: Readonly<Record<string, unknown>>): Bytes {
  return map(Object.entries(entries).map(([key, value]) => [typed("symbol", key), encode(value)]));
}
