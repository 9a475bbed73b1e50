/** What a peer may get wrong in a performative (B18, B20, B36, B42-B45, B79, B90), for every performative and field. */

import { describe, expect, test } from "@jest/globals";
import { DecodeError } from "../../src/errors.ts";
import { isSasl, readPerformative } from "../../src/frames/codec.ts";
import { InvalidFieldError } from "../../src/frames/composite.ts";
import { readDeliveryState } from "../../src/frames/delivery-state-codec.ts";
import { ByteReader } from "../../src/wire/decode.ts";
import type { FieldRow, WireType } from "./standard.ts";
import { PERFORMATIVES, SAMPLES } from "./standard.ts";
import { caught, decode, hex, list32, reading, symbol } from "./support.ts";

const names = Object.keys(PERFORMATIVES);
const codeOf = (name: string): string => PERFORMATIVES[name]![0];
const fieldsOf = (name: string): readonly FieldRow[] => PERFORMATIVES[name]![1];
const valid = (type: WireType): string => SAMPLES[type].valid;

/** The octets of all fields, mandatory ones only where `full` is false, with some put in by index. */
function items(name: string, full: boolean, changed: Readonly<Record<number, string>> = {}): string[] {
  return fieldsOf(name).map(([, type, must], i) => changed[i] ?? (full || must ? valid(type) : "40"));
}

const described = (name: string, fields: readonly string[]): string => `00 53 ${codeOf(name)} ${list32(...fields)}`;

function expectDecodeError(octets: string, ...words: readonly string[]): void {
  const error = caught(() => decode(octets));
  expect(error).toBeInstanceOf(DecodeError);
  expect(error).toMatchObject({ code: "decode-error", scope: "connection", condition: "amqp:decode-error" });
  for (const word of words) expect((error as Error).message).toContain(word);
}

const fieldCases = names.flatMap((name) => fieldsOf(name).map((row, index) => [name, row[0], index, row] as const));
const mandatoryCases = fieldCases.filter(([, , , row]) => row[2] === "mandatory");

describe("every performative", () => {
  test.each(names)("%s: all fields, as list32", (name) => {
    expect(decode(described(name, items(name, true)))).toMatchObject({ type: name });
  });

  test.each(names)("%s: a symbolic descriptor", (name) => {
    expect(decode(`00 ${symbol(`amqp:${name}:list`)} ${list32(...items(name, false))}`)).toMatchObject({ type: name });
  });

  test.each(names)("%s: a descriptor of eight octets", (name) => {
    expect(decode(`00 80 00 00 00 00 00 00 00 ${codeOf(name)} ${list32(...items(name, false))}`)).toMatchObject({ type: name });
  });

  test.each(names)("%s: belongs in a SASL frame or not (B19)", (name) => {
    expect(isSasl(decode(described(name, items(name, false))))).toBe(name.startsWith("sasl-"));
  });

  test.each(names)("B44 %s: one field too many, even a null", (name) => {
    expectDecodeError(described(name, [...items(name, true), "40"]), name, `${fieldsOf(name).length + 1} fields`);
  });

  test.each(names.filter((name) => name !== "transfer"))("B20 %s: an octet behind it", (name) => {
    expectDecodeError(`${described(name, items(name, true))} 40`, name, "1 octets follow");
  });

  test("B20 what follows a transfer is its payload", () => {
    const bytes = hex(`${described("transfer", items("transfer", false))} 00 53 75 a0 00`);
    const r = new ByteReader(bytes);
    expect(readPerformative(r)).toMatchObject({ type: "transfer", handle: 1 });
    expect(bytes.length - r.position).toBe(5);
  });

  test.each(names)("B22 %s: cut anywhere", (name) => {
    const bytes = hex(described(name, items(name, true)));
    for (let length = 0; length < bytes.length; length++) {
      expect(caught(() => reading(bytes.subarray(0, length), readPerformative))).toBeInstanceOf(DecodeError);
    }
  });

  test.each(names)("B24 %s: octets left over inside the list", (name) => {
    const fields = items(name, true);
    const count = fields.length.toString(16).padStart(2, "0");
    const size = (hex(fields.join("")).length + 2).toString(16).padStart(2, "0");
    expectDecodeError(`00 53 ${codeOf(name)} c0 ${size} ${count} ${fields.join(" ")} 40`, name);
  });

  test.each(names)("B25 %s: more items declared than there are octets", (name) => {
    expectDecodeError(`00 53 ${codeOf(name)} c0 01 05`, name);
    expectDecodeError(`00 53 ${codeOf(name)} d0 00 00 00 04 7f ff ff ff`, name);
  });

  test.each(names)("B23 %s: a list larger than the frame", (name) => {
    expectDecodeError(`00 53 ${codeOf(name)} d0 7f ff ff ff 00 00 00 01 40`, name);
  });

  test.each(names)("%s: a field that reaches beyond the list is not taken from what follows", (name) => {
    expectDecodeError(`00 53 ${codeOf(name)} c0 03 01 a0 05 00 00 00 00 00`, name);
  });

  test.each(names)("%s: fields in a map, or none", (name) => {
    expectDecodeError(`00 53 ${codeOf(name)} c1 01 00`, name);
    expectDecodeError(`00 53 ${codeOf(name)} 40`, name);
  });
});

describe("every field", () => {
  test.each(mandatoryCases)("B42 %s %s: null", (name, field, index) => {
    expectDecodeError(described(name, items(name, true, { [index]: "40" })), `${name} ${field}`, "mandatory");
  });

  test.each(mandatoryCases)("B42 %s %s: beyond the end of the list", (name, field, index) => {
    expectDecodeError(described(name, items(name, true).slice(0, index)), `${name} ${field}`, "mandatory");
  });

  test.each(fieldCases)("B43 %s %s: of a wrong type", (name, field, index, [, type]) => {
    for (const wrong of SAMPLES[type].wrong) {
      expectDecodeError(described(name, items(name, true, { [index]: wrong })), `${name} ${field}`);
    }
  });

  test.each(fieldCases.filter(([, , , row]) => row[2] === undefined))("%s %s: may be null", (name, _field, index) => {
    expect(decode(described(name, items(name, true, { [index]: "40" })))).toMatchObject({ type: name });
  });
});

describe("B18", () => {
  test.each([
    ["an empty body", ""],
    ["a list without a descriptor", "c0 01 00"],
    ["an unknown numeric descriptor", "00 53 19 45"],
    ["an unknown symbolic descriptor", `00 ${symbol("amqp:nonsense:list")} 45`],
    ["a descriptor with another domain", "00 80 00 00 00 01 00 00 00 10 45"],
    ["a descriptor beyond 2^53", "00 80 ff ff ff ff ff ff ff ff 45"],
    ["the descriptor of something that is no performative", "00 53 24 45"],
    ["a descriptor that is null", "00 40 45"],
    ["a descriptor that is described", "00 00 53 10 53 10 45"],
    ["a name that every object has", `00 ${symbol("constructor")} 45`],
  ])("%s", (_what, octets) => {
    expectDecodeError(octets);
  });

  test("a long descriptor is shortened, and made printable, in the message", () => {
    const error = caught(() => decode(`00 ${symbol(`\n\x1b[31m${"x".repeat(200)}`)} 45`)) as Error;
    expect(error.message.length).toBeLessThan(150);
     
    expect(error.message).not.toMatch(/[\x00-\x1f]/);
  });
});

describe("choices", () => {
  const attach = (changed: Readonly<Record<number, string>>): string => described("attach", items("attach", false, changed));

  test("every settle mode", () => {
    expect(["00", "01", "02"].map((mode) => Reflect.get(decode(attach({ 3: `50 ${mode}` })), "sndSettleMode"))).toEqual(["unsettled", "settled", "mixed"]);
    expect(["00", "01"].map((mode) => Reflect.get(decode(attach({ 4: `50 ${mode}` })), "rcvSettleMode"))).toEqual(["first", "second"]);
  });

  test("B43 unknown settle modes", () => {
    for (const mode of ["03", "ff"]) expectDecodeError(attach({ 3: `50 ${mode}` }), "attach snd-settle-mode");
    for (const mode of ["02", "ff"]) expectDecodeError(attach({ 4: `50 ${mode}` }), "attach rcv-settle-mode");
    expectDecodeError(described("transfer", items("transfer", false, { 6: "50 02" })), "transfer rcv-settle-mode");
  });

  test("B43 unknown durability and expiry policy, in source and target", () => {
    for (const [index, code, name] of [[5, "28", "source"], [6, "29", "target"]] as const) {
      expectDecodeError(attach({ [index]: `00 53 ${code} ${list32("40", "52 03")}` }), `attach ${name}`, `${name} durable`);
      expectDecodeError(attach({ [index]: `00 53 ${code} ${list32("40", "40", symbol("soon"))}` }), `attach ${name}`, `${name} expiry-policy`);
      expectDecodeError(attach({ [index]: `00 53 ${code} ${list32("a3 01 71")}` }), `attach ${name}`, `${name} address`);
    }
  });

  test("every expiry policy", () => {
    for (const policy of ["link-detach", "session-end", "connection-close", "never"]) {
      expect(decode(attach({ 6: `00 53 29 ${list32("40", "40", symbol(policy))}` }))).toMatchObject({ target: { expiryPolicy: policy } });
    }
  });

  test("an outcome code that the standard does not define is for the negotiation to judge (B52)", () => {
    expect(decode(described("sasl-outcome", ["50 05"]))).toMatchObject({ code: 5 });
  });
});

describe("B45 multiple fields", () => {
  test.each([
    ["null", "40", undefined],
    ["an empty array", "e0 02 00 a3", undefined],
    ["a single value", "a3 01 61", ["a"]],
    ["an array of one", "e0 04 01 a3 01 61", ["a"]],
    ["an array32 of sym32", "f0 00 00 00 0f 00 00 00 02 b3 00 00 00 01 61 00 00 00 01 62", ["a", "b"]],
  ])("%s", (_what, octets, expected) => {
    const open = decode(described("open", items("open", false, { 7: octets })));
    expect(Reflect.get(open, "offeredCapabilities")).toEqual(expected);
  });

  test("mechanisms: null and an empty array are refused, one symbol is enough", () => {
    for (const octets of ["40", "e0 02 00 a3"]) expectDecodeError(described("sasl-mechanisms", [octets]), "sasl-mechanisms sasl-server-mechanisms", "mandatory");
    expect(decode(described("sasl-mechanisms", ["a3 05 50 4c 41 49 4e"]))).toEqual({ type: "sasl-mechanisms", mechanisms: ["PLAIN"] });
  });
});

describe("B36", () => {
  test("keys of a map that every object has are data", () => {
    const keys = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const entries = keys.map((key) => `${symbol(key)} 41`).join(" ");
    const size = (hex(entries).length + 1).toString(16).padStart(2, "0");
    const open = decode(described("open", items("open", false, { 9: `c1 ${size} 08 ${entries}` })));
    const properties = Reflect.get(open, "properties") as object;
    expect(Object.keys(properties)).toEqual(keys);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(Object.getPrototypeOf(open)).toBe(Object.prototype);
  });
});

describe("B79 the unsettled map", () => {
  const attach = (map: string): string => described("attach", items("attach", true, { 7: map }));
  const key32 = `a0 20 ${"ab".repeat(32)}`;

  test("a null value and a key of 32 octets are legal", () => {
    expect(decode(attach(`c1 24 02 ${key32} 40`))).toMatchObject({ unsettled: [[hex("ab".repeat(32)), null]] });
  });

  test("tags are copies, for they outlive the chunk they came in", () => {
    const { unsettled } = decode(attach(`c1 24 02 ${key32} 40`)) as { unsettled?: readonly [Uint8Array, null][] };
    expect(unsettled?.[0]?.[0].buffer.byteLength).toBe(32);
  });

  test.each([
    ["a null key", "c1 03 02 40 40"],
    ["a key that is text", "c1 05 02 a1 01 61 40"],
    ["a key that is a list", "c1 03 02 45 40"],
    ["a key of 33 octets", `c1 25 02 a0 21 ${"ab".repeat(33)} 40`],
    ["a key of 33 octets in the long form", `c1 28 02 b0 00 00 00 21 ${"ab".repeat(33)} 40`],
    ["a value that is no state", "c1 05 02 a0 01 61 41"],
    ["a value whose descriptor is described", "c1 0a 02 a0 01 61 00 00 53 01 41 45"],
    ["a value of an unknown descriptor", "c1 08 02 a0 01 61 00 53 77 45"],
    ["a value that is a terminus", "c1 08 02 a0 01 61 00 53 28 45"],
    ["a wrong outcome in a transactional state", "c1 10 02 a0 01 61 00 53 34 c0 07 02 a0 00 00 53 99 45"],
    ["the second of two values", "c1 0c 04 a0 01 61 00 53 24 45 a0 01 62 41"],
  ])("%s breaks the link only, and the rest of the attach is there", (_what, map) => {
    const error = caught(() => decode(attach(map)));
    expect(error).toBeInstanceOf(InvalidFieldError);
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ code: "decode-error", scope: "link", condition: "amqp:invalid-field" });
    expect((error as Error).message).toContain("attach unsettled");
    const { composite } = error as InvalidFieldError;
    expect(composite).toMatchObject({ type: "attach", name: "c", handle: 1, role: "receiver", initialDeliveryCount: 1, offeredCapabilities: ["c"] });
    expect(composite["unsettled"]).toBeUndefined();
  });

  test.each([
    ["a wrong key whose octets are cut off", "c1 04 02 a1 09 40"],
    ["a wrong value of an unknown format code", "c1 05 02 a0 01 61 ff"],
    ["an odd count", "c1 04 01 a0 01 61"],
    ["a key twice (B35)", "c1 0b 06 a0 01 61 40 a0 01 61 40 43 40"],
    ["octets behind the entries", "c1 06 02 a0 01 61 40 40"],
    ["more entries than octets", "c1 01 fe"],
    ["a state with a field too many", "c1 0b 02 a0 01 61 00 53 24 c0 02 01 40"],
  ])("%s: unsound octets break the connection", (_what, map) => {
    expectDecodeError(attach(map), "attach unsettled");
  });

  test("both faults at once: what cannot be read comes first", () => {
    expectDecodeError(described("attach", items("attach", true, { 7: "c1 03 02 40 40", 9: "45" })), "attach initial-delivery-count");
    expectDecodeError(`${attach("c1 03 02 40 40")} 40`, "octets follow");
  });
});

describe("B90 a delivery state of an unknown descriptor", () => {
  test.each([
    ["disposition", 4, { type: "disposition", role: "receiver", first: 1, last: 1, settled: true, batchable: true }],
    ["transfer", 7, { type: "transfer", handle: 1, deliveryId: 1, resume: true, batchable: true }],
  ])("%s: breaks the session only", (name, index, rest) => {
    for (const state of ["00 53 77 45", "45", `00 ${symbol("amqp:doubted:list")} 45`, "00 53 34 c0 07 02 a0 00 00 53 99 45"]) {
      const error = caught(() => decode(described(name, items(name, true, { [index]: state }))));
      expect(error).toBeInstanceOf(InvalidFieldError);
      expect(error).toMatchObject({ code: "decode-error", scope: "session", condition: "amqp:invalid-field", composite: rest });
      expect((error as Error).message).toContain(`${name} state`);
    }
  });

  test("after a breach the reader stands at a transfer's payload", () => {
    const bytes = hex(`${described("transfer", items("transfer", true, { 7: "00 53 77 c0 04 01 a0 01 61" }))} 00 53 75 a0 00`);
    const r = new ByteReader(bytes);
    expect(caught(() => readPerformative(r))).toBeInstanceOf(InvalidFieldError);
    expect([bytes.length - r.position, r.end, r.depth]).toEqual([5, bytes.length, 0]);
  });

  test("read by itself it is a DecodeError with amqp:invalid-field", () => {
    expect(caught(() => reading(hex("00 53 77 45"), readDeliveryState))).toMatchObject({ code: "decode-error", condition: "amqp:invalid-field" });
  });
});
