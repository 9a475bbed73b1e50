/** Subset match of what a script expects against what came. */

import type { Frame } from "./codec/frame.ts";
import { CHOICES, compositeNamed } from "./codec/schema.ts";
import type { Field } from "./codec/schema.ts";
import { show } from "./show.ts";

/**
 * What differs, one line each; empty when `expected` is matched. Fields that `expected` does not name may be anything;
 * null and undefined want the field absent, a function is a predicate, a field's default is matched by its absence.
 * `channel` is the frame's channel.
 */
export function differences(expected: Readonly<Record<string, unknown>>, frame: Frame): string[] {
  // a protocol header is no composite, though a message section has the same name
  const type = frame.name === "header" ? undefined : compositeNamed(frame.name);
  const lines: string[] = [];
  for (const [name, wanted] of Object.entries(expected)) {
    const field = type?.fields.find((candidate) => candidate.name === name);
    if (name === "channel") compare("channel", wanted, frame.channel, lines);
    else if (type !== undefined && field === undefined) lines.push(`${frame.name} has no field ${name}`);
    else compareField(name, field, wanted, frame.fields[name], lines);
  }
  return lines;
}

function compareField(name: string, field: Field | undefined, wanted: unknown, seen: unknown, lines: string[]): void {
  const named = field === undefined ? wanted : nameOf(field, wanted);
  // a transfer without `settled` has no default of its own, but on a first frame it means false (§2.7.5)
  const fallback = field?.fallback ?? (name === "settled" ? false : undefined);
  if (seen === undefined && named === fallback) return;
  compare(name, named, seen, lines);
}

// scripts may write a choice by its name or by its value on the wire
function nameOf(field: Field, wanted: unknown): unknown {
  return CHOICES.get(field.type)?.names.get(wanted) ?? wanted;
}

function compare(path: string, wanted: unknown, seen: unknown, lines: string[]): void {
  if (typeof wanted === "function") {
    if (!(wanted as (value: unknown) => unknown)(seen)) lines.push(`${path}: the predicate refused ${show(seen)}`);
  } else if (wanted === null || wanted === undefined) {
    if (seen !== null && seen !== undefined) lines.push(`${path}: expected none, seen ${show(seen)}`);
  } else if (isComposite(seen) && typeof wanted === "string") {
    compare(`${path}.type`, wanted, seen.type, lines); // "accepted" stands for { type: "accepted" }
  } else if (isRecord(wanted) && isRecord(seen)) {
    for (const [name, inner] of Object.entries(wanted)) {
      const field = isComposite(seen) ? compositeNamed(seen.type)?.fields.find((candidate) => candidate.name === name) : undefined;
      const there = seen[name];
      if (there === undefined && field !== undefined && inner === field.fallback) continue;
      compare(`${path}.${name}`, inner, there, lines);
    }
  } else if (!same(wanted, seen)) {
    lines.push(`${path}: expected ${show(wanted)}, seen ${show(seen)}`);
  }
}

function same(wanted: unknown, seen: unknown): boolean {
  if (wanted instanceof Uint8Array) return seen instanceof Uint8Array && sameItems([...wanted], [...seen]);
  if (wanted instanceof Date) return seen instanceof Date && wanted.getTime() === seen.getTime();
  if (wanted instanceof Map) return seen instanceof Map && sameItems([...wanted].flat(), [...seen].flat());
  if (Array.isArray(wanted)) return Array.isArray(seen) && sameItems(wanted, seen);
  if (isRecord(wanted) && isRecord(seen)) return sameItems(Object.entries(wanted).flat(), Object.entries(seen).flat());
  if (typeof wanted === "bigint" && typeof seen === "number") return wanted === BigInt(seen);
  return Object.is(wanted, seen);
}

function sameItems(wanted: readonly unknown[], seen: readonly unknown[]): boolean {
  return wanted.length === seen.length && wanted.every((item, index) => same(item, seen[index]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isComposite(value: unknown): value is Record<string, unknown> & { type: string } {
  return isRecord(value) && typeof value["type"] === "string";
}
