/** X05: `duplicateDetection` of senders: the ids by which a broker knows a copy. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, Message } from "../../src/index.ts";
import type { MessageInit, SenderOptions } from "../../src/index.ts";
import { decodeMessage } from "../../src/testing/codec/message.ts";
import { senderOn, stage } from "./support.ts";

interface Seen {
  readonly id: unknown;
  readonly properties: Record<string, unknown> | undefined;
}

/** What the peer gets of messages. */
async function sent(product: string | undefined, duplicateDetection: SenderOptions["duplicateDetection"], ...messages: (MessageInit | Message)[]): Promise<Seen[]> {
  const scene = await stage({ open: product === undefined ? {} : { properties: { product } } });
  const sender = await senderOn(scene, messages.length, { duplicateDetection });
  const seen: Seen[] = [];
  for (const message of messages) {
    const sending = sender.send(message);
    const transfer = await scene.peer.until("transfer");
    scene.peer.reply(transfer);
    await sending;
    const sections = new Map(decodeMessage(transfer.payload ?? new Uint8Array()).map(({ name, value }) => [name, value]));
    const properties = sections.get("applicationProperties") as Record<string, unknown> | undefined;
    seen.push({ id: (sections.get("properties") as { messageId?: unknown } | undefined)?.messageId, properties });
  }
  return seen;
}

describe("X05 duplicateDetection", () => {
  test("gives a message-id where there is none, each message its own, and Artemis its property", async () => {
    const [first, second] = await sent("apache-activemq-artemis", true, { body: 1 }, { body: 2 });
    expect(first?.id).toMatch(/^[0-9a-f-]{36}-1$/);
    expect(second?.id).toBe(String(first?.id).replace(/1$/, "2"));
    expect(first?.properties).toEqual({ _AMQ_DUPL_ID: `text ${String(first?.id)}` });
  });

  test("keeps the id and the properties that a message has", async () => {
    const [one, two, three] = await sent("apache-activemq-artemis", true, { id: "mine", properties: { a: 1 } }, { id: 5 }, { properties: { _AMQ_DUPL_ID: "chosen" } });
    expect(one).toEqual({ id: "mine", properties: { a: 1, _AMQ_DUPL_ID: "text mine" } });
    expect(two?.properties).toEqual({ _AMQ_DUPL_ID: "number 5" });
    expect(three?.properties).toEqual({ _AMQ_DUPL_ID: "chosen" });
  });

  test.each([
    ["RabbitMQ", undefined], ["ActiveMQ", undefined], ["some-router", { _AMQ_DUPL_ID: "text x" }], [undefined, { _AMQ_DUPL_ID: "text x" }],
  ])("%s gets the property only where it may be of use", async (product, expected) => {
    expect(await sent(product, true, { id: "x" })).toEqual([{ id: "x", properties: expected }]);
  });

  test("a function chooses the id", async () => {
    const seen = await sent("apache-activemq-artemis", ({ body }: MessageInit | Message) => `order-${String(body)}`, { body: 7 }, { id: "mine", body: 8 });
    expect(seen).toEqual([{ id: "order-7", properties: { _AMQ_DUPL_ID: "order-7" } }, { id: "mine", properties: { _AMQ_DUPL_ID: "order-8" } }]);
  });

  test("the message that was given stays as it is", async () => {
    const message = new Message({ subject: "s", body: 1 });
    const plain = { body: 1 };
    expect(message.id).toBeUndefined();
    const [first] = await sent("apache-activemq-artemis", true, message, plain);
    expect(first?.id).toBeDefined();
    expect([message.id, message.properties, plain]).toEqual([undefined, {}, { body: 1 }]);
  });

  test("off by default", async () => {
    expect(await sent("apache-activemq-artemis", undefined, { body: 1 })).toEqual([{ id: undefined, properties: undefined }]);
    expect(await sent("apache-activemq-artemis", false, { body: 1 })).toEqual([{ id: undefined, properties: undefined }]);
  });

  test.each([["", "an empty one"], [5, "number"]])("an id that is none: ConfigError at the call (%p)", async (id, text) => {
    const scene = await stage();
    const sender = await senderOn(scene, 1, { duplicateDetection: () => id as string });
    expect(() => sender.send({ body: 1 })).toThrow(ConfigError);
    expect(() => sender.send({ body: 1 })).toThrow(text);
  });
});
