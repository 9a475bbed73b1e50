/** Any value of a frame as text on one line: escaped, cut, and never deeper or longer than a person reads. */

import { Described, Typed, Uuid } from "../wire/values.ts";

/** Characters of a text, octets of bytes, entries of a list or map. */
const MOST = 64;
const DEEPEST = 5;

/** The text of a value. */
export function readable(value: unknown, depth = 0): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (value instanceof Uuid) return value.toString();
  if (depth === DEEPEST) return "...";
  if (value instanceof Typed) return `${value.type}(${readable(value.value, depth + 1)})`;
  if (value instanceof Described) return `@${readable(value.descriptor, depth + 1)}(${readable(value.value, depth + 1)})`;
  if (ArrayBuffer.isView(value)) return list(Array.from(value as unknown as ArrayLike<unknown>), depth);
  if (Array.isArray(value)) return list(value, depth);
  const entries = value instanceof Map ? [...value] as [unknown, unknown][] : Object.entries(value);
  const shown = entries.filter(([, one]) => one !== undefined);
  const type = "type" in value && typeof value.type === "string" && COMPOSITES.has(value.type) ? value.type : undefined;
  if (type !== undefined) return composite(type, shown as [string, unknown][], depth);
  return `{${some(shown.map(([key, one]) => `${typeof key === "string" ? name(key) : readable(key, depth + 1)}: ${readable(one, depth + 1)}`))}}`;
}

/** The name of the standard for a field: hyphens for humps. */
export function fieldName(key: string): string {
  return key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}

/** Termini and delivery states, which have fields and not entries. */
const COMPOSITES: ReadonlySet<string> = new Set(["source", "target", "coordinator", "received", "accepted", "rejected", "released", "modified", "declared", "transactional"]);

function composite(type: string, entries: readonly [string, unknown][], depth: number): string {
  const fields = entries.filter(([key]) => key !== "type").map(([key, one]) => `${fieldName(key)}: ${readable(one, depth + 1)}`);
  return fields.length === 0 ? type : `${type}{${fields.join(", ")}}`;
}

function list(values: readonly unknown[], depth: number): string {
  return `[${some(values.slice(0, MOST + 1).map((one) => readable(one, depth + 1)))}]`;
}

function some(texts: readonly string[]): string {
  return texts.length > MOST ? `${texts.slice(0, MOST).join(", ")}, ...` : texts.join(", ");
}

function name(key: string): string {
  return /^[\w:.-]{1,64}$/.test(key) ? key : quoted(key);
}

/** In quotes, with everything but printable ASCII as an escape. */
function quoted(text: string): string {
  const inside = JSON.stringify(text.slice(0, MOST)).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return text.length > MOST ? `${inside}...` : inside;
}

function hex(bytes: Uint8Array): string {
  const digits = Array.from(bytes.subarray(0, MOST), (octet) => octet.toString(16).padStart(2, "0")).join("");
  return bytes.length > MOST ? `0x${digits}... (${bytes.length} octets)` : `0x${digits}`;
}
