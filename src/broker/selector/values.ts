/**
 * The values that a selector works with, and how it compares and calculates: exact numbers as Java's long, approximate ones
 * as its double, null for what is not there. Values of different kinds compare as false, whatever the question.
 */

import { Typed, Uuid } from "../../container/public.ts";

/** An approximate number. Exact ones are plain numbers, and bigints where those would not be exact. */
export class Real {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Something that is there and equals nothing: binary, a list. */
export const OPAQUE: unique symbol = Symbol("opaque");

export type Numeric = number | bigint | Real;
export type Value = boolean | string | Numeric | typeof OPAQUE | null;

/** What a comparison or condition comes to; null is unknown. */
export type Truth = boolean | null;

export type Comparison = "=" | "<>" | "<" | ">" | "<=" | ">=";

/** A value of a message, decoded with its exact type. */
export function fromWire(value: unknown): Value {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return value;
    case "bigint":
      return shrink(value);
    case "undefined":
      return null;
    default:
      if (value === null) return null;
      if (value instanceof Typed) return fromTyped(value as Typed);
      if (value instanceof Date) return value.getTime();
      return value instanceof Uuid ? value.toString() : OPAQUE;
  }
}

function fromTyped(typed: Typed): Value {
  switch (typed.type) {
    case "float":
    case "double":
    case "decimal32":
    case "decimal64":
    case "decimal128":
      return new Real(Number(typed.value));
    case "array":
      return OPAQUE;
    default:
      return fromWire(typed.value);
  }
}

/** Whether two values stand in this relation; unknown where one is not there. */
export function compare(sign: Comparison, a: Value, b: Value): Truth {
  if (a === null || b === null) return null;
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(sign, plain(a), plain(b));
  if (typeof a !== typeof b || a === OPAQUE) return false;
  return sign === "=" ? a === b : sign === "<>" ? a !== b : false;
}

function compareNumbers(sign: Comparison, a: number | bigint, b: number | bigint): boolean {
  switch (sign) {
    case "=": return a <= b && a >= b;
    case "<>": return a < b || a > b;
    case "<": return a < b;
    case ">": return a > b;
    case "<=": return a <= b;
    case ">=": return a >= b;
  }
}

/** The result of an operation; null where an operand is no number, or an exact division by 0 has none. */
export function calculate(sign: string, a: Value, b: Value): Value {
  if (!isNumeric(a) || !isNumeric(b)) return null;
  if (a instanceof Real || b instanceof Real) return new Real(onReals(sign, Number(plain(a)), Number(plain(b))));
  if (sign === "/" && (b === 0 || b === 0n)) return null;
  if (typeof a === "number" && typeof b === "number") {
    const result = sign === "/" ? Math.trunc(a / b) : onReals(sign, a, b);
    if (Number.isSafeInteger(result)) return result + 0;
  }
  return onLongs(sign, BigInt(a), BigInt(b));
}

/** The number with its sign turned; null for what is no number. */
export function negate(a: Value): Value {
  if (a instanceof Real) return new Real(-a.value);
  return calculate("-", 0, a);
}

export function isNumeric(value: Value): value is Numeric {
  return typeof value === "number" || typeof value === "bigint" || value instanceof Real;
}

/** As a number where that is exact. */
export function shrink(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

function plain(value: Numeric): number | bigint {
  return value instanceof Real ? value.value : value;
}

function onReals(sign: string, a: number, b: number): number {
  return sign === "+" ? a + b : sign === "-" ? a - b : sign === "*" ? a * b : a / b;
}

// Beyond 64 bits they wrap, as Java's do.
function onLongs(sign: string, a: bigint, b: bigint): number | bigint {
  return shrink(BigInt.asIntN(64, sign === "+" ? a + b : sign === "-" ? a - b : sign === "*" ? a * b : a / b));
}
