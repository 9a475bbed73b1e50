/** The record that `connect()` works with. */

import { inspect } from "node:util";

import { describe, expect, test } from "@jest/globals";

import { ConfigError } from "../../src/errors.ts";
import type { ConnectOptions } from "../../src/options/connect.ts";
import { DEFAULT_LIMITS } from "../../src/options/limits.ts";
import { resolveConnectOptions, userAt } from "../../src/options/resolve-connect.ts";
import { DEFAULT_TIMEOUTS, MAX_TIMER_DELAY, timerDelay } from "../../src/options/timeouts.ts";

const URL = "amqp://localhost";

function message(...args: Parameters<typeof resolveConnectOptions>): string {
  try {
    resolveConnectOptions(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe("config");
    return (error as Error).message;
  }
  throw new Error("expected a ConfigError");
}

const wrong = (options: object): string => message(URL, options as ConnectOptions);

describe("defaults", () => {
  test("Q.limits every default is what the documents say", () => {
    const { urls, tls, webSocket, ...rest } = resolveConnectOptions(URL);
    expect(urls.map(({ host, port }) => [host, port])).toEqual([["localhost", 5672]]);
    expect([tls.reveal(), webSocket.reveal()]).toEqual([{}, {}]);
    expect(rest).toEqual({
      address: undefined, signal: undefined, timeout: 30_000, saslEnabled: true, allowedMechs: undefined, allowInsecureMechs: undefined,
      virtualHost: undefined, sni: undefined, user: undefined, password: undefined, credentials: undefined, token: undefined, cbs: undefined,
      mechanisms: new Map(), containerId: undefined,
      maxFrameSize: 262_144, channelMax: 63, idleTimeout: 30_000, offeredCapabilities: [], desiredCapabilities: [], properties: undefined,
      reconnect: { initialDelay: 100, maxDelay: 10_000, factor: 2, jitter: true, maxAttempts: Infinity, initial: undefined, fatalConditions: [] },
      transport: undefined, limits: DEFAULT_LIMITS, timeouts: DEFAULT_TIMEOUTS, int64: "auto", typed: false,
    });
    expect(DEFAULT_LIMITS).toMatchObject({ maxMessageSize: 16_777_216, maxBufferedBytes: 67_108_864, maxPendingSends: 1_000_000, maxPendingBytes: 268_435_456, offlineQueue: 1_000_000, maxSaslFrameSize: 8_192 });
    expect(DEFAULT_TIMEOUTS).toMatchObject({ connect: 30_000, open: 15_000, attach: 15_000, close: 15_000, send: 60_000, request: 60_000, receive: Infinity });
  });

  test("the call stands before the container's bag, and that before the built-in", () => {
    const defaults = {
      connection: { maxFrameSize: 1_000, channelMax: 7, limits: { maxUnsettled: 1 }, timeouts: { open: 1 } },
      limits: { maxUnsettled: 2, maxPendingSends: 3 },
      timeouts: { open: 2, close: 3, connect: 4 },
    };
    const resolved = resolveConnectOptions(URL, { maxFrameSize: 512, channelMax: undefined, timeouts: { attach: 9 } }, defaults);
    expect(resolved).toMatchObject({ maxFrameSize: 512, channelMax: 7, timeout: 4 });
    expect(resolved.limits).toMatchObject({ maxUnsettled: 1, maxPendingSends: 3, maxPendingBytes: 268_435_456 });
    expect(resolved.timeouts).toMatchObject({ attach: 9, open: 1, close: 3, send: 60_000 });
  });
});

describe("urls", () => {
  const hosts = (...args: Parameters<typeof resolveConnectOptions>): string[] => resolveConnectOptions(...args).urls.map((url) => url.href);

  test("P06 one, several, as argument and as option", () => {
    expect(hosts("amqp://a")).toEqual(["amqp://a:5672"]);
    expect(hosts(["amqp://a", "amqps://b"])).toEqual(["amqp://a:5672", "amqps://b:5671"]);
    expect(hosts({ url: "amqp://a" })).toEqual(["amqp://a:5672"]);
    expect(hosts(undefined, { urls: ["amqp://a", "amqp://b:1"] })).toEqual(["amqp://a:5672", "amqp://b:1"]);
    expect(hosts(undefined, undefined, { connection: { url: "amqp://c" } })).toEqual(["amqp://c:5672"]);
    expect(hosts("amqp://a", undefined, { connection: { urls: ["amqp://c"] } })).toEqual(["amqp://a:5672"]);
    expect(hosts(undefined, { transport: async () => { throw new Error(); } })).toEqual(["amqp://localhost:5672"]);
  });

  test("none, several at once, and none in a list", () => {
    expect(message(undefined)).toMatch(/^connect\(\): needs a url, such as "amqp:\/\/localhost:5672"; there is no /);
    expect(message(URL, { url: URL })).toMatch(/give one of/);
    expect(message({ url: URL, urls: [URL] })).toMatch(/give one of/);
    expect(message([])).toMatch(/not empty/);
    expect(message([1] as never)).toMatch(/must be a text/);
    expect(message(5 as never)).toMatch(/must be a text/);
    expect(message(null as never)).toMatch(/an object of options; got null/);
  });

  test("B93 which of several cannot be read, without its content", () => {
    expect(message([URL, "amqp://u:s4711@"])).toBe("connect(): urls[1]: names no host");
    expect(message("amqp://u:s4711@h:x")).toMatch(/^connect\(\): url: has a port/);
  });

  test("J01 a ws url has a request instead of an address, and tls makes it a wss url", () => {
    const { urls: [url], address } = resolveConnectOptions("ws://u:s4711@h/mq?token=s4711");
    expect(url).toMatchObject({ scheme: "ws", port: 80, secure: false, address: undefined, href: "ws://h:80/mq" });
    expect([url?.request?.reveal(), address]).toEqual(["/mq?token=s4711", undefined]);
    expect(inspect(url, { showHidden: true })).not.toContain("4711");
    expect(resolveConnectOptions("ws://h", { tls: true }).urls[0]).toMatchObject({ scheme: "wss", port: 443, secure: true });
    expect(message("wss://h", { tls: false })).toMatch(/wss:\/\/ needs TLS/);
  });

  test("J01 option webSocket: names, headers, and that it is for WebSockets", () => {
    const { webSocket } = resolveConnectOptions("ws://h", { webSocket: { protocols: ["amqp", "AMQPWSB10"], headers: { Authorization: "Bearer s4711" } } });
    expect(webSocket.reveal()).toEqual({ protocols: ["amqp", "AMQPWSB10"], headers: { Authorization: "Bearer s4711" } });
    expect(`${inspect(webSocket, { showHidden: true })} ${JSON.stringify(webSocket)}`).not.toContain("4711");
    expect(message("amqp://h", { webSocket: {} })).toBe('connect(): option "webSocket" is for ws:// and wss:// urls');
    expect(resolveConnectOptions("amqp://h", undefined, { connection: { webSocket: {} } }).urls[0]).toMatchObject({ scheme: "amqp" });
    const refused: [object, RegExp][] = [
      [{ protocols: [] }, /"webSocket.protocols" must be a list of names/], [{ protocols: ["a b"] }, /list of names/], [{ protocols: ["a", "a"] }, /list of names/],
      [{ headers: { "a b": "s4711" } }, /"webSocket.headers" must be an object of header names/], [{ headers: { a: "s4711\r\nHost: b" } }, /header names/],
      [{ headers: { "Sec-WebSocket-Key": "s4711" } }, /header names/], [{ headers: { a: 1 } }, /header names/], [{ header: {} }, /did you mean "headers"/],
    ];
    for (const [webSocket, text] of refused) {
      const said = message("ws://h", { webSocket } as ConnectOptions);
      expect(said).toMatch(text);
      expect(said).not.toContain("4711");
    }
  });

  test("Q.tls asked for on an amqp url, it is an amqps url; turned off on an amqps url, it is an error", () => {
    expect(hosts("amqp://u:p@a/q", { tls: true })).toEqual(["amqps://a:5671/q"]);
    expect(hosts("AMQP://a:5672", { tls: { ca: "x" } })).toEqual(["amqps://a:5672"]);
    expect(hosts("amqp://a", { tls: false })).toEqual(["amqp://a:5672"]);
    expect(message("amqps://a", { tls: false })).toMatch(/needs TLS, which option "tls" turns off/);
  });
});

describe("who", () => {
  const who = (url: string, options?: ConnectOptions, connection?: ConnectOptions): unknown => {
    const resolved = resolveConnectOptions(url, options, { connection });
    const user = userAt(resolved, resolved.urls[0]!);
    return user && [user.user, user.password?.reveal()];
  };

  test("S02 the options' user stands before the url's, and is never mixed with its password", () => {
    expect(who("amqp://h")).toBeUndefined();
    expect(who("amqp://u:p@h")).toEqual(["u", "p"]);
    expect(who("amqp://u:p@h", { user: "v", password: "w" })).toEqual(["v", "w"]);
    expect(who("amqp://u:p@h", { user: "v" })).toEqual(["v", undefined]);
    expect(who("amqp://h", { user: "v" }, { user: "x", password: "y" })).toEqual(["v", undefined]);
    expect(who("amqp://h", {}, { user: "x", password: "y" })).toEqual(["x", "y"]);
    expect(message(URL, { password: "s4711" })).toBe('connect(): option "password" needs option "user"');
  });

  test("Q.secrets nothing of the record can be printed", () => {
    const resolved = resolveConnectOptions("amqps://u:s4711@h", { user: "v", password: "s4711", tls: { cert: "s4711", key: "s4711", passphrase: "s4711" } });
    for (const text of [inspect(resolved, { depth: 9, showHidden: true }), JSON.stringify(resolved)]) expect(text).not.toContain("4711");
    expect(resolved.tls.reveal()).toEqual({ cert: "s4711", key: "s4711", passphrase: "s4711" });
  });

  test("S02 mechanisms as words and as a list", () => {
    expect(resolveConnectOptions(URL, { allowedMechs: " PLAIN  EXTERNAL " }).allowedMechs).toEqual(["PLAIN", "EXTERNAL"]);
    expect(resolveConnectOptions(URL, { allowedMechs: ["PLAIN"] }).allowedMechs).toEqual(["PLAIN"]);
  });
});

describe("H heartbeat and idleTimeout", () => {
  const idle = (options: ConnectOptions, connection?: ConnectOptions): number => resolveConnectOptions(URL, options, { connection }).idleTimeout;

  test("H heartbeat n is idleTimeout 2n; 0 and Infinity are never", () => {
    expect(idle({ heartbeat: 5_000 })).toBe(10_000);
    expect(idle({ idleTimeout: 7 })).toBe(7);
    expect(idle({ idleTimeout: 0 })).toBe(Infinity);
    expect(idle({ heartbeat: 0 })).toBe(Infinity);
    expect(idle({ idleTimeout: Infinity })).toBe(Infinity);
    expect(idle({ heartbeat: 1 }, { idleTimeout: 50 })).toBe(2);
    expect(idle({}, { heartbeat: 4 })).toBe(8);
    expect(wrong({ heartbeat: 1, idleTimeout: 2 })).toMatch(/a heartbeat is half an idleTimeout/);
  });

  test("H a timer never overflows", () => {
    expect([timerDelay(0), timerDelay(1.5), timerDelay(2 ** 40), timerDelay(Infinity)]).toEqual([0, 2, MAX_TIMER_DELAY, undefined]);
  });
});

describe("what is wrong is said with name, what is allowed, and what was meant", () => {
  test.each<[object, string]>([
    [{ hearbeat: 1 }, 'connect(): there is no option "hearbeat"; did you mean "heartbeat"?'],
    [{ max_frame_size: 1 }, 'connect(): there is no option "max_frame_size"; did you mean "maxFrameSize"?'],
    [{ limits: { maxUnsetled: 1 } }, 'connect(): there is no option "limits.maxUnsetled"; did you mean "maxUnsettled"?'],
    [{ tls: { rejectUnauthorised: false } }, 'connect(): tls: there is no option "rejectUnauthorised"; did you mean "rejectUnauthorized"?'],
    [{ heartbeat: "5s" }, 'connect(): option "heartbeat" must be milliseconds: a number from 0 to Infinity; got a text'],
    [{ heartbeat: -1 }, 'connect(): option "heartbeat" must be milliseconds: a number from 0 to Infinity; got -1'],
    [{ timeout: NaN }, 'connect(): option "timeout" must be milliseconds: a number from 0 to Infinity; got NaN'],
    [{ password: ["s4711"] }, 'connect(): option "password" must be a text; got a list'],
    [{ user: "" }, 'connect(): option "user" must be a text that is not empty; got an empty text'],
    [{ maxFrameSize: 511 }, 'connect(): option "maxFrameSize" must be a whole number from 512 to 4294967295; got 511'],
    [{ channelMax: 65_536 }, 'connect(): option "channelMax" must be a whole number from 0 to 65535; got 65536'],
    [{ limits: { maxMessageSize: 0.5 } }, 'connect(): option "limits.maxMessageSize" must be a whole number from 1, or Infinity; got 0.5'],
    [{ timeouts: { send: null } }, 'connect(): option "timeouts.send" must be milliseconds: a number from 0 to Infinity; got null'],
    [{ limits: 5 }, 'connect(): option "limits" must be an object of options; got 5'],
    [{ int64: "BigInt" }, 'connect(): option "int64" must be one of "auto", "number", "bigint" (did you mean "bigint"?); got a text'],
    [{ tls: "yes" }, 'connect(): option "tls" must be true, false or an object of TLS options; got a text'],
    [{ tls: { minVersion: "TLSv1" } }, 'connect(): tls: option "minVersion" must be one of "TLSv1.2", "TLSv1.3" (did you mean "TLSv1.2"?); got a text'],
    [{ tls: { cert: "c" } }, 'connect(): tls: options "cert" and "key" go together'],
    [{ saslEnabled: 1 }, 'connect(): option "saslEnabled" must be true or false; got 1'],
    [{ allowedMechs: [1] }, 'connect(): option "allowedMechs" must be a text or a list of texts; got a list'],
    [{ offeredCapabilities: "ünicode" }, 'connect(): option "offeredCapabilities" must be an ASCII text or a list of them; got a text'],
    [{ signal: {} }, 'connect(): option "signal" must be an AbortSignal; got an object'],
    [{ credentials: { user: "u", password: "s4711" } }, 'connect(): option "credentials" must be a function; got an object'],
    [{ transport: {} }, 'connect(): option "transport" must be a transport (an object with readable, writable and close()) or a function that makes one; got an object'],
    [{ sni: "10.0.0.1" }, 'connect(): option "sni" must be a name, not an address'],
    [{ properties: [] }, 'connect(): option "properties" must be an object; got a list'],
  ])("%j", (options, text) => {
    expect(wrong(options)).toBe(text);
  });

  test("a name unlike any other lists them all; odd names are cleaned", () => {
    expect(wrong({ zzzzzzzz: 1 })).toMatch(/^connect\(\): there is no option "zzzzzzzz"; there are signal, timeout, url, /);
    expect(wrong({ "a\r\nb\u202e": 1 })).toMatch(/"a\?\?b\?"/);
    expect(wrong(JSON.parse('{"__proto__":1}') as object)).toMatch(/there is no option "__proto__"/);
    expect(wrong({ constructor: 1 })).toMatch(/there is no option "constructor"/);
  });

  test("options are judged and passed on, not copied: properties keep every key", () => {
    const properties = JSON.parse('{"__proto__":{"x":1},"a":2}') as Record<string, unknown>;
    expect(resolveConnectOptions(URL, { properties }).properties).toBe(properties);
  });
});
