/** How connections, sessions and links come to be and end, as handlers are told: by the peer, by us, by an error, by the loss of the socket. */

import { describe, expect, test } from "@jest/globals";
import { Container, MessagingHandler } from "../../src/index.ts";
import type { AmqpError, Event, Handler } from "../../src/index.ts";
import { answer, ids, receiverOn, senderOn, stage, turns, until } from "../client/support.ts";
import type { Stage } from "../client/support.ts";
import { afterwards, serve, within } from "../protocol/harness.ts";
import { recorder, unhandledDuring } from "./support.ts";
import type { Recorder } from "./support.ts";

const LINK = ["on_link_opened", "on_link_closing", "on_link_closed", "on_link_error"] as const;
const SESSION = ["on_session_opened", "on_session_closing", "on_session_closed", "on_session_error"] as const;
const CONNECTION = ["on_connection_opened", "on_connection_closing", "on_connection_closed", "on_connection_error", "on_disconnected", "on_transport_error"] as const;
const BAD = { condition: "app:bad", description: "not today", info: undefined };

/** A stage whose handlers write down these events. */
async function hearing(...names: readonly (keyof Handler)[]): Promise<Stage & { readonly heard: Recorder }> {
  const heard = recorder(...names);
  return { ...await stage({ container: { handlers: heard.handler } }), heard };
}

describe("P01 links", () => {
  test("ours to close: opened, closed", async () => {
    const { heard, ...scene } = await hearing(...LINK);
    const receiver = await receiverOn(scene);
    const closing = receiver.close();
    scene.peer.reply(await scene.peer.until("detach"));
    await within(closing, "the close");
    await turns(2);
    expect(heard.names()).toEqual(["on_link_opened", "on_link_closed"]);
    expect(heard.told.every(({ event }) => event.link === receiver && event.error === undefined)).toBe(true);
  });

  test("closed by the peer without an error: closing, closed", async () => {
    const { heard, ...scene } = await hearing(...LINK);
    await senderOn(scene);
    scene.peer.send("detach", { closed: true });
    await until(() => heard.told.length === 3);
    expect(heard.names()).toEqual(["on_link_opened", "on_link_closing", "on_link_closed"]);
  });

  test("closed by the peer with an error: error, closed; the connection lives", async () => {
    const { heard, ...scene } = await hearing(...LINK, ...CONNECTION);
    const sender = await senderOn(scene);
    scene.peer.send("detach", { closed: true, error: BAD });
    await until(() => heard.told.length === 4);
    expect(heard.names()).toEqual(["on_connection_opened", "on_link_opened", "on_link_error", "on_link_closed"]);
    const { error, link, type } = heard.last("on_link_error");
    expect([type, link === sender]).toEqual(["link_error", true]);
    expect(error).toMatchObject({ scope: "link", origin: "remote", condition: "app:bad", description: "not today" });
    expect(scene.connection.state).toEqual({ local: "active", remote: "active" });
  });

  test("an error goes to on_link_closing where nobody handles errors", async () => {
    const { heard, ...scene } = await hearing("on_link_closing", "on_link_closed");
    await senderOn(scene);
    scene.peer.send("detach", { closed: true, error: BAD });
    await until(() => heard.told.length === 2);
    expect(heard.last("on_link_closing")).toMatchObject({ type: "link_closing", error: { condition: "app:bad" } });
  });

  test("refused, and too late: on_link_error takes the failure of the Opening, which need not be awaited", async () => {
    const errors: (AmqpError | undefined)[] = [];
    const reasons = await unhandledDuring(async () => {
      const scene = await stage({ container: { handlers: { on_link_error: ({ error }) => void errors.push(error) } } });
      void scene.connection.createReceiver("missing");
      await answer(scene.peer, { source: null });
      scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
      await until(() => errors.length === 1);
      void scene.connection.createSender("silent", { timeout: 500 });
      scene.peer.reply(await scene.peer.until("begin"));
      await scene.peer.until("attach");
      await scene.clock.advance(500);
      await until(() => errors.length === 2);
      expect(scene.errors).toEqual([]);
    });
    expect(reasons).toEqual([]);
    expect(errors).toMatchObject([{ code: "link-refused", condition: "amqp:not-found" }, { code: "timeout", scope: "link" }]);
  });

  test("an Opening that is awaited rejects as well", async () => {
    const { heard, ...scene } = await hearing("on_link_error");
    const opening = scene.connection.createReceiver("missing");
    const failed = expect(within(opening, "the receiver")).rejects.toMatchObject({ code: "link-refused" });
    await answer(scene.peer, { source: null });
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    await failed;
    expect(heard.told.length).toBe(1);
  });

  test("one that is given up by its signal is no error", async () => {
    const { heard, ...scene } = await hearing(...LINK);
    const giveUp = new AbortController();
    const opening = scene.connection.createReceiver("q", { signal: giveUp.signal });
    giveUp.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    await turns(2);
    expect(heard.told).toEqual([]);
  });
});

describe("P01 sessions", () => {
  test("ours to close, and the peer's", async () => {
    const { heard, ...scene } = await hearing(...SESSION);
    const opening = scene.connection.session();
    scene.peer.reply(await scene.peer.until("begin"));
    const session = await opening;
    const closing = session.close();
    scene.peer.reply(await scene.peer.until("end"));
    await within(closing, "the close");
    const second = scene.connection.session();
    scene.peer.reply(await scene.peer.until("begin"));
    await second;
    scene.peer.send("end", {});
    await until(() => heard.told.length === 5);
    expect(heard.names()).toEqual(["on_session_opened", "on_session_closed", "on_session_opened", "on_session_closing", "on_session_closed"]);
    expect(heard.told[1]?.event.session === session).toBe(true);
  });

  test("ended with an error: on_session_error, and its links are told nothing", async () => {
    const { heard, ...scene } = await hearing(...SESSION, ...LINK);
    await senderOn(scene);
    scene.peer.send("end", { error: BAD });
    await until(() => heard.names().includes("on_session_closed"));
    expect(heard.names()).toEqual(["on_session_opened", "on_link_opened", "on_session_error", "on_session_closed"]);
    expect(heard.last("on_session_error").error).toMatchObject({ scope: "session", condition: "app:bad" });
  });

  test("where nobody handles errors of sessions, those of links are told: who has not asked for a session need not know of any", async () => {
    const { heard, ...scene } = await hearing(...LINK);
    const sender = await senderOn(scene);
    scene.peer.send("end", { error: BAD });
    await until(() => heard.told.length === 3);
    expect(heard.names()).toEqual(["on_link_opened", "on_link_error", "on_link_closed"]);
    const { error, link } = heard.last("on_link_error");
    expect([link === sender, error?.scope, error?.condition]).toEqual([true, "link", "app:bad"]);
  });
});

describe("P01 connections", () => {
  test("ours to close, closed by the peer, closed with an error", async () => {
    const ours = await hearing(...CONNECTION);
    const closing = ours.connection.close();
    ours.peer.reply(await ours.peer.until("close"));
    await within(closing, "the close");
    await turns(2);
    expect(ours.heard.names()).toEqual(["on_connection_opened", "on_connection_closed"]);
    const theirs = await hearing(...CONNECTION);
    theirs.peer.send("close", {});
    await until(() => theirs.heard.told.length === 3);
    expect(theirs.heard.names()).toEqual(["on_connection_opened", "on_connection_closing", "on_connection_closed"]);
    const failed = await hearing(...CONNECTION);
    failed.peer.send("close", { error: BAD });
    await until(() => failed.heard.told.length === 3);
    expect(failed.heard.names()).toEqual(["on_connection_opened", "on_connection_error", "on_connection_closed"]);
    const { error, connection } = failed.heard.last("on_connection_error");
    expect([connection === failed.connection, error?.condition]).toEqual([true, "app:bad"]);
  });

  test("a lost socket: on_transport_error and on_disconnected, which take the failures of links and sends", async () => {
    let told: Recorder | undefined;
    const reasons = await unhandledDuring(async () => {
      const { heard, ...scene } = await hearing(...CONNECTION, ...LINK);
      told = heard;
      const sender = await senderOn(scene, 1);
      void sender.send({ body: 1 });
      await ids(scene.peer, 1);
      void scene.connection.createReceiver("q");
      await scene.peer.until("attach");
      scene.peer.drop("rst");
      await until(() => heard.names().includes("on_disconnected"));
      await turns();
    });
    expect(reasons).toEqual([]);
    expect(told?.names()).toEqual(["on_connection_opened", "on_link_opened", "on_transport_error", "on_disconnected"]);
    expect(told?.last("on_disconnected").error).toMatchObject({ code: "disconnected", origin: "transport" });
  });

  test("a peer that breaks the protocol: on_transport_error with the condition", async () => {
    const { heard, ...scene } = await hearing(...CONNECTION);
    scene.peer.raw(new Uint8Array([0, 0, 0, 8, 2, 9, 0, 0]));
    await until(() => heard.names().includes("on_disconnected"));
    expect(heard.last("on_transport_error").error).toMatchObject({ code: "protocol-violation", condition: "amqp:connection:framing-error" });
  });

  test("a lost connection in an untold scope rejects run()", async () => {
    const scene = await stage({ container: { handlers: { on_start: () => undefined } } });
    const failed = expect(scene.container.run()).rejects.toMatchObject({ code: "disconnected" });
    scene.peer.drop("fin");
    await within(failed, "run()");
  });

  test("connecting: on_transport_error for each url, on_disconnected when there is none left", async () => {
    const heard = recorder(...CONNECTION);
    const container = new Container({ handlers: heard.handler });
    afterwards(() => container.close());
    const reasons = await unhandledDuring(async () => {
      void container.connect(["amqp://127.0.0.1:1", "amqp://127.0.0.1:2"]);
      await until(() => heard.names().includes("on_disconnected"));
    });
    expect(reasons).toEqual([]);
    expect(heard.names()).toEqual(["on_transport_error", "on_transport_error", "on_disconnected"]);
    expect(heard.last("on_disconnected").error).toMatchObject({ code: "all-urls-failed" });
  });

  test("a fatal condition ends the search under a MessagingHandler; others, and on_transport_error, do not", async () => {
    const peer = async (): Promise<string> => {
      const one = await serve(async (script) => {
        await script.expectHeader("sasl");
        script.raw(new Uint8Array([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]));
        script.send("sasl-mechanisms", { saslServerMechanisms: ["PLAIN"] });
        await script.expect("sasl-init");
        script.send("sasl-outcome", { code: 1 });
        await script.untilEof();
      });
      return one.url;
    };
    const attempts = async (handlers: MessagingHandler): Promise<number> => {
      const container = new Container({ handlers, onError: () => undefined });
      afterwards(() => container.close());
      const connection = container.connect([await peer(), "amqp://127.0.0.1:1"], { user: "u", password: "p" });
      const error = await within(connection.then(() => undefined, (failed: { errors: unknown[] }) => failed), "the end");
      return error?.errors.length ?? 0;
    };
    expect(await attempts(new MessagingHandler())).toBe(1);
    const lenient = new MessagingHandler();
    lenient.fatalConditions = ["amqp:not-allowed"];
    expect(await attempts(lenient)).toBe(2);
    const told = new MessagingHandler();
    told.on_transport_error = () => undefined;
    expect(await attempts(told)).toBe(2);
  });
});

describe("P01 a MessagingHandler's way with errors that nobody handles", () => {
  test("closes the connection, and tells onError", async () => {
    const scene = await stage({ container: { handlers: new MessagingHandler() } });
    await senderOn(scene);
    scene.peer.send("detach", { closed: true, error: BAD });
    scene.peer.reply(await scene.peer.until("close"));
    await within(scene.connection.closed, "the close");
    expect(scene.errors).toMatchObject([{ condition: "app:bad", scope: "link" }]);
  });

  test("not where the failure is awaited", async () => {
    const scene = await stage({ container: { handlers: new MessagingHandler() } });
    const opening = scene.connection.createReceiver("missing");
    const failed = expect(within(opening, "the receiver")).rejects.toMatchObject({ code: "link-refused" });
    await answer(scene.peer, { source: null });
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    await failed;
    await turns();
    expect([scene.errors, scene.connection.state.local]).toEqual([[], "active"]);
  });
});

describe("P01 endpoint events", () => {
  test("come in the order of the frames, with Proton's names", async () => {
    const names: string[] = [];
    const scene = await stage({ container: { handlers: { on_unhandled: (name: string, event: Event) => names.push(`${name}${event.link === undefined ? "" : ` ${event.link.name}`}`) } } });
    const sender = await senderOn(scene, 1, { name: "out" });
    void sender.send({ body: 1 });
    await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    const detaching = sender.detach();
    scene.peer.reply(await scene.peer.until("detach"));
    await within(detaching, "the detach");
    const closing = scene.connection.close();
    scene.peer.reply(await scene.peer.until("end"));
    scene.peer.reply(await scene.peer.until("close"));
    scene.leave();
    await within(closing, "the close");
    await until(() => names.includes("on_transport_closed"));
    expect(names).toEqual([
      "on_connection_init", "on_connection_bound", "on_connection_local_open", "on_connection_remote_open", "on_connection_opened",
      "on_session_init", "on_session_local_open", "on_link_init out", "on_link_local_open out",
      "on_session_remote_open", "on_session_opened", "on_link_remote_open out", "on_link_opened out",
      "on_link_flow out", "on_sendable out", "on_delivery out", "on_delivery_updated out", "on_accepted out", "on_settled out",
      "on_link_local_detach out", "on_link_remote_detach out", "on_link_closed out", "on_link_final out",
      "on_connection_local_close", "on_session_remote_close", "on_session_closed", "on_session_final",
      "on_connection_remote_close", "on_connection_closed", "on_connection_final", "on_transport_closed", "on_connection_unbound",
    ]);
  });
});
