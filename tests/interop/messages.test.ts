/** S14 and P07 through a broker that leaves messages as they are: every field, every kind of body, and the very octets. */
import { describe, expect, test } from "@jest/globals";
import { connect, data, Message, sequence, types, Uuid, value } from "../../src/index.ts";
import type { Connection, MessageInit } from "../../src/index.ts";
import { fresh, useBrokers } from "./support/brokers.ts";

const broker = useBrokers("activemq");

const FIELDS = {
  durable: true, priority: 7, ttl: 600_000, id: Uuid.parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), userId: "me", subject: "s", replyTo: "r", correlationId: 2n ** 63n,
  contentType: "text/plain", contentEncoding: "identity", expiryTime: new Date(4_000_000_000_000), creationTime: new Date(1_700_000_000_123), groupId: "g", groupSequence: 3,
  replyToGroupId: "h", properties: { text: "x", number: 1, exact: types.byte(-100), none: null },
  annotations: { "x-opt-a": types.symbol("sym"), "x-opt-map": { deep: [types.short(1)] } }, footer: { "x-opt-sum": new Uint8Array([1, 2]) },
} as const satisfies MessageInit;

const BODIES: readonly (readonly [string, unknown])[] = [
  ["text", "text"], ["bytes as data", new Uint8Array([1, 2, 3])], ["bytes as a value", value(new Uint8Array([1]))], ["data in two sections", data(new Uint8Array([1]), new Uint8Array([2]))],
  ["two sequences", sequence([1, "a"], [null])], ["a map", { a: [1, 2.5, true, null], b: new Date(0) }], ["a map with other keys", new Map<unknown, unknown>([[1, "a"]])],
  ["nothing", null], ["exact types", [types.decimal64("0.1"), types.char("x"), types.array("symbol", ["a"]), types.described("my:type", [types.ulong(1)]), types.long(2n ** 62n)]],
];

describe("messages through ActiveMQ", () => {
  test("S14 every field comes as it was sent", async () => {
    await using connection = await connect(broker("activemq").url);
    const { sent, came } = await through(connection, { ...FIELDS, body: "x" });
    const plain = (message: Message): unknown => JSON.parse(JSON.stringify(message, (_key, one: unknown) => (typeof one === "bigint" ? String(one) : one)));
    expect(plain(came)).toEqual(plain(Message.decode(sent.encode())));
    expect([came.to, came.address, came.deliveryCount, came.instructions]).toEqual([sent.to, sent.to, 0, {}]);
  });

  test.each(BODIES)("S14 P07 %s: the octets that come are those that left", async (_name, body) => {
    await using connection = await connect(broker("activemq").url);
    const { sent, came } = await through(connection, { ...FIELDS, body });
    expect(Buffer.from(came.encode()).toString("hex")).toBe(Buffer.from(sent.encode()).toString("hex"));
    // Read to its end and written anew from what was read, it is still the same.
    const again = new Message(came);
    expect(Buffer.from(again.encode()).toString("hex")).toBe(Buffer.from(sent.encode()).toString("hex"));
  });

  test("S14 message.send and message.recv, Proton's own way", async () => {
    await using connection = await connect(broker("activemq").url);
    const address = fresh("messages");
    const message = new Message({ subject: "one", body: [1] });
    expect((await message.send(await connection.createSender(address), "my-tag")).tag).toEqual(new TextEncoder().encode("my-tag"));
    const receiver = await connection.createReceiver(address);
    const got = new Message();
    let delivery = got.recv(receiver);
    while (delivery === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      delivery = got.recv(receiver);
    }
    expect([got.subject, got.body]).toEqual(["one", [1]]);
    await delivery.accept();
  });
});

/** Sends a message to a queue of its own, and takes it back. */
async function through(connection: Connection, init: MessageInit): Promise<{ sent: Message; came: Message }> {
  const address = fresh("messages");
  const sent = new Message({ ...init, to: address });
  const sender = await connection.createSender(address);
  await sender.send(sent);
  const receiver = await connection.createReceiver(address);
  const delivery = await receiver.receive({ timeout: 10_000 });
  await delivery.accept();
  return { sent, came: delivery.message };
}
