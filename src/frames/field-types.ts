/** How each kind of field of a composite type is written and read: primitives, restricted types, maps, nested composites. */

import { EncodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import { copyBytes } from "../util/bytes.ts";
import type { ByteReader } from "../wire/decode.ts";
import {
  readBinary, readBoolean, readString, readSymbol, readSymbols, readTextMap, readUbyte, readUint, readUlong, readUshort,
} from "../wire/decode.ts";
import {
  writeBinary, writeBoolean, writeMap, writeString, writeSymbol, writeSymbols, writeUbyte, writeUint, writeUlong, writeUshort,
} from "../wire/encode.ts";
import type { Composite, CompositeSet, FieldType } from "./composite.ts";
import { malformed, readCompositeType, readFields, writeComposite } from "./composite.ts";
import { printable } from "./printable.ts";

export const BOOLEAN: FieldType = { write: writeBoolean, read: readBoolean };
export const UBYTE: FieldType = { write: writeUbyte, read: readUbyte };
export const USHORT: FieldType = { write: writeUshort, read: readUshort };
export const UINT: FieldType = { write: writeUint, read: readUint };
export const ULONG: FieldType = { write: writeUlong, read: readUlong };
export const STRING: FieldType = { write: writeString, read: readString };
export const SYMBOL: FieldType = { write: writeSymbol, read: readSymbol };

/** Reads as a view of what came in: for bytes that are used at once. */
export const BINARY: FieldType = { write: writeBinary, read: readBinary };

/** Reads as a copy: for a few bytes that are kept long, and would otherwise keep the whole chunk they came in. */
export const KEPT_BINARY: FieldType = {
  write: writeBinary,
  read: (r) => {
    const view = readBinary(r);
    return view === undefined ? undefined : copyBytes(view);
  },
};

/** A `multiple` field of symbols: null, one symbol or an array of them (B45); no symbols are written as null. */
export const SYMBOLS: FieldType = {
  write: writeSymbols,
  read: readSymbols,
  isEmpty: (value: readonly string[]) => value.length === 0,
};

/** A mandatory `multiple` field: an empty array is as wrong as null (B45). */
export const SOME_SYMBOLS: FieldType = {
  ...SYMBOLS,
  read: (r) => {
    const symbols = readSymbols(r);
    if (symbols === undefined || symbols.length === 0) throw malformed("is mandatory and is empty");
    return symbols;
  },
};

/** A map keyed by symbols (§2.8.13), read as an object keyed by text. */
export const FIELDS: FieldType = { write: (w, value: Readonly<Record<string, unknown>>) => writeMap(w, value, "symbol"), read: readKeyed };

/** As `FIELDS`, but an empty map is not written. */
export const SOME_FIELDS: FieldType = { ...FIELDS, isEmpty: (value: object) => isEmptyObject(value) };

/** role (§2.8.1). */
export const ROLE: FieldType = {
  write: (w, value: string) => {
    if (value !== "sender" && value !== "receiver") throw notAChoice(value, ["sender", "receiver"]);
    writeBoolean(w, value === "receiver");
  },
  read: (r) => {
    const receiver = readBoolean(r);
    return receiver === undefined ? undefined : receiver ? "receiver" : "sender";
  },
};

/** A restricted ubyte whose choices are 0, 1, ... in this order. */
export function ubyteChoice(choices: readonly string[]): FieldType {
  return {
    write: (w, value: string) => {
      const index = choices.indexOf(value);
      if (index < 0) throw notAChoice(value, choices);
      writeUbyte(w, index);
    },
    read: (r) => {
      const index = readUbyte(r);
      if (index === undefined) return undefined;
      const choice = choices[index];
      if (choice === undefined) throw malformed(`${index} is none of ${choices.map((name, i) => `${i} (${name})`).join(", ")}`);
      return choice;
    },
  };
}

/** A restricted symbol. */
export function symbolChoice(choices: readonly string[]): FieldType {
  return {
    write: (w, value: string) => {
      if (!choices.includes(value)) throw notAChoice(value, choices);
      writeSymbol(w, value);
    },
    read: (r) => {
      const symbol = readSymbol(r);
      if (symbol !== undefined && !choices.includes(symbol)) throw malformed(`"${printable(symbol)}" is none of ${choices.join(", ")}`);
      return symbol;
    },
  };
}

/** A restricted uint with the choices 0 to `max`. */
export function uintChoice(max: number): FieldType {
  return {
    write: (w, value: number) => {
      if (!(Number.isInteger(value) && value >= 0 && value <= max)) throw notAChoice(String(value), [`0 to ${max}`]);
      writeUint(w, value);
    },
    read: (r) => {
      const value = readUint(r);
      if (value !== undefined && value > max) throw malformed(`${value} is more than ${max}`);
      return value;
    },
  };
}

/** A composite type of which only one can stand here. */
export function nested(type: Composite, set: CompositeSet): FieldType {
  return {
    write: (w, value: object) => writeComposite(w, type, value),
    read: (r) => readFields(r, readCompositeType(r, set)),
  };
}

/** A field with functions of its own. */
export function custom<T>(write: (w: ByteWriter, value: T) => void, read: (r: ByteReader) => T | undefined): FieldType {
  return { write: (w, value: T) => write(w, value), read };
}

function notAChoice(value: string, choices: readonly string[]): EncodeError {
  return new EncodeError(`"${value}" is none of ${choices.join(", ")}`, { code: "not-encodable", scope: "connection" });
}

function isEmptyObject(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}

/** Strings in the place of symbols are taken, as long as they could be symbols: what was read can be written (an attach echoes its filter). */
function readKeyed(r: ByteReader): Record<string, unknown> | undefined {
  const at = r.position;
  const map = readTextMap(r);
  for (const key in map) {
    for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 0x7f) r.fail("a key of fields that is no symbol", at);
  }
  return map;
}
