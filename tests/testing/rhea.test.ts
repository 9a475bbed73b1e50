/** The scripted peer against rhea, so that its codec is not only right by its own account. */

import { afterEach, describe, expect, test } from "@jest/globals";
import rhea from "rhea";
import type { Connection, EventContext } from "rhea";
import { decodeMessage, encodeMessage } from "../../src/testing/codec/message.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

describe("rhea", () => {
  test("as a client that receives, sends and closes", async () => {
    const peer = await ScriptedPeer.start(async (script) => {
      await script.handshake({ containerId: "scripted" });
      script.reply(await script.until("begin"));
      const out = await script.until("attach", { role: "receiver", source: { address: "in" } });
      script.reply(out, { handle: 4 });
      script.send("transfer", { handle: 4 }, encodeMessage({ properties: { messageId: "m1" }, messageAnnotations: { "x-opt": 5 }, applicationProperties: { a: [1] }, value: new Map([["k", 1.5]]) }));
      await script.until("disposition", { role: "receiver", first: 0, state: "accepted", settled: true });
      script.reply(await script.until("attach", { role: "sender", target: { address: "out" } }));
      script.send("flow", { deliveryCount: 0, linkCredit: 1, handle: 5 });
      const transfer = await script.until("transfer");
      expect(decodeMessage(transfer.payload)).toEqual([
        { name: "header", value: {} },
        { name: "properties", value: { messageId: "reply", correlationId: 7 } },
        { name: "applicationProperties", value: { n: -1, ok: true } },
        { name: "value", value: "back" },
      ]);
      script.reply(transfer);
      script.reply(await script.until("close"));
    });
    cleanups.push(() => peer.close());
    const received = new Deferred<EventContext>();
    const accepted = new Deferred();
    const closed = new Deferred();
    const container = rhea.create_container({ id: "rhea" });
    container.once("message", (context: EventContext) => received.resolve(context));
    container.once("accepted", () => accepted.resolve());
    container.once("connection_close", () => closed.resolve());
    container.on("disconnected", () => {});
    const connection = container.connect({ host: "127.0.0.1", port: Number(new URL(peer.url).port), reconnect: false });
    connection.open_receiver("in");
    const { message } = await received.promise;
    expect(message).toMatchObject({ message_id: "m1", message_annotations: { "x-opt": 5 }, application_properties: { a: [1] }, body: { k: 1.5 } });
    const sender = connection.open_sender("out");
    sender.once("sendable", () => void sender.send({ message_id: "reply", correlation_id: 7, application_properties: { n: -1, ok: true }, body: "back" }));
    await Promise.race([accepted.promise, peer.done]);
    connection.close();
    await closed.promise;
    await peer.done;
  });

  test("as a listener that the peer connects to", async () => {
    const container = rhea.create_container({ id: "rhea" });
    const message = new Deferred<EventContext>();
    container.once("message", (context: EventContext) => message.resolve(context));
    container.on("disconnected", () => {});
    const server = container.listen({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { port: number };
    const connections: Connection[] = [];
    container.on("connection_open", ({ connection }: EventContext) => connections.push(connection));
    const peer = await ScriptedPeer.connect(`amqp://127.0.0.1:${port}`, async (script) => {
      const open = await script.handshake({ hostname: "here", maxFrameSize: 512 }, { sasl: false });
      expect(open.fields["containerId"]).toBe("rhea");
      script.send("begin");
      await script.expect("begin", { remoteChannel: 0 });
      script.send("attach", { name: "up", role: "sender", source: {}, target: { address: "q" } });
      await script.expect("attach", { name: "up", role: "receiver" });
      await script.expect("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      const payload = encodeMessage({ data: [new Uint8Array(1000).fill(7)] });
      script.send("transfer", { more: true }, payload.subarray(0, 400));
      script.send("transfer", {}, payload.subarray(400));
      await script.until("disposition", { state: "accepted", first: 0 });
      script.send("detach", { closed: true });
      await script.until("detach");
      script.send("close");
      await script.until("close");
      script.drop();
      await script.untilEof();
    });
    cleanups.push(() => peer.close());
    await peer.done;
    const body = (await message.promise).message?.body as { content: Uint8Array };
    expect([...body.content]).toEqual(Array(1000).fill(7));
    expect(connections).toHaveLength(1);
  });
});
