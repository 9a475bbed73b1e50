/** Values as short, readable text, for the messages of a script that failed. */

import { toHex } from "./codec/octets.ts";

const LONGEST = 48;

/** One line for any value that a script can hold; long texts and bytes are cut. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 4 * LONGEST ? `${value.slice(0, 4 * LONGEST)}...` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "(a predicate)";
  if (value instanceof Uint8Array) return `<${toHex(value.subarray(0, LONGEST))}${value.length > LONGEST ? `... ${value.length} octets` : ""}>`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return `Map {${[...value].map(([key, item]) => `${show(key)} => ${show(item)}`).join(", ")}}`;
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** A frame by name, channel and fields. */
export function showFrame(frame: { readonly name: string; readonly channel: number; readonly fields: object; readonly payload: Uint8Array }): string {
  const channel = frame.channel === 0 ? "" : ` on channel ${frame.channel}`;
  const payload = frame.payload.length === 0 ? "" : ` and ${frame.payload.length} octets ${show(frame.payload)}`;
  return `${frame.name} ${show(frame.fields)}${channel}${payload}`;
}
