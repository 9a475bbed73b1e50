/** Judges a bag of options and words what is wrong with it. No text ever repeats a value, which could be a secret. */

import * as z from "zod/mini";

import { ConfigError } from "../errors.ts";
import { nearest } from "../util/suggest.ts";

/**
 * Passes a bag on as it is when it fits the schema.
 *
 * @param where the call, such as "connect()", for error texts.
 * @param also names that are none of the schema's and that the caller looks after.
 * @param whole what the bag itself may be, where that is more than an object of options.
 * @throws ConfigError `config`, naming the option, what it may be, and the known name nearest to an unknown one.
 */
export function check<B>(schema: z.ZodMiniType<B>, value: unknown, where: string, also: readonly string[] = [], whole?: string): B {
  const result = z.safeParse(schema, value);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const wrong = issue.code === "unrecognized_keys" ? unknownName(schema, issue, also) : wrongValue(issue, value, whole);
      if (wrong !== undefined) throw configError(where, wrong);
    }
  }
  return value as B;
}

/** @throws ConfigError `config` unless the value is a whole number from `min` to `max`. @param what as in "flow(): <what> must be" */
export function checkWhole(value: unknown, min: number, max: number, where: string, what: string): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return;
  throw configError(where, `${what} must be a whole number from ${min} to ${max}; got ${describe(value)}`);
}

/**
 * Looks at the names alone, for bags that are given with every message; what they may be is looked at where it is used.
 * @throws ConfigError `config`
 */
export function checkNames(bag: object, known: ReadonlySet<string>, where: string): void {
  if (typeof bag !== "object" || bag === null || Array.isArray(bag)) throw configError(where, `options must be an object of options; got ${describe(bag)}`);
  for (const name in bag) {
    if (!known.has(name)) throw configError(where, noSuchOption(printable(name), name, [...known]));
  }
}

/** The error of an option that can never work as given. */
export function configError(where: string, text: string): ConfigError {
  return new ConfigError(`${where}: ${text}`, { code: "config", scope: "container" });
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[] | undefined;
}

function wrongValue(issue: Issue, root: unknown, whole: string | undefined): string {
  const got = describe(valueAt(root, issue.path));
  if (issue.path.length === 0) return `${whole === undefined ? `options must be ${issue.message}` : `it must be ${whole}`}; got ${got}`;
  return `option "${issue.path.join(".")}" must be ${issue.message}; got ${got}`;
}

function unknownName(schema: z.ZodMiniType, issue: Issue, also: readonly string[]): string | undefined {
  const key = issue.keys?.find((name) => issue.path.length > 0 || !also.includes(name));
  if (key === undefined) return undefined;
  const known = [...namesAt(schema, issue.path), ...(issue.path.length === 0 ? also : [])];
  const path = [...issue.path, printable(key)].join(".");
  return noSuchOption(path, key, known);
}

function noSuchOption(path: string, key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return `there is no option "${path}"; ${meant === undefined ? `there are ${known.join(", ")}` : `did you mean "${meant}"?`}`;
}

// zod answers what it is built from under `def`; optional and a bag in a bag are all that occurs here.
function namesAt(schema: z.ZodMiniType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const step of path) at = shapeOf(at)?.[String(step)];
  return Object.keys(shapeOf(at) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const def = (schema as { def?: { shape?: Record<string, unknown>; innerType?: unknown } } | undefined)?.def;
  if (def?.shape !== undefined) return def.shape;
  return def?.innerType === undefined ? undefined : shapeOf(def.innerType);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value === "" ? "an empty text" : "a text";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function printable(name: string): string {
  return name.slice(0, 40).replace(/[^\x20-\x7e]/g, "?");
}
