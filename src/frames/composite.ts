/**
 * Composite types (§1.3 of the types part, "list" source): a table of fields for each type, and the one loop that
 * writes and the one that reads by such a table. Trailing nulls are not written. What is read must have no more
 * fields than the table, every mandatory one, and exactly the size that its list declares.
 */

import type { ErrorScope } from "../errors.ts";
import { DecodeError, EncodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import type { ByteReader } from "../wire/decode.ts";
import { readDescriptor, readListHeader, skipValue } from "../wire/decode.ts";
import { beginList, endList, writeDescriptor, writeNull } from "../wire/encode.ts";
import { AmqpCondition } from "./condition.ts";
import { printable } from "./printable.ts";
import { withSecret } from "./secret.ts";

/** How the value of a field goes over the wire. `read` is never called on a null. */
export interface FieldType {
  write(w: ByteWriter, value: unknown): void;
  read(r: ByteReader): unknown;
  /** Whether there is nothing to write though a value is there, as for a list of no symbols. */
  isEmpty?(value: unknown): boolean;
}

/** A field of a composite type. */
export interface Field {
  /** The standard's hyphenated name. */
  readonly name: string;
  /** The property of the object that holds it. */
  readonly key: string;
  readonly type: FieldType;
  readonly mandatory: boolean;
  /** What an absent field reads as; not written, since absence says it. */
  readonly fallback: unknown;
  /** May hold a password or token: read into a property that is not enumerable, so that no log or trace prints it. */
  readonly secret: boolean;
  /** What a value that is sound but not allowed here (amqp:invalid-field) takes down; the rest is read nevertheless. */
  readonly breach: ErrorScope | undefined;
}

/** A composite type: its descriptor in both forms and its fields in wire order. */
export interface Composite {
  readonly name: string;
  readonly code: number;
  readonly symbol: string;
  readonly fields: readonly Field[];
  /** All properties of a value, each absent; a copy of it is what `readFields` fills. */
  readonly blank: Readonly<Record<string, unknown>>;
}

/** The composite types that may stand in one place, by either form of their descriptor. */
export interface CompositeSet {
  /** For messages: "a delivery state". */
  readonly name: string;
  readonly byCode: ReadonlyMap<number | bigint | string, Composite>;
}

export interface FieldOptions {
  mandatory?: true;
  fallback?: unknown;
  secret?: true;
  breach?: ErrorScope;
}

/**
 * A field holds what the standard does not allow there, in bytes that are sound: not the connection but the session or
 * link that `scope` names is to end with amqp:invalid-field (B79, B90).
 */
export class InvalidFieldError extends DecodeError {
  static override readonly brand: string = "InvalidFieldError";
  /** All that was read, with the field left undefined; the reader stands behind it. */
  readonly composite: Readonly<Record<string, unknown>>;
  constructor(message: string, scope: ErrorScope, composite: Readonly<Record<string, unknown>>, cause: unknown) {
    super(message, { code: "decode-error", scope, condition: AmqpCondition.invalidField, cause });
    this.composite = composite;
  }
}

/** One row of a table: a field of `T`. */
export function field<T>(name: string, key: Exclude<keyof T, "type"> & string, type: FieldType, options: FieldOptions = {}): Field {
  return { name, key, type, mandatory: options.mandatory ?? false, fallback: options.fallback, secret: options.secret ?? false, breach: options.breach };
}

/** A table; `constants` are properties that a value has besides its fields, its `type` above all. */
export function composite(name: string, code: number, fields: readonly Field[], constants: Readonly<Record<string, unknown>> = { type: name }): Composite {
  const blank: Record<string, unknown> = { ...constants };
  for (const row of fields) if (!row.secret) blank[row.key] = row.fallback;
  return { name, code, symbol: `amqp:${name}:list`, fields, blank: Object.freeze(blank) };
}

/** Tables of which one is chosen by the descriptor. */
export function compositeSet(name: string, composites: readonly Composite[]): CompositeSet {
  const byCode = new Map<number | bigint | string, Composite>();
  for (const one of composites) byCode.set(one.code, one).set(one.symbol, one);
  return { name, byCode };
}

/** Writes `value` with its descriptor; the offsets in `w` must hold until it returns. @throws EncodeError not-encodable. */
export function writeComposite(w: ByteWriter, type: Composite, value: object): void {
  const { fields } = type;
  const values = value as Readonly<Record<string, unknown>>;
  let count = fields.length;
  while (count > 0 && isAbsent(fields[count - 1]!, values[fields[count - 1]!.key])) count--;
  writeDescriptor(w, type.code);
  const mark = beginList(w);
  for (let i = 0; i < fields.length; i++) {
    const row = fields[i]!;
    const item = values[row.key];
    if (!isAbsent(row, item)) row.type.write(w, item);
    else if (row.mandatory) throw missing(type, row);
    else if (i < count) writeNull(w);
  }
  endList(w, mark, count);
}

/** Reads a descriptor that must be one of `set`. @throws DecodeError decode-error, with the condition `unknown` where it is another. */
export function readCompositeType(r: ByteReader, set: CompositeSet, unknown: string = AmqpCondition.decodeError): Composite {
  if (r.position >= r.end || r.bytes[r.position] !== 0x00) {
    throw malformed(`expected ${set.name}, which is a described list, and found ${describeByte(r)}`, unknown);
  }
  const descriptor = takeDescriptor(r, set, unknown);
  const type = set.byCode.get(descriptor);
  if (type === undefined) throw malformed(`${describe(descriptor)} is not the descriptor of ${set.name}`, unknown);
  return type;
}

// A descriptor of a reserved type is as unknown as any other, unless its octets make no sense.
function takeDescriptor(r: ByteReader, set: CompositeSet, unknown: string): number | bigint | string {
  const { position } = r;
  try {
    return readDescriptor(r);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    r.position = position;
    let condition = unknown;
    try {
      skipValue(r);
    } catch {
      condition = AmqpCondition.decodeError;
    }
    throw malformed(`expected the descriptor of ${set.name}: ${error.message}`, condition);
  }
}

/**
 * Reads the fields that follow a descriptor.
 * @throws DecodeError that names the type and the field; an InvalidFieldError only once everything else was read.
 */
export function readFields(r: ByteReader, type: Composite): Record<string, unknown> {
  const { fields } = type;
  const value: Record<string, unknown> = { ...type.blank };
  let row: Field | undefined;
  let breach: { row: Field; scope: ErrorScope; error: DecodeError } | undefined;
  const outer = r.end;
  try {
    r.enter();
    const end = readListHeader(r);
    const count = r.count;
    r.end = end;
    if (count > fields.length) throw malformed(`has ${count} fields, the standard defines ${fields.length}`);
    for (let i = 0; i < fields.length; i++) {
      row = fields[i]!;
      if (i >= count || takeNull(r)) {
        if (row.mandatory) throw malformed("is mandatory and is null or missing");
      } else if (row.breach !== undefined) {
        const error = readGuarded(r, row, value);
        if (error !== undefined) breach ??= { row, scope: row.breach, error };
      } else if (row.secret) {
        withSecret(value, row.key, row.type.read(r));
      } else {
        value[row.key] = row.type.read(r);
      }
    }
    row = undefined;
    if (r.position !== end) throw malformed("the fields do not end where the list does");
  } catch (error) {
    throw located(error, type, row);
  }
  r.end = outer;
  r.depth--;
  if (breach !== undefined) {
    throw new InvalidFieldError(`${type.name} ${breach.row.name}: ${breach.error.message}`, breach.scope, value, breach.error);
  }
  return value;
}

/** Reads one field; a value that is only not allowed there is skipped, and its error returned. */
function readGuarded(r: ByteReader, row: Field, value: Record<string, unknown>): DecodeError | undefined {
  const { position, end, depth } = r;
  try {
    value[row.key] = row.type.read(r);
    return undefined;
  } catch (error) {
    if (!(error instanceof DecodeError) || error.condition !== AmqpCondition.invalidField) throw error;
    r.position = position;
    r.end = end;
    r.depth = depth;
    skipValue(r);
    return error;
  }
}

/** A `DecodeError` of the frames room; it closes the connection unless `condition` and `scope` say otherwise. */
export function malformed(message: string, condition: string = AmqpCondition.decodeError): DecodeError {
  return new DecodeError(message, { code: "decode-error", scope: "connection", condition });
}

// The same error with the type and the field in front of its text, and with a condition.
function located(error: unknown, type: Composite, row: Field | undefined): unknown {
  if (!(error instanceof DecodeError)) return error;
  const place = row === undefined ? type.name : `${type.name} ${row.name}`;
  return new DecodeError(`${place}: ${error.message}`, {
    code: "decode-error",
    scope: "connection",
    condition: error.condition ?? AmqpCondition.decodeError,
    cause: error,
  });
}

/** Passes a null if there is one. */
export function takeNull(r: ByteReader): boolean {
  if (r.position >= r.end || r.bytes[r.position] !== 0x40) return false;
  r.position++;
  return true;
}

function isAbsent(row: Field, value: unknown): boolean {
  return value === undefined || value === null || value === row.fallback || (row.type.isEmpty?.(value) ?? false);
}

function missing(type: Composite, row: Field): EncodeError {
  return new EncodeError(`${type.name} ${row.name} is mandatory`, { code: "not-encodable", scope: "connection" });
}

function describe(descriptor: number | bigint | string): string {
  return typeof descriptor === "string" ? `"${printable(descriptor)}"` : `0x${descriptor.toString(16).padStart(2, "0")}`;
}

function describeByte(r: ByteReader): string {
  return r.position >= r.end ? "nothing" : `format code 0x${r.bytes[r.position]!.toString(16).padStart(2, "0")}`;
}
