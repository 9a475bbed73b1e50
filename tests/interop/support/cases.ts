/** Every AMQP type as a literal, with its edges: the values that the suite puts into bodies, properties and annotations. */
import type { ElementName, Notation } from "./notation.ts";

/** A value and the name by which the table of exclusions speaks of it. */
export interface Case {
  readonly name: string;
  readonly value: Notation;
}

const LONG_TEXT = "0123456789".repeat(30);
const UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const MIXED_TEXT = "Grüße, 漢字, 😀, \u0000";

const named = (type: string, values: Readonly<Record<string, Notation>>): Case[] =>
  Object.entries(values).map(([name, value]) => ({ name: `${type} ${name}`.trim(), value }));

/** What an application property can be: anything that is not a list, map, array or described. */
export const scalars: readonly Case[] = [
  ...named("null", { "": ["null"] }),
  ...named("boolean", { true: ["boolean", true], false: ["boolean", false] }),
  ...named("ubyte", { least: ["ubyte", 0], most: ["ubyte", 255] }),
  ...named("ushort", { least: ["ushort", 0], most: ["ushort", 65_535] }),
  ...named("uint", { zero: ["uint", 0], small: ["uint", 255], wide: ["uint", 256], most: ["uint", 4_294_967_295] }),
  ...named("ulong", { zero: ["ulong", "0"], small: ["ulong", "255"], wide: ["ulong", "256"], "2^53+1": ["ulong", "9007199254740993"] }),
  ...named("ulong", { "2^63": ["ulong", "9223372036854775808"], most: ["ulong", "18446744073709551615"] }),
  ...named("byte", { least: ["byte", -128], most: ["byte", 127] }),
  ...named("short", { least: ["short", -32_768], most: ["short", 32_767] }),
  ...named("int", { small: ["int", -128], wide: ["int", 128], least: ["int", -2_147_483_648], most: ["int", 2_147_483_647] }),
  ...named("long", { small: ["long", "-128"], wide: ["long", "128"], "2^53+1": ["long", "9007199254740993"] }),
  ...named("long", { least: ["long", "-9223372036854775808"], most: ["long", "9223372036854775807"] }),
  ...named("float", { "1.5": ["float", "3fc00000"], "-0": ["float", "80000000"], infinity: ["float", "7f800000"], NaN: ["float", "7fc00000"] }),
  ...named("double", { "0.1": ["double", "3fb999999999999a"], "-0": ["double", "8000000000000000"] }),
  ...named("double", { "-infinity": ["double", "fff0000000000000"], NaN: ["double", "7ff8000000000000"] }),
  ...named("decimal32", { "": ["decimal32", "32800005"] }),
  ...named("decimal64", { "": ["decimal64", "31c0000000000019"] }),
  ...named("decimal128", { "": ["decimal128", "30400000000000000000000000003039"] }),
  ...named("char", { ascii: ["char", 0x41], wide: ["char", 0x1f600] }),
  ...named("timestamp", { epoch: ["timestamp", "0"], later: ["timestamp", "1700000000123"], earlier: ["timestamp", "-1"] }),
  ...named("timestamp", { "beyond Date": ["timestamp", "9223372036854775807"] }),
  ...named("uuid", { "": ["uuid", UUID] }),
  ...named("binary", { empty: ["binary", ""], short: ["binary", "00ff10"], long: ["binary", "a5".repeat(300)] }),
  ...named("string", { empty: ["string", ""], ascii: ["string", "hello"], wide: ["string", MIXED_TEXT], long: ["string", LONG_TEXT] }),
  ...named("symbol", { empty: ["symbol", ""], short: ["symbol", "amqp:test"], long: ["symbol", LONG_TEXT] }),
];

const arrayOf = (element: ElementName, ...values: Notation[]): Notation => ["array", element, values];
const described = (descriptor: Notation, value: Notation): Notation => ["described", descriptor, value];

/** Arrays of every type. */
const arrays: readonly Case[] = named("array of", {
  nothing: arrayOf("int"),
  boolean: arrayOf("boolean", ["boolean", true], ["boolean", false]),
  ubyte: arrayOf("ubyte", ["ubyte", 0], ["ubyte", 255]),
  ushort: arrayOf("ushort", ["ushort", 1], ["ushort", 65_535]),
  uint: arrayOf("uint", ["uint", 0], ["uint", 4_294_967_295]),
  ulong: arrayOf("ulong", ["ulong", "1"], ["ulong", "18446744073709551615"]),
  byte: arrayOf("byte", ["byte", -128], ["byte", 127]),
  short: arrayOf("short", ["short", -1], ["short", 32_767]),
  int: arrayOf("int", ["int", -1], ["int", 2_147_483_647]),
  long: arrayOf("long", ["long", "-1"], ["long", "9223372036854775807"]),
  float: arrayOf("float", ["float", "3fc00000"], ["float", "bf800000"]),
  double: arrayOf("double", ["double", "3fb999999999999a"]),
  decimal32: arrayOf("decimal32", ["decimal32", "32800005"]),
  decimal64: arrayOf("decimal64", ["decimal64", "31c0000000000019"]),
  decimal128: arrayOf("decimal128", ["decimal128", "30400000000000000000000000003039"]),
  char: arrayOf("char", ["char", 0x41], ["char", 0x1f600]),
  timestamp: arrayOf("timestamp", ["timestamp", "0"], ["timestamp", "1700000000123"]),
  uuid: arrayOf("uuid", ["uuid", UUID]),
  binary: arrayOf("binary", ["binary", ""], ["binary", "00ff"]),
  string: arrayOf("string", ["string", "a"], ["string", MIXED_TEXT]),
  symbol: arrayOf("symbol", ["symbol", "a"], ["symbol", "bc"]),
  list: arrayOf("list", ["list", [["int", 1]]], ["list", [["string", "a"], ["null"]]]),
  map: arrayOf("map", ["map", [[["string", "k"], ["int", 1]]]]),
  array: arrayOf("array", arrayOf("int", ["int", 1]), arrayOf("int", ["int", 2], ["int", 3])),
  described: arrayOf("int", described(["symbol", "test:unit"], ["int", 1]), described(["symbol", "test:unit"], ["int", 2])),
});

const lists: readonly Case[] = named("list", {
  empty: ["list", []],
  "of one": ["list", [["int", 5]]],
  "of every scalar": ["list", scalars.map((one) => one.value)],
  nested: ["list", [["list", [["list", [["list", [["string", "deep"]]]]]]], ["map", [[["string", "k"], ["list", [["null"]]]]]]]],
});

const maps: readonly Case[] = named("map", {
  empty: ["map", []],
  "with text keys": ["map", [[["string", "a"], ["int", 1]], [["string", "b"], ["list", [["boolean", true]]]]]],
  "with symbol keys": ["map", [[["symbol", "a"], ["int", 1]]]],
  "with other keys": ["map", [[["ulong", "7"], ["string", "x"]], [["boolean", true], ["null"]], [["uuid", UUID], ["double", "3fb999999999999a"]]]],
});

const describeds: readonly Case[] = named("described", {
  "by ulong": described(["ulong", "1311768467294899695"], ["string", "x"]),
  "by symbol": described(["symbol", "test:point"], ["list", [["int", 1], ["int", 2]]]),
  twice: described(["symbol", "test:outer"], described(["symbol", "test:inner"], ["boolean", true])),
});

/** Any value: what an annotation or an amqp-value body can be. */
export const anything: readonly Case[] = [...scalars, ...lists, ...maps, ...arrays, ...describeds];
