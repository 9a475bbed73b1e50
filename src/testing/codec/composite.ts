/**
 * Composite types (performatives, termini, states, errors) <-> bytes. Fields go by name; reading checks the wire type of each
 * against the standard's, so that a library under test cannot get away with a string where a symbol belongs.
 */

import type { Bytes } from "../../util/bytes.ts";
import { simple } from "./decode.ts";
import type { Parsed } from "./decode.ts";
import { described, encode, list, map, typed, wrapperOf } from "./encode.ts";
import { octets } from "./octets.ts";
import { CHOICES, compositeDescribed, compositeNamed } from "./schema.ts";
import type { Composite, Field } from "./schema.ts";

/**
 * A composite from its fields by name, or from a raw list of values in order (as many as given, encoded as they are).
 * Fields at the end that are absent are left off.
 */
export function encodeComposite(type: Composite, fields: Readonly<Record<string, unknown>> | readonly unknown[]): Bytes {
  if (Array.isArray(fields)) return described(type.code, list(fields.map(encode)));
  const values = fields as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(values)) {
    if (name !== "type" && !type.fields.some((field) => field.name === name)) throw new Error(`${type.name} has no field "${name}"`);
  }
  const items = type.fields.map((field) => encodeField(field.type, values[field.name]));
  while (items.at(-1)?.[0] === 0x40 && items.at(-1)?.length === 1) items.pop();
  return described(type.code, list(items));
}

/** The fields of a composite by name, without the absent ones. Throws where the list breaks the type's definition. */
export function decodeComposite(type: Composite, node: Parsed): Record<string, unknown> {
  if (node.type !== "list") throw new Error(`${type.name} holds ${node.type}, not a list`);
  if (node.items.length > type.fields.length) throw new Error(`${type.name} has ${node.items.length} fields, the standard ${type.fields.length}`);
  const values: Record<string, unknown> = {};
  for (const [index, field] of type.fields.entries()) {
    const item = node.items[index];
    const absent = item === undefined || item.type === "null";
    if (absent && field.mandatory) throw new Error(`${type.name}.${field.name} is mandatory`);
    if (!absent) values[field.name] = decodeField(`${type.name}.${field.name}`, field, item);
  }
  return values;
}

/** A value that may be described: a known composite gives `{ type, ...fields }`, anything else its simple form. */
export function decodePart(node: Parsed): unknown {
  const type = node.type === "described" ? compositeDescribed(simple(node.descriptor)) : undefined;
  if (type === undefined || node.type !== "described" || node.inner.type !== "list") return simple(node);
  return { type: type.name, ...decodeComposite(type, node.inner) };
}

function encodeField(type: string, value: unknown): Bytes {
  if (value === null || value === undefined) return octets(0x40);
  if (wrapperOf(value) !== undefined) return encode(value);
  const choice = CHOICES.get(type);
  if (choice !== undefined) {
    for (const [wire, name] of choice.names) if (name === value) return typed(choice.type, wire);
    return typed(choice.type, value);
  }
  switch (type) {
    case "any":
      return encode(value);
    case "symbols":
      return Array.isArray(value) ? typed("array", ["symbol", value]) : typed("symbol", value);
    case "fields":
      return symbolMap(value as Record<string, unknown> | Map<unknown, unknown>);
    case "unsettled":
      return map([...(value as Map<unknown, unknown>)].map(([key, state]) => [encode(key), encodePart(state, "")]));
    case "source":
    case "target":
    case "error":
    case "state":
      return encodePart(value, type);
    default:
      return typed(type, value);
  }
}

// `expected` names the type of an object that does not name its own; a text alone is a state without fields
function encodePart(value: unknown, expected: string): Bytes {
  if (value === null || value === undefined) return octets(0x40);
  if (wrapperOf(value) !== undefined) return encode(value);
  const fields: Record<string, unknown> = typeof value === "string" ? { type: value } : { ...value };
  const type = compositeNamed(typeof fields["type"] === "string" ? fields["type"] : expected);
  if (type === undefined) throw new Error(`no composite type for ${JSON.stringify(fields["type"])}`);
  return encodeComposite(type, fields);
}

function symbolMap(value: Record<string, unknown> | Map<unknown, unknown>): Bytes {
  if (value instanceof Map) return encode(value);
  return map(Object.entries(value).map(([key, item]) => [typed("symbol", key), encode(item)]));
}

function decodeField(where: string, field: Field, node: Parsed): unknown {
  const choice = CHOICES.get(field.type);
  if (choice !== undefined) {
    wants(where, node, choice.type);
    const name = choice.names.get(simple(node));
    if (name === undefined) throw new Error(`${where} is ${String(simple(node))}`);
    return name;
  }
  switch (field.type) {
    case "any":
      return simple(node);
    case "symbols":
      return symbols(where, node);
    case "fields":
      wants(where, node, "map");
      for (const [key] of node.type === "map" ? node.entries : []) wants(`a key of ${where}`, key, "symbol");
      return simple(node);
    case "unsettled":
      return unsettled(where, node);
    case "source":
    case "target":
    case "error":
    case "state":
      wants(where, node, "described");
      return decodePart(node);
    default:
      wants(where, node, field.type);
      return simple(node);
  }
}

function wants(where: string, node: Parsed, type: string): void {
  if (node.type !== type) throw new Error(`${where} is a ${node.type}, the standard wants ${type}`);
}

function symbols(where: string, node: Parsed): unknown[] {
  const items = node.type === "array" ? node.items : [node];
  for (const item of items) wants(where, item, "symbol");
  return items.map(simple);
}

function unsettled(where: string, node: Parsed): Map<unknown, unknown> {
  wants(where, node, "map");
  const result = new Map<unknown, unknown>();
  for (const [key, state] of node.type === "map" ? node.entries : []) {
    wants(`a key of ${where}`, key, "binary");
    result.set(simple(key), state.type === "null" ? null : decodePart(state));
  }
  return result;
}
