/** The records that sessions, links and listeners work with. */

import { describe, expect, test } from "@jest/globals";

import { ConfigError } from "../../src/errors.ts";
import type { ListenOptionsBase } from "../../src/options/listen.ts";
import type { ReceiverOptionsBase, SenderOptionsBase } from "../../src/options/link.ts";
import {
  checkBatchOptions, checkCallOptions, checkCloseOptions, checkConsumeOptions, checkContainerOptions, checkTakeOptions,
} from "../../src/options/resolve.ts";
import { resolveReceiverOptions, resolveSenderOptions, resolveSessionOptions } from "../../src/options/resolve-link.ts";
import { isLoopbackHost, resolveListenOptions } from "../../src/options/resolve-listen.ts";

function message(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error("expected a ConfigError");
}

describe("sessions", () => {
  test("P11 defaults, and what is given", () => {
    expect(resolveSessionOptions()).toEqual({
      incomingWindow: undefined, outgoingWindow: 2_147_483_647, handleMax: 255, properties: undefined,
      offeredCapabilities: [], desiredCapabilities: [], signal: undefined, timeout: undefined,
    });
    expect(resolveSessionOptions({ incomingWindow: 5 }, { incomingWindow: 6, handleMax: 7 })).toMatchObject({ incomingWindow: 5, handleMax: 7 });
    expect(message(() => resolveSessionOptions({ incomingWindow: 0 }))).toBe('session(): option "incomingWindow" must be a whole number from 1 to 4294967295; got 0');
  });
});

describe("senders", () => {
  const life = { durability: "none", expiryPolicy: "session-end", timeout: 0 };
  const blank = { address: undefined, capabilities: [], dynamic: false, properties: undefined, ...life };

  test("S04 defaults", () => {
    expect(resolveSenderOptions("orders")).toEqual({
      name: undefined, guarantee: "at-least-once", guaranteeGiven: false, guaranteeFallback: undefined, sndSettleMode: "unsettled", rcvSettleMode: "first",
      properties: undefined, offeredCapabilities: [], desiredCapabilities: [], maxMessageSize: undefined, signal: undefined, timeout: undefined,
      source: { ...blank, filter: undefined, distributionMode: undefined, outcomes: undefined, defaultOutcome: undefined },
      target: { ...blank, address: "orders" },
      tags: undefined, autoSettle: true,
    });
  });

  test("S04 J11 where to: the argument, else the url's path; null is the relay; none is an error", () => {
    expect(resolveSenderOptions(undefined, undefined, { address: "path" }).target?.address).toBe("path");
    expect(resolveSenderOptions("given", undefined, { address: "path" }).target?.address).toBe("given");
    expect(resolveSenderOptions({ capabilities: "queue" }, undefined, { address: "path" }).target).toMatchObject({ address: "path", capabilities: ["queue"] });
    expect(resolveSenderOptions(null, undefined, { address: "path" }).target).toBeNull();
    expect(resolveSenderOptions({ dynamic: true }, undefined, { address: "path" }).target).toMatchObject({ address: undefined, dynamic: true });
    expect(resolveSenderOptions(undefined, undefined, { accepting: true }).target?.address).toBeUndefined();
    expect(message(() => resolveSenderOptions(undefined))).toBe("createSender(): no target: give an address, or null for the anonymous relay, or put it in the url's path");
    expect(message(() => resolveSenderOptions(""))).toBe("createSender(): target: the address is empty");
    expect(message(() => resolveSenderOptions({ dynamic: true, address: "x" }))).toMatch(/a dynamic target gets its address from the peer/);
    expect(message(() => resolveSenderOptions({ adress: "x" } as never))).toBe('createSender(): target: there is no option "adress"; did you mean "address"?');
  });

  test.each<[SenderOptionsBase, unknown[]]>([
    [{}, ["at-least-once", "unsettled", "first"]],
    [{ guarantee: "at-most-once" }, ["at-most-once", "settled", "first"]],
    [{ guarantee: "exactly-once" }, ["exactly-once", "unsettled", "second"]],
    [{ sndSettleMode: "settled" }, ["at-most-once", "settled", "first"]],
    [{ sndSettleMode: "mixed" }, ["at-least-once", "mixed", "first"]],
    [{ guarantee: "at-most-once", sndSettleMode: "mixed" }, ["at-most-once", "mixed", "first"]],
    [{ rcvSettleMode: "second" }, ["at-least-once", "unsettled", "second"]],
  ])("P11 guarantee and settle modes: %j", (options, expected) => {
    const { guarantee, sndSettleMode, rcvSettleMode } = resolveSenderOptions("q", options);
    expect([guarantee, sndSettleMode, rcvSettleMode]).toEqual(expected);
  });

  test.each<[SenderOptionsBase, string]>([
    [{ guarantee: "exactly-once", rcvSettleMode: "first" }, 'createSender(): guarantee "exactly-once" needs option "rcvSettleMode" to be "second"'],
    [{ guarantee: "exactly-once", sndSettleMode: "mixed" }, 'createSender(): guarantee "exactly-once" needs option "sndSettleMode" to be "unsettled"'],
    [{ guarantee: "at-least-once", sndSettleMode: "settled" }, 'createSender(): guarantee "at-least-once" needs option "sndSettleMode" to be "unsettled"'],
    [{ guarantee: "exactly_once" as never }, 'createSender(): option "guarantee" must be one of "at-most-once", "at-least-once", "exactly-once" (did you mean "exactly-once"?); got a text'],
  ])("P11 never silently weaker: %j", (options, text) => {
    expect(message(() => resolveSenderOptions("q", options))).toBe(text);
  });

  test("X.1 an exactly-once link asks for termini that outlive the connection, unless told otherwise", () => {
    const { source, target } = resolveSenderOptions({ address: "q", timeout: 5 }, { guarantee: "exactly-once" });
    expect(source).toMatchObject({ expiryPolicy: "connection-close", timeout: 300_000 });
    expect(target).toMatchObject({ expiryPolicy: "connection-close", timeout: 5 });
    expect(resolveSenderOptions("q", { guarantee: "exactly-once", terminusTimeout: 9 }).target?.timeout).toBe(9);
  });

  test("the client's own options pass, others do not; the container's bag fills in", () => {
    const options = { session: {} } as SenderOptionsBase;
    expect(resolveSenderOptions("q", options, { defaults: { autoSettle: false, name: "n" } })).toMatchObject({ autoSettle: false, name: "n" });
    expect(message(() => resolveSenderOptions("q", { sesion: {} } as never))).toBe('createSender(): there is no option "sesion"; did you mean "session"?');
    expect(message(() => resolveSenderOptions("q", { session: {}, prefetch: 5 } as never))).toMatch(/there is no option "prefetch"/);
  });
});

describe("receivers", () => {
  test("S03 defaults", () => {
    expect(resolveReceiverOptions("q")).toMatchObject({
      prefetch: 100, prefetchGiven: false, autoAccept: true, selectors: undefined, filterRequired: true, durable: false, int64: undefined, typed: undefined,
      source: { address: "q", dynamic: false, filter: undefined, distributionMode: undefined },
      target: { address: undefined },
    });
    expect(resolveReceiverOptions("q", { prefetch: 100 }).prefetchGiven).toBe(true);
  });

  test("S15 P02 what the options say about the source is in the source", () => {
    const { source, selectors } = resolveReceiverOptions({ address: "q", filter: { a: 1, b: 2 }, distributionMode: "copy" }, { filter: { b: 3 }, distributionMode: "copy", selector: "x = 1" });
    expect(source).toMatchObject({ filter: { a: 1, b: 3 }, distributionMode: "copy" });
    expect(selectors).toEqual({ selector: "x = 1" });
    expect(resolveReceiverOptions(undefined, { dynamic: true }, { address: "path" }).source).toMatchObject({ dynamic: true, address: undefined });
    expect(message(() => resolveReceiverOptions({ dynamic: false }, { dynamic: true }))).toMatch(/contradict/);
    expect(message(() => resolveReceiverOptions("q", { dynamic: true }))).toMatch(/a dynamic source gets its address from the peer/);
    expect(message(() => resolveReceiverOptions(undefined))).toBe("createReceiver(): no source: give an address, or put it in the url's path");
  });

  test("S15 every field of a source", () => {
    const init = {
      address: "q", capabilities: ["topic"], properties: { p: 1 }, durability: "configuration", expiryPolicy: "link-detach", timeout: 1_000,
      filter: { f: 1 }, distributionMode: "copy", outcomes: ["amqp:accepted:list"], defaultOutcome: { type: "modified", deliveryFailed: true },
    } as const;
    expect(resolveReceiverOptions(init).source).toEqual({ ...init, dynamic: false });
    expect(message(() => resolveReceiverOptions({ address: "q", defaultOutcome: "accept" as never }))).toMatch(/option "defaultOutcome" must be an outcome/);
    expect(message(() => resolveReceiverOptions({ address: "q", durability: "forever" as never }))).toMatch(/one of "none", "configuration", "unsettled-state"/);
  });

  test("P02 a durable subscription keeps its unsettled state for ever", () => {
    const { source, durable } = resolveReceiverOptions("topic", { durable: true, name: "sub" });
    expect(source).toMatchObject({ durability: "unsettled-state", expiryPolicy: "never" });
    expect(durable).toBe(true);
  });

  test.each<[ReceiverOptionsBase, RegExp]>([
    [{ prefetch: -1 }, /"prefetch" must be a whole number from 0 to 2147483647; got -1/],
    [{ prefetch: 1.5 }, /got 1\.5/],
    [{ maxMessageSize: 0 }, /"maxMessageSize" must be a whole number from 1, or Infinity; got 0/],
    [{ filter: "x" as never }, /"filter" must be an object; got a text/],
    [{ target: 5 as never }, /"target" must be an address or an object of target options; got 5/],
  ])("%j", (options, text) => {
    expect(message(() => resolveReceiverOptions("q", options))).toMatch(text);
  });
});

describe("listeners", () => {
  const tls = { cert: "c", key: "k" };

  test("Q.listener defaults: loopback only", () => {
    expect(resolveListenOptions(undefined)).toMatchObject({
      host: "127.0.0.1", port: 5672, secure: false, allowedMechs: undefined, allowInsecureMechs: false, timeout: 15_000,
      maxFrameSize: 262_144, channelMax: 63, idleTimeout: 30_000, int64: "auto", typed: false,
      limits: { maxHandshakes: 100 }, timeouts: { handshake: 10_000, tls: 5_000, linkRequest: 10_000 },
    });
  });

  test("url, host and port", () => {
    expect(resolveListenOptions("amqp://[::1]:0")).toMatchObject({ host: "::1", port: 0 });
    expect(resolveListenOptions({ host: "localhost", port: 7 })).toMatchObject({ host: "localhost", port: 7 });
    expect(resolveListenOptions({ tls })).toMatchObject({ port: 5671, secure: true });
    expect(resolveListenOptions("amqps://127.0.0.1", { tls })).toMatchObject({ port: 5671, secure: true });
    expect(resolveListenOptions("amqp://127.0.0.1", undefined, { connection: { heartbeat: 5, maxFrameSize: 512 } })).toMatchObject({ idleTimeout: 10, maxFrameSize: 512 });
    expect(resolveListenOptions("amqp://127.0.0.1", undefined, { connection: { idleTimeout: 0 } }).idleTimeout).toBe(Infinity);
  });

  test("J01 WebSockets: none by default, beside AMQP by option, alone by url", () => {
    const webSocketOf = (...args: Parameters<typeof resolveListenOptions>): unknown => resolveListenOptions(...args).webSocket;
    expect(webSocketOf("amqp://127.0.0.1")).toBeUndefined();
    expect(webSocketOf({ webSocket: false })).toBeUndefined();
    expect(webSocketOf({ webSocket: true })).toEqual({ only: false, path: undefined, origins: undefined });
    expect(webSocketOf({ webSocket: { path: "/mq", origins: ["https://Shop.example"] } })).toEqual({ only: false, path: "/mq", origins: ["https://shop.example"] });
    expect(webSocketOf("ws://127.0.0.1:0/")).toEqual({ only: true, path: undefined, origins: undefined });
    expect(webSocketOf("ws://127.0.0.1:0/mq", { webSocket: { origins: "*" } })).toEqual({ only: true, path: "/mq", origins: "any" });
    expect(resolveListenOptions("wss://127.0.0.1", { tls })).toMatchObject({ port: 443, secure: true });
  });

  test.each<[string | ListenOptionsBase, ListenOptionsBase | undefined, RegExp]>([
    ["amqp://127.0.0.1", { port: 5 }, /give a url, or "host" and "port"/],
    ["amqp://u:s4711@127.0.0.1", undefined, /who may come in is decided by option "authenticate"/],
    ["amqp://127.0.0.1/q", undefined, /has a path/],
    ["ws://127.0.0.1/mq?x=4711", undefined, /has a \? in it/],
    ["ws://127.0.0.1", { webSocket: false }, /which option "webSocket" turns off/],
    ["ws://127.0.0.1/mq", { webSocket: { path: "/4711" } }, /give the path in the url or/],
    ["ws://127.0.0.1", { tls }, /write wss:\/\//],
    ["ws://0.0.0.0", undefined, /without TLS/],
    [{ webSocket: "yes" } as never, undefined, /"webSocket" must be true, false or an object/],
    [{ webSocket: { origin: ["x"] } } as never, undefined, /listen\(\): webSocket: there is no option "origin"; did you mean "origins"/],
    [{ webSocket: { origins: ["shop.example"] } }, undefined, /"origins" must be "\*" or a list of origins/],
    [{ webSocket: { path: "mq" } }, undefined, /"path" must be a path, beginning with/],
    ["amqp://127.0.0.1", { tls }, /write amqps:\/\//],
    ["amqps://127.0.0.1", undefined, /TLS needs a certificate/],
    [{ tls: { cert: "c" } }, undefined, /TLS needs a certificate/],
    ["nonsense4711", undefined, /listen\(\): url: must begin with amqp/],
    [{ port: 65_536 }, undefined, /from 0 to 65535/],
    [{ authenticat: () => true } as never, undefined, /did you mean "authenticate"/],
    ["amqp://0.0.0.0", undefined, /^listen\(\): 0\.0\.0\.0 is reached from other machines, without TLS: give "tls" and "authenticate" or "passwords", listen on 127\.0\.0\.1, or set "allowInsecureMechs" to true$/],
    ["amqp://0.0.0.0", { authenticate: () => true }, /without TLS/],
    ["amqps://[::]", { tls }, /without authentication/],
    ["amqp://broker.example", undefined, /without TLS/],
  ])("Q.listener refuses %j %j", (url, options, text) => {
    const said = message(() => resolveListenOptions(url, options));
    expect(said).toMatch(text);
    expect(said).not.toContain("4711");
  });

  test("Q.listener other machines may come in where asked, or with TLS and authentication", () => {
    expect(resolveListenOptions("amqp://0.0.0.0", { allowInsecureMechs: true }).host).toBe("0.0.0.0");
    expect(resolveListenOptions("amqps://0.0.0.0", { tls, authenticate: () => true }).secure).toBe(true);
    expect(resolveListenOptions("amqps://0.0.0.0", { tls: { ...tls, requestCert: true } }).secure).toBe(true);
    expect(["localhost", "127.8.8.8", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "127.0.0.1.example"].map(isLoopbackHost)).toEqual([true, true, true, true, false, false, false]);
  });
});

describe("the small bags", () => {
  test("pass as they are, or name the call", () => {
    const signal = new AbortController().signal;
    const close = { signal, timeout: 5, drain: Infinity, error: { condition: "amqp:not-found", info: { a: 1 } } };
    expect(checkCloseOptions(close, "close()")).toBe(close);
    expect(checkCallOptions(undefined, "receive()")).toEqual({});
    expect(message(() => checkCallOptions({ timeot: 5 } as never, "receive()"))).toBe('receive(): there is no option "timeot"; did you mean "timeout"?');
    expect(message(() => checkCloseOptions({ error: { description: "x" } as never }, "close()"))).toBe('close(): option "error.condition" must be a text that is not empty; got undefined');
    expect(message(() => checkBatchOptions({ within: "1s" as never }, "batches()"))).toMatch(/^batches\(\): option "within" must be milliseconds/);
    expect(message(() => checkTakeOptions({ max: -1 }))).toMatch(/^take\(\): option "max"/);
    expect(checkConsumeOptions({ concurrency: 5, key: () => 1, onError: "release" } as never)).toMatchObject({ concurrency: 5 });
    expect(message(() => checkConsumeOptions({ concurrency: 0 }))).toMatch(/^consume\(\): option "concurrency"/);
  });

  test("S01 a container's bags are checked whole, by path", () => {
    expect(checkContainerOptions({ id: "c", limits: { maxUnsettled: 5 }, connection: { heartbeat: 5 } })).toMatchObject({ id: "c" });
    expect(message(() => checkContainerOptions({ connection: { heartbeet: 5 } as never }))).toBe('new Container(): there is no option "connection.heartbeet"; did you mean "heartbeat"?');
    expect(message(() => checkContainerOptions({ receiver: { prefetch: "x" as never } }))).toMatch(/option "receiver\.prefetch" must be a whole number/);
    expect(message(() => checkContainerOptions({ clock: { now: () => 0 } as never }))).toMatch(/option "clock" must be a clock: an object with now, setTimer; got an object/);
  });
});
