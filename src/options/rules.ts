/**
 * What single options may be, as zod schemas whose message says what is allowed. They judge and never convert or copy:
 * callers go on with the value that they were given.
 */

import * as z from "zod/mini";

import { nearest } from "../util/suggest.ts";

/** The schema of one option that may be left out. */
export type Rule<T> = z.ZodMiniOptional<z.ZodMiniType<T>>;

/** A schema for each option of a bag: neither one too few nor one too many. */
export type Shape<Bag> = {
  readonly [K in keyof Bag]-?: undefined extends Bag[K] ? Rule<Exclude<Bag[K], undefined>> : z.ZodMiniType<Bag[K]>;
};

/** A schema from a test and a text that completes `"x" must be ...`. */
export function rule<T>(allowed: string, test: (value: unknown) => boolean): Rule<T> {
  return z.optional(z.custom<T>(test, allowed));
}

/** The same for an option that must be there. */
export function needed<T>(allowed: string, test: (value: unknown) => boolean): z.ZodMiniType<T> {
  return z.custom<T>(test, allowed);
}

/** One of a few texts. */
export function oneOf<const T extends string>(...names: T[]): Rule<T> {
  const known = new Set<unknown>(names);
  const list = names.map((name) => `"${name}"`).join(", ");
  const error = ({ input }: { input?: unknown }): string => {
    const meant = typeof input === "string" ? nearest(input, names) : undefined;
    return `one of ${list}${meant === undefined ? "" : ` (did you mean "${meant}"?)`}`;
  };
  return z.optional(z.custom<T>((value) => known.has(value), { error }));
}

/** A whole number within bounds. */
export function whole(min: number, max: number): Rule<number> {
  return rule(`a whole number from ${min} to ${max}`, (value) => Number.isInteger(value) && between(value, min, max));
}

/** A bound: a whole number, or Infinity for none. */
export function amount(min: number): Rule<number> {
  return rule(`a whole number from ${min}, or Infinity`, (value) => value === Infinity || (Number.isSafeInteger(value) && between(value, min, Infinity)));
}

/** One bag in another. */
export function bag<B>(shape: Shape<B>): Rule<B> {
  return z.optional(strict(shape)) as unknown as Rule<B>;
}

/** A whole bag, in which unknown names are errors. */
export function strict<B>(shape: Shape<B>): z.ZodMiniType<B> {
  return z.strictObject(shape as Record<string, z.ZodMiniType>, "an object of options") as unknown as z.ZodMiniType<B>;
}

/** true or false. */
export const flag: Rule<boolean> = rule("true or false", (value) => typeof value === "boolean");
/** Any text. */
export const text: Rule<string> = rule("a text", (value) => typeof value === "string");
/** A text that says something. */
export const nonEmptyText: Rule<string> = rule("a text that is not empty", (value) => typeof value === "string" && value !== "");
/** One text or several. */
export const texts: Rule<string | readonly string[]> = rule("a text or a list of texts", (value) => typeof value === "string" || isList(value, isText));
/** One AMQP symbol or several: ASCII (1.6.21). */
export const symbols: Rule<string | readonly string[]> = rule("an ASCII text or a list of them", (value) => isAscii(value) || isList(value, isAscii));
/** Milliseconds, Infinity for no bound. */
export const duration: Rule<number> = rule("milliseconds: a number from 0 to Infinity", (value) => typeof value === "number" && value >= 0);
/** A signal to give up on. */
export const signal: Rule<AbortSignal> = rule("an AbortSignal", isSignal);
/** A map keyed by text. */
export const record: Rule<Record<string, unknown>> = rule("an object", (value) => isObject(value) && !Array.isArray(value));
/** Bytes. */
export const bytes: Rule<Uint8Array> = rule("bytes", isBytes);
/** One certificate or key. */
export const pem: Rule<string | Uint8Array> = rule("PEM as text or bytes", isPem);
/** Several certificates. */
export const pems: Rule<string | Uint8Array | readonly (string | Uint8Array)[]> = rule("PEM as text or bytes, or a list of them", (value) => isPem(value) || isList(value, isPem));

/** A function; its parameters cannot be checked. */
export function fn<F>(): Rule<F> {
  return rule("a function", (value) => typeof value === "function");
}

/** An object that has these methods. */
export function having<T>(what: string, ...methods: string[]): Rule<T> {
  return rule(`${what}: an object with ${methods.join(", ")}`, (value) => isObject(value) && methods.every((name) => typeof Reflect.get(value, name) === "function"));
}

/** Whether the value is an object or a list. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function between(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && value >= min && value <= max;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isAscii(value: unknown): boolean {
  return typeof value === "string" && /^[\x20-\x7e]+$/.test(value);
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}

function isPem(value: unknown): boolean {
  return typeof value === "string" || isBytes(value);
}

function isList(value: unknown, test: (value: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(test);
}

function isSignal(value: unknown): boolean {
  return isObject(value) && "aborted" in value && "addEventListener" in value && typeof value.addEventListener === "function";
}
