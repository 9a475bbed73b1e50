/** S14 and P07 through the public door: every field of a message and every type, out and in, as literal octets at a peer that shares no codec with us. */

import { describe, expect, test } from "@jest/globals";
import { data, Message, sequence, types, Uuid, value } from "../../src/index.ts";
import type { Described, MessageInit, ReceiverOptions, Typed } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { nextCredit, receiverOn, senderOn, stage } from "./support.ts";
import type { Stage } from "./support.ts";

const UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const UUID_OCTETS = "f8 1d 4f ae 7d ec 11 d0 a7 65 00 a0 c9 1e 6b f6";
const NULL_BODY = "00 53 77 40";

/** Each field of Proton's Message: as it is given, its octets (part 3, section 3.2), and how it is read if otherwise. */
const fields: readonly (readonly [proton: string, name: keyof MessageInit, given: unknown, octets: string, read?: unknown])[] = [
  ["durable", "durable", true, `00 53 70 c0 02 01 41 ${NULL_BODY}`],
  ["priority", "priority", 7, `00 53 70 c0 04 02 40 50 07 ${NULL_BODY}`],
  ["ttl", "ttl", 60_000, `00 53 70 c0 08 03 40 40 70 00 00 ea 60 ${NULL_BODY}`],
  ["first_acquirer", "firstAcquirer", true, `00 53 70 c0 05 04 40 40 40 41 ${NULL_BODY}`],
  ["delivery_count", "deliveryCount", 2, `00 53 70 c0 07 05 40 40 40 40 52 02 ${NULL_BODY}`],
  ["instructions", "instructions", { i: 1 }, `00 53 71 c1 06 02 a3 01 69 54 01 ${NULL_BODY}`],
  ["annotations", "annotations", { a: "x" }, `00 53 72 c1 07 02 a3 01 61 a1 01 78 ${NULL_BODY}`],
  ["id", "id", "m-1", `00 53 73 c0 06 01 a1 03 6d 2d 31 ${NULL_BODY}`],
  ["user_id", "userId", "me", `00 53 73 c0 06 02 40 a0 02 6d 65 ${NULL_BODY}`, new Uint8Array([0x6d, 0x65])],
  ["address", "address", "q", `00 53 73 c0 06 03 40 40 a1 01 71 ${NULL_BODY}`],
  ["subject", "subject", "s", `00 53 73 c0 07 04 40 40 40 a1 01 73 ${NULL_BODY}`],
  ["reply_to", "replyTo", "r", `00 53 73 c0 08 05 40 40 40 40 a1 01 72 ${NULL_BODY}`],
  ["correlation_id", "correlationId", Uuid.parse(UUID), `00 53 73 c0 17 06 40 40 40 40 40 98 ${UUID_OCTETS} ${NULL_BODY}`],
  ["content_type", "contentType", "a/b", `00 53 73 c0 0c 07 40 40 40 40 40 40 a3 03 61 2f 62 ${NULL_BODY}`],
  ["content_encoding", "contentEncoding", "gz", `00 53 73 c0 0c 08 40 40 40 40 40 40 40 a3 02 67 7a ${NULL_BODY}`],
  ["expiry_time", "expiryTime", new Date(1), `00 53 73 c0 12 09 40 40 40 40 40 40 40 40 83 00 00 00 00 00 00 00 01 ${NULL_BODY}`],
  ["creation_time", "creationTime", new Date(256), `00 53 73 c0 13 0a 40 40 40 40 40 40 40 40 40 83 00 00 00 00 00 00 01 00 ${NULL_BODY}`],
  ["group_id", "groupId", "g", `00 53 73 c0 0e 0b 40 40 40 40 40 40 40 40 40 40 a1 01 67 ${NULL_BODY}`],
  ["group_sequence", "groupSequence", 3, `00 53 73 c0 0e 0c 40 40 40 40 40 40 40 40 40 40 40 52 03 ${NULL_BODY}`],
  ["reply_to_group_id", "replyToGroupId", "h", `00 53 73 c0 10 0d 40 40 40 40 40 40 40 40 40 40 40 40 a1 01 68 ${NULL_BODY}`],
  ["properties", "properties", { p: true }, `00 53 74 c1 05 02 a1 01 70 41 ${NULL_BODY}`],
  ["body", "body", "text", "00 53 77 a1 04 74 65 78 74"],
];

describe("S14 the 22 fields of Proton's Message", () => {
  test("are all here", () => {
    expect(fields).toHaveLength(22);
    expect(new Set(fields.map(([proton]) => proton)).size).toBe(22);
  });

  test.each(fields)("S14 %s goes out: from a plain object and from a Message", async (_proton, name, given, octets) => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const init = { [name]: given } as MessageInit;
    sender.send(init).catch(() => undefined);
    sender.send(new Message(init)).catch(() => undefined);
    for (let n = 0; n < 2; n++) expect(hexOf((await scene.peer.until("transfer")).payload)).toBe(octets);
  });

  test.each(fields)("S14 %s comes in, is set anew, and encodes and decodes", async (_proton, name, given, octets, read = given) => {
    const message = await received(octets);
    const at = (of: Message): unknown => (of as unknown as Record<string, unknown>)[name];
    expect(plain(at(message))).toEqual(plain(read));
    // Set in a new message, it has the same octets; so has what was read of them.
    const fresh = new Message();
    (fresh as unknown as Record<string, unknown>)[name] = given;
    expect(hexOf(fresh.encode())).toBe(octets);
    const other = new Message({ subject: "to be replaced" });
    other.decode(fresh.encode());
    expect(plain(at(other))).toEqual(plain(read));
    expect(plain(at(Message.decode(fresh.encode())))).toEqual(plain(read));
  });

  test("S14 send(sender, tag) sends the message with that tag, recv(receiver) takes the next one that has come", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const message = new Message({ subject: "s", body: [1, "two"] });
    const sent = message.send(sender, "tag-1");
    const transfer = await scene.peer.until("transfer");
    expect(Buffer.from(transfer.fields["deliveryTag"] as Uint8Array).toString()).toBe("tag-1");
    expect(hexOf(transfer.payload)).toBe("00 53 73 c0 07 04 40 40 40 a1 01 73 00 53 77 c0 08 02 54 01 a1 03 74 77 6f");
    scene.peer.reply(transfer);
    expect((await within(sent, "its outcome")).outcome).toEqual({ type: "accepted" });

    const other = await stage();
    const receiver = await receiverOn(other);
    const got = new Message({ subject: "before" });
    expect(got.recv(receiver)).toBeUndefined();
    await nextCredit(other.peer);
    other.peer.send("transfer", {}, octetsOf("00 53 73 c0 07 04 40 40 40 a1 01 74 00 53 75 a0 01 09"));
    while (receiver.queued === 0) await new Promise((resolve) => setImmediate(resolve));
    const delivery = got.recv(receiver);
    expect(delivery?.link).toBe(receiver);
    expect([got.subject, got.body]).toEqual(["t", new Uint8Array([9])]);
    await delivery?.accept();
  });

  test("S14 address is another name of `to`, inferred chooses the section of a list, json() text() bytes() read any body", async () => {
    const message = await received("00 53 73 c0 06 03 40 40 a1 01 71 00 53 75 a0 07 7b 22 61 22 3a 31 7d");
    expect([message.to, message.address, message.inferred]).toEqual(["q", "q", true]);
    expect([message.json(), message.text(), hexOf(message.bytes())]).toEqual([{ a: 1 }, '{"a":1}', "7b 22 61 22 3a 31 7d"]);
    message.address = "other";
    expect(message.to).toBe("other");
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    for (const inferred of [false, true]) {
      sender.send({ body: [1], inferred }).catch(() => undefined);
      expect(hexOf((await scene.peer.until("transfer")).payload)).toBe(inferred ? "00 53 76 c0 03 01 54 01" : "00 53 77 c0 03 01 54 01");
    }
  });

  test("S14 the kinds of body: data, sequences, a value, and none", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 10);
    const kinds: readonly (readonly [unknown, string])[] = [
      [data(new Uint8Array([1]), new Uint8Array([2])), "00 53 75 a0 01 01 00 53 75 a0 01 02"],
      [sequence([1], ["a"]), "00 53 76 c0 03 01 54 01 00 53 76 c0 04 01 a1 01 61"],
      [value(new Uint8Array([1])), "00 53 77 a0 01 01"],
      [undefined, NULL_BODY],
    ];
    for (const [body, octets] of kinds) {
      sender.send({ body }).catch(() => undefined);
      expect(hexOf((await scene.peer.until("transfer")).payload)).toBe(octets);
    }
    expect((await received(kinds[0]?.[1] as string)).body).toEqual(new Uint8Array([1, 2]));
    expect((await received(kinds[1]?.[1] as string)).body).toEqual([[1], ["a"]]);
    expect((await received(kinds[2]?.[1] as string)).body).toEqual(new Uint8Array([1]));
    expect((await received("00 53 70 45")).body).toBeNull();
  });
});

/** Types that JavaScript's own values stand for: what is given, the octets of the value (part 1, section 1.6). */
const natural: readonly (readonly [string, unknown, string])[] = [
  ["null", null, "40"],
  ["true", true, "41"],
  ["false", false, "42"],
  ["int, small", -1, "54 ff"],
  ["int", 2 ** 31 - 1, "71 7f ff ff ff"],
  ["long, of a number beyond int", 2 ** 31, "81 00 00 00 00 80 00 00 00"],
  ["double", 1.5, "82 3f f8 00 00 00 00 00 00"],
  ["double, of what is no number", Number.NaN, "82 7f f8 00 00 00 00 00 00"],
  ["long, of a bigint", 2n ** 62n, "81 40 00 00 00 00 00 00 00"],
  ["ulong, of a bigint beyond long", 2n ** 63n, "80 80 00 00 00 00 00 00 00"],
  ["string", "é", "a1 02 c3 a9"],
  ["binary", value(new Uint8Array([1, 2])), "a0 02 01 02"],
  ["timestamp", new Date(1), "83 00 00 00 00 00 00 00 01"],
  ["uuid", Uuid.parse(UUID), `98 ${UUID_OCTETS}`],
  ["list", [1, "a", null], "c0 07 03 54 01 a1 01 61 40"],
  ["list, empty", [], "45"],
  ["map", { k: [true] }, "c1 08 02 a1 01 6b c0 02 01 41"],
  ["map with other keys than text", new Map<unknown, unknown>([[1, "a"]]), "c1 06 02 54 01 a1 01 61"],
];

/** Types that a program chooses, how they are read by default, and which `Typed` they are with `typed: true`. */
const exact: readonly (readonly [string, Typed | Described, string, unknown])[] = [
  ["ubyte", types.ubyte(200), "50 c8", 200],
  ["ushort", types.ushort(0xff00), "60 ff 00", 0xff00],
  ["uint 0", types.uint(0), "43", 0],
  ["uint, small", types.uint(255), "52 ff", 255],
  ["uint", types.uint(256), "70 00 00 01 00", 256],
  ["ulong 0", types.ulong(0), "44", 0],
  ["ulong, small", types.ulong(255), "53 ff", 255],
  ["ulong", types.ulong(2n ** 64n - 1n), "80 ff ff ff ff ff ff ff ff", 2n ** 64n - 1n],
  ["byte", types.byte(-128), "51 80", -128],
  ["short", types.short(-2), "61 ff fe", -2],
  ["int", types.int(7), "54 07", 7],
  ["long, small", types.long(-128), "55 80", -128],
  ["long", types.long(2n ** 63n - 1n), "81 7f ff ff ff ff ff ff ff", 2n ** 63n - 1n],
  ["float", types.float(1.5), "72 3f c0 00 00", 1.5],
  ["double", types.double(2), "82 40 00 00 00 00 00 00 00", 2],
  ["char", types.char("\u{1f600}"), "73 00 01 f6 00", types.char("\u{1f600}")],
  ["symbol", types.symbol("sym"), "a3 03 73 79 6d", types.symbol("sym")],
  ["timestamp", types.timestamp(1), "83 00 00 00 00 00 00 00 01", new Date(1)],
  ["timestamp beyond Date", types.timestamp(2n ** 62n), "83 40 00 00 00 00 00 00 00", 2n ** 62n],
  ["decimal32", types.decimal32("1.5"), "74 32 00 00 0f", types.decimal32("1.5")],
  ["decimal64", types.decimal64("-0.001"), "84 b1 60 00 00 00 00 00 01", types.decimal64("-0.001")],
  ["decimal128", types.decimal128("NaN"), `94 7c ${"00 ".repeat(15).trim()}`, types.decimal128("NaN")],
  ["array of int", types.array("int", [1, 2]), "e0 0a 02 71 00 00 00 01 00 00 00 02", new Int32Array([1, 2])],
  ["array of symbol", types.array("symbol", ["a", "b"]), "e0 06 02 a3 01 61 01 62", types.array("symbol", ["a", "b"])],
  ["described by a symbol", types.described("my:type", ["x"]), "00 a3 07 6d 79 3a 74 79 70 65 c0 04 01 a1 01 78", types.described("my:type", ["x"])],
  ["described by a ulong", types.described(5n, "x"), "00 53 05 a1 01 78", types.described(5n, "x")],
];

describe("P07 typed values", () => {
  test.each(natural)("P07 %s: out and in", async (_name, given, octets) => {
    const [sent, message] = await outAndIn(given, octets);
    expect(sent).toBe(`00 53 77 ${octets}`);
    expect(plain(message.body)).toEqual(plain(given instanceof Object && "parts" in given ? new Uint8Array([1, 2]) : given));
    expect(hexOf(message.encode())).toBe(`00 53 77 ${octets}`);
  });

  test.each(exact)("P07 %s: out, in, in as an exact type, and on again", async (_name, given, octets, read) => {
    const [sent, message] = await outAndIn(given, octets);
    expect(sent).toBe(`00 53 77 ${octets}`);
    expect(message.body).toEqual(read);
    expect(hexOf(message.encode())).toBe(`00 53 77 ${octets}`);
    const typed = await received(`00 53 77 ${octets}`, { typed: true });
    // The class of a typed array is its exact type.
    expect(typed.body).toEqual(ArrayBuffer.isView(read) ? read : given);
    // Read and written anew, not copied.
    expect(hexOf(new Message({ body: typed.body }).encode())).toBe(`00 53 77 ${octets}`);
  });

  test.each([
    ["Int8Array", new Int8Array([1, -1]), "51 01 ff"], ["Uint8ClampedArray", new Uint8ClampedArray([1]), "50 01"], ["Int16Array", new Int16Array([1]), "61 00 01"],
    ["Uint16Array", new Uint16Array([1]), "60 00 01"], ["Int32Array", new Int32Array([1]), "71 00 00 00 01"], ["Uint32Array", new Uint32Array([1]), "70 00 00 00 01"],
    ["Float32Array", new Float32Array([1]), "72 3f 80 00 00"], ["Float64Array", new Float64Array([1]), "82 3f f0 00 00 00 00 00 00"],
    ["BigInt64Array", new BigInt64Array([1n]), "81 00 00 00 00 00 00 00 01"], ["BigUint64Array", new BigUint64Array([1n]), "80 00 00 00 00 00 00 00 01"],
  ])("P07 a %s is an AMQP array", async (_name, given, elements) => {
    const octets = elements.split(" ");
    const expected = `00 53 77 e0 ${hexOf(new Uint8Array([octets.length + 1, given.length]))} ${elements}`;
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    sender.send({ body: given }).catch(() => undefined);
    expect(hexOf((await scene.peer.until("transfer")).payload)).toBe(expected);
  });

  test.each([
    ["boolean of one octet", "56 01", true], ["boolean of one octet", "56 00", false], ["uint in full", "70 00 00 00 05", 5], ["ulong in full", "80 00 00 00 00 00 00 00 05", 5],
    ["int in full", "71 00 00 00 05", 5], ["long in full", "81 00 00 00 00 00 00 00 05", 5], ["binary of 32-bit size", "b0 00 00 00 01 09", new Uint8Array([9])],
    ["string of 32-bit size", "b1 00 00 00 01 61", "a"], ["symbol of 32-bit size", "b3 00 00 00 01 61", types.symbol("a")], ["list of 32-bit size", "d0 00 00 00 06 00 00 00 01 54 01", [1]],
    ["map of 32-bit size", "d1 00 00 00 09 00 00 00 02 a1 01 6b 54 01", { k: 1 }], ["array of 32-bit size", "f0 00 00 00 07 00 00 00 02 50 01 02", new Uint8ClampedArray([1, 2])],
  ])("P07 every encoding is read: %s", async (_name, octets, expected) => {
    const message = await received(`00 53 77 ${octets}`);
    expect(plain(message.body)).toEqual(plain(expected));
    expect(hexOf(message.encode())).toBe(`00 53 77 ${octets}`);
  });

  test("P07 whole numbers of 64 bits by the option int64", async () => {
    const octets = "00 53 77 c0 0c 02 55 05 81 7f ff ff ff ff ff ff ff";
    const read = async (int64?: "auto" | "number" | "bigint"): Promise<unknown> => (await received(octets, int64 === undefined ? {} : { int64 })).body;
    expect(await read()).toEqual([5, 2n ** 63n - 1n]);
    expect(await read("auto")).toEqual([5, 2n ** 63n - 1n]);
    expect(await read("number")).toEqual([5, 2 ** 63]);
    expect(await read("bigint")).toEqual([5n, 2n ** 63n - 1n]);
  });

  test("P07 symbol lists and annotation maps: keys as text, values of every type", async () => {
    const init: MessageInit = {
      annotations: { "x-opt-caps": types.array("symbol", ["a", "b"]), "x-opt-one": types.symbol("a"), "x-opt-map": { deep: [types.ubyte(1)] } },
      properties: { d: types.decimal32("1.5"), u: Uuid.parse(UUID), c: types.char("x"), b: new Uint8Array([1]), t: new Date(0), n: null },
      footer: { "x-opt-sum": new Uint8Array([1]) },
    };
    const octets = "00 53 72 c1 3c 06 a3 0a 78 2d 6f 70 74 2d 63 61 70 73 e0 06 02 a3 01 61 01 62 a3 09 78 2d 6f 70 74 2d 6f 6e 65 a3 01 61 "
      + "a3 09 78 2d 6f 70 74 2d 6d 61 70 c1 0c 02 a1 04 64 65 65 70 c0 03 01 50 01 "
      + `00 53 74 c1 3b 0c a1 01 64 74 32 00 00 0f a1 01 75 98 ${UUID_OCTETS} a1 01 63 73 00 00 00 78 a1 01 62 a0 01 01 a1 01 74 83 00 00 00 00 00 00 00 00 a1 01 6e 40 `
      + `${NULL_BODY} 00 53 78 c1 0f 02 a3 09 78 2d 6f 70 74 2d 73 75 6d a0 01 01`;
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    sender.send(init).catch(() => undefined);
    expect(hexOf((await scene.peer.until("transfer")).payload)).toBe(octets);
    const message = await received(octets);
    expect(plain(message.annotations)).toEqual({ ...init.annotations, "x-opt-map": { deep: [1] } });
    expect(plain(message.properties)).toEqual(plain(init.properties));
    expect(plain(message.footer)).toEqual(plain(init.footer));
    message.annotations["x-opt-new"] = 1;
    // One entry more, and the others keep their octets.
    expect(hexOf(message.encode())).toContain("e0 06 02 a3 01 61 01 62");
    expect(hexOf(message.encode())).toContain("a3 09 78 2d 6f 70 74 2d 6e 65 77 54 01");
  });
});

/** The octets of a body as they left, and the message of the same octets as it came. */
async function outAndIn(body: unknown, octets: string): Promise<[string, Message]> {
  const scene = await stage();
  const sender = await senderOn(scene, 1);
  sender.send({ body }).catch(() => undefined);
  const { payload } = await scene.peer.until("transfer");
  return [hexOf(payload), await received(`00 53 77 ${octets}`)];
}

/** A message that a peer sends. */
async function received(octets: string, options: ReceiverOptions = {}): Promise<Message> {
  const scene: Stage = await stage();
  const receiver = await receiverOn(scene, options);
  const taking = receiver.receive();
  await nextCredit(scene.peer);
  scene.peer.send("transfer", {}, octetsOf(octets));
  return (await within(taking, "the message")).message;
}

function octetsOf(text: string): Uint8Array {
  return new Uint8Array(text.split(" ").map((octet) => Number.parseInt(octet, 16)));
}

function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex").replace(/(..)(?!$)/g, "$1 ");
}

/** Without prototypes that a comparison would look at. */
function plain(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(plain);
  if (typeof given !== "object" || given === null) return given;
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === null || prototype === Object.prototype ? Object.fromEntries(Object.entries(given).map(([key, one]) => [key, plain(one)])) : given;
}
