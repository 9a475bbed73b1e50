/** E: how connections, sessions and links end, with errors, crossing, and in between. */

import { describe, expect, test } from "@jest/globals";
import { AmqpError } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { concat } from "../../src/testing/codec/octets.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { answerClosing, answerLink, dial, serve, within } from "./harness.ts";

const NOT_FOUND = { condition: "amqp:not-found", description: "no such node" };

describe("errors", () => {
  test("E a refused link rejects once, with the peer's condition, and disturbs nothing", async () => {
    const peer = await serve(async (script) => {
      await script.handshake();
      for (const refused of [true, false]) {
        script.reply(await script.until("begin"));
        const attach = await script.until("attach");
        script.reply(attach, refused ? { target: null } : {});
        if (!refused) continue;
        script.send("detach", { closed: true, error: NOT_FOUND });
        await script.until("detach", { closed: true });
      }
      await answerClosing(script);
    });
    const connection = await dial(peer);
    await expect(within(connection.createSender("missing"), "the refusal")).rejects.toMatchObject({ name: "LinkError", condition: "amqp:not-found", description: "no such node", origin: "remote" });
    const session = await connection.session();
    await within(session.createSender("there"), "the second link");
    await connection.close();
    await peer.done;
  });

  test("E detach with an error ends the link and its waiting sends, not the session", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      script.send("detach", { closed: true, error: { condition: "amqp:link:detach-forced" } });
      await script.until("detach", { closed: true });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await expect(within(sender.send({ body: "x" }), "the send")).rejects.toMatchObject({ code: "not-sent" });
    expect(await within(sender.closed, "sender.closed")).toMatchObject({ name: "LinkError", condition: "amqp:link:detach-forced", origin: "remote" });
    expect(connection.state).toEqual({ local: "active", remote: "active" });
    await connection.close();
    await peer.done;
  });

  test("E a detach without an error ends a loop quietly", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { attach: { sndSettleMode: "mixed" } });
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      script.send("transfer", { settled: true }, encodeMessage({ value: 1 }));
      script.send("detach", { closed: true });
      await script.until("detach", { closed: true, error: undefined });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q");
    const bodies: unknown[] = [];
    for await (const delivery of receiver) bodies.push(delivery.message.body);
    expect(bodies).toEqual([1]);
    expect(await receiver.closed).toBeUndefined();
    await connection.close();
    await peer.done;
  });

  test("E an end with an error fails the links of that session, and the connection lives", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      script.send("end", { error: { condition: "amqp:internal-error" } });
      await script.until("end", { error: undefined });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const session = await connection.session();
    const receiver = await session.createReceiver("q");
    await expect(within(receiver.receive(), "receive")).rejects.toBeInstanceOf(AmqpError);
    expect(await within(session.closed, "session.closed")).toMatchObject({ name: "SessionError", condition: "amqp:internal-error", origin: "remote" });
    expect(connection.state).toEqual({ local: "active", remote: "active" });
    await connection.close();
    await peer.done;
  });

  test("E a close with an error is answered, and everything open learns of it", async () => {
    const sent = new Deferred();
    const peer = await serve(async (script) => {
      await answerLink(script);
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 1 });
      await script.until("transfer");
      sent.resolve();
      script.send("close", { error: { condition: "amqp:connection:forced", description: "going down" } });
      await script.until("close", { error: undefined });
      script.drop();
      await script.untilEof();
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    const first = sender.send({ body: "sent" }).catch((error: unknown) => error);
    const second = sender.send({ body: "waits" }).catch((error: unknown) => error);
    expect(await within(connection.closed, "connection.closed")).toMatchObject({ condition: "amqp:connection:forced", description: "going down", origin: "remote" });
    expect(await within(first, "the first send")).toMatchObject({ code: "in-doubt" });
    expect(await within(second, "the second send")).toMatchObject({ code: "not-sent" });
    await peer.done;
  });

  test("E detaches that cross are clean on both sides", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("detach", { closed: true });
      script.send("detach", { closed: true });
      await answerClosing(script);
      expect(script.frames().filter(({ name }) => name === "detach")).toHaveLength(1);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q");
    await within(receiver.close(), "close");
    expect(await receiver.closed).toBeUndefined();
    await connection.close();
    await peer.done;
  });

  test("E frames that were on their way when we detached are discarded (B77)", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      script.send("transfer", {}, encodeMessage({ value: 1 }));
      const detach = await script.until("detach", { closed: true });
      script.raw(concat(...[2, 3].map((value) => script.encode("transfer", {}, encodeMessage({ value }))), script.encodeReply(detach)));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 5 });
    (await within(receiver.receive(), "the delivery")).accept();
    await within(receiver.close(), "close");
    await connection.close();
    await peer.done;
  });

  test("E a closing detach that crosses a plain one: the link is attached anew and closed", async () => {
    const peer = await serve(async (script) => {
      const { attach } = await answerLink(script);
      await script.until("detach", { closed: false });
      script.send("detach", { closed: true });
      const again = await script.until("attach", { name: attach.fields["name"] });
      script.reply(again);
      script.reply(await script.until("detach", { closed: true }));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q");
    await within(receiver.detach(), "detach");
    await connection.close();
    await peer.done;
  });

  test("E ends and closes that cross are clean", async () => {
    const peer = await serve(async (script) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      await script.until("end", { error: undefined });
      script.send("end");
      await script.until("close", { error: undefined });
      script.send("close");
      await script.untilEof();
    });
    const connection = await dial(peer);
    const session = await connection.session();
    await within(session.close(), "session.close");
    await within(connection.close(), "connection.close");
    expect(await connection.closed).toBeUndefined();
    await peer.done;
  });

  test("E nothing follows our close, whatever was still to be said or answered", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      for (let value = 0; value < 3; value++) script.send("transfer", {}, encodeMessage({ value }));
      const close = await script.until("close");
      for (let i = 0; i < 3; i++) script.send("flow", { echo: true });
      script.reply(close);
      expect((await script.untilEof()).map(({ name }) => name)).toEqual([]);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 3 });
    for await (const delivery of receiver) {
      void delivery;
      break;
    }
    await connection.close();
    await peer.done;
  });

  test("E an error that the program gives goes out with close", async () => {
    const peer = await serve(async (script) => {
      await script.handshake();
      script.reply(await script.until("close", { error: { condition: "amqp:internal-error", description: "shutting down", info: { code: 7 } } }));
      await script.untilEof();
    });
    const connection = await dial(peer);
    await connection.close({ error: { condition: "amqp:internal-error", description: "shutting down", info: { code: 7 } } });
    await peer.done;
  });
});
