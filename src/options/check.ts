/** Judges a bag of options and words what is wrong with it. No text ever repeats a value, which could be a secret. */

import * as z from "zod/mini";

import { ConfigError } from "../errors.ts";
import { nearest } from "../util/suggest.ts";

/**
 * Passes a bag on as it is when it fits the schema.
 *
 * @param where the call, such as "connect()", for error texts.
 * @param also names that are none of the schema's and that the caller looks after.
 * @throws ConfigError `config`, naming the option, what it may be, and the known name nearest to an unknown one.
 */
export function check<B>(schema: z.ZodMiniType<B>, value: unknown, where: string, also: readonly string[] = []): B {
  const result = z.safeParse(schema, value);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const wrong = issue.code === "unrecognized_keys" ? unknownName(schema, issue, also) : wrongValue(issue, value);
      if (wrong !== undefined) throw configError(where, wrong);
    }
  }
  return value as B;
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

function wrongValue(issue: Issue, root: unknown): string {
  const got = describe(valueAt(root, issue.path));
  if (issue.path.length === 0) return `options must be ${issue.message}; got ${got}`;
  return `option "${issue.path.join(".")}" must be ${issue.message}; got ${got}`;
}

function unknownName(schema: z.ZodMiniType, issue: Issue, also: readonly string[]): string | undefined {
  const key = issue.keys?.find((name) => issue.path.length > 0 || !also.includes(name));
  if (key === undefined) return undefined;
  const known = [...namesAt(schema, issue.path), ...(issue.path.length === 0 ? also : [])];
  const path = [...issue.path, printable(key)].join(".");
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
