/** Where peers in the wild do less, or a little else, than the standard asks, and mean well. */

import { describe, expect, test } from "@jest/globals";
import { Container } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { afterwards, answerClosing, answerLink, dial, serve, within } from "./harness.ts";

describe("leniency", () => {
  test("A a peer without SASL comes in where anybody may", async () => {
    const container = new Container({ id: "open", onError: () => {} });
    afterwards(() => container.close());
    const listener = await container.listen("amqp://127.0.0.1:0", { allowedMechs: "ANONYMOUS" });
    const identities: unknown[] = [];
    const collecting = (async () => { for await (const connection of listener) identities.push(connection.identity); })();
    const peer = await ScriptedPeer.connect(listener.url, async (script) => {
      script.sendHeader("amqp");
      await script.expectHeader("amqp");
      script.send("open", { containerId: "plain" });
      await script.expect("open", { containerId: "open" });
      script.send("close");
      await script.until("close", { error: undefined });
    });
    afterwards(() => peer.close());
    await peer.done;
    await listener.close();
    await within(collecting, "the listener's end");
    expect(identities).toEqual([{ mechanism: "NONE", user: undefined, certificate: undefined }]);
  });

  test("FT28 a sender whose target is left out, and who gets credit, is not refused", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { attach: { source: null, target: null } });
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 1 });
      const { fields } = await script.until("transfer");
      script.send("disposition", { role: "receiver", first: fields["deliveryId"], settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await within(connection.createSender("q"), "the sender", 400);
    expect((await within(sender.send({ body: 1 }), "the send")).outcome).toEqual({ type: "accepted" });
    await connection.close();
    await peer.done;
  });

  test("FT28 a receiver whose source is left out is open where no detach follows", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { attach: { source: null, target: null } });
      await script.until("flow", { linkCredit: 1 });
      script.send("transfer", {}, encodeMessage({ value: 7 }));
      await script.until("disposition", { first: 0, state: "accepted", settled: true });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await within(connection.createReceiver("q"), "the receiver");
    const delivery = await within(receiver.receive(), "the delivery");
    expect(delivery.message.body).toBe(7);
    await delivery.accept();
    await connection.close();
    await peer.done;
  });

  test("B80 a peer that got more credit before it had used up the former may overrun it by as much, not by more", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: 2 });
      await script.until("flow", { linkCredit: 4 });
      for (let i = 0; i < 8; i++) script.send("transfer", {}, encodeMessage({ value: i }));
      script.send("flow", { echo: true });
      await script.until("flow");
      script.send("transfer", {}, encodeMessage({ value: 8 }));
      script.reply(await script.until("detach", { closed: true, error: { condition: "amqp:link:transfer-limit-exceeded" } }));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 0 });
    receiver.flow(2);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    receiver.flow(2);
    expect(await within(receiver.closed, "receiver.closed")).toMatchObject({ condition: "amqp:link:transfer-limit-exceeded" });
    await connection.close();
    await peer.done;
  });
});
