/** Bodies and their schemas: asks a schema about a value, whether it answers at once or later, and words what it finds. */

import { printable } from "../frames/printable.ts";
import type { SchemaIssue, SchemaResult, StandardSchema } from "../options/standard-schema.ts";

/** Issues that are told, and characters of each. */
const MOST_ISSUES = 5;
const LONGEST_ISSUE = 150;

/** What was found out about a value. */
export type Verdict =
  | { readonly type: "fits"; readonly value: unknown }
  | { readonly type: "unfit"; readonly text: string }
  /** The schema itself failed. */
  | { readonly type: "failed"; readonly error: unknown };

/** Asks the schema; the answer is a promise only where the schema's is. Never throws or rejects. */
export function judge(schema: StandardSchema, value: unknown): Verdict | Promise<Verdict> {
  try {
    const result = schema["~standard"].validate(value);
    return isPromise(result) ? result.then(verdictOf, failed) : verdictOf(result);
  } catch (error) {
    return failed(error);
  }
}

/** Whether a value has to be waited for; a schema's promise may be of any make. */
export function isPromise<T>(value: T | PromiseLike<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}

function verdictOf(result: SchemaResult<unknown>): Verdict {
  if (result.issues === undefined) return { type: "fits", value: result.value };
  return { type: "unfit", text: wordsOf(result.issues) };
}

function failed(error: unknown): Verdict {
  return { type: "failed", error };
}

/** The first issues, bounded and printable: they repeat what a peer sent. */
function wordsOf(issues: readonly SchemaIssue[]): string {
  const told = issues.slice(0, MOST_ISSUES).map(({ message, path }) => {
    const place = (path ?? []).map((step) => String(typeof step === "object" ? step.key : step)).join(".");
    return printable(place === "" ? String(message) : `${place}: ${String(message)}`, LONGEST_ISSUE);
  });
  const more = issues.length - told.length;
  return `${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}` || "no reason given";
}
