/** Urls are read exactly or not at all, and never repeated in an error. */

import { inspect } from "node:util";

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { ConfigError } from "../../src/errors.ts";
import { hostPort, isAddress, parseUrl } from "../../src/options/url.ts";

const parts = (text: string): unknown[] => {
  const { scheme, secure, host, port, user, password, address, request } = parseUrl(text);
  return [scheme, secure, host, port, user, password?.reveal(), address, ...(request === undefined ? [] : [request.reveal()])];
};

function error(text: string): ConfigError {
  try {
    parseUrl(text);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  }
  throw new Error("expected a ConfigError");
}

describe("P06 B93 read exactly", () => {
  const none = undefined;
  test.each<[string, unknown[]]>([
    ["amqp://localhost", ["amqp", false, "localhost", 5672, none, none, none]],
    ["amqps://localhost", ["amqps", true, "localhost", 5671, none, none, none]],
    ["ws://h", ["ws", false, "h", 80, none, none, none, "/"]],
    ["wss://h/amqp", ["wss", true, "h", 443, none, none, none, "/amqp"]],
    ["WSS://u%40x:p%2F%3A@[::1]:8443/a%20b/c?token=x", ["wss", true, "::1", 8443, "u@x", "p/:", none, "/a%20b/c?token=x"]],
    ["ws://h?x=1", ["ws", false, "h", 80, none, none, none, "/?x=1"]],
    ["AMQP://Broker.Example:1", ["amqp", false, "broker.example", 1, none, none, none]],
    ["amqp://h/", ["amqp", false, "h", 5672, none, none, none]],
    ["amqp://h:65535/queue", ["amqp", false, "h", 65535, none, none, "queue"]],
    ["amqp://h//queues/orders", ["amqp", false, "h", 5672, none, none, "/queues/orders"]],
    ["amqp://h/a%2Fb%20c%3F%C3%A9", ["amqp", false, "h", 5672, none, none, "a/b c?é"]],
    ["amqp://h/a::b@c", ["amqp", false, "h", 5672, none, none, "a::b@c"]],
    ["amqps://u%40x:p%2F%3A@h", ["amqps", true, "h", 5671, "u@x", "p/:", none]],
    ["amqp://u@h", ["amqp", false, "h", 5672, "u", none, none]],
    ["amqp://u:@h", ["amqp", false, "h", 5672, "u", "", none]],
    ["amqp://u:p@ss:w@h:7", ["amqp", false, "h", 7, "u", "p@ss:w", none]],
    ["amqp://127.0.0.1:5672", ["amqp", false, "127.0.0.1", 5672, none, none, none]],
    ["amqp://[::1]", ["amqp", false, "::1", 5672, none, none, none]],
    ["amqp://u:p@[2001:DB8::1]:99/q", ["amqp", false, "2001:db8::1", 99, "u", "p", "q"]],
    ["amqp://[fe80::1%25eth0]:5672", ["amqp", false, "fe80::1%eth0", 5672, none, none, none]],
    ["amqp://[::ffff:127.0.0.1]", ["amqp", false, "::ffff:127.0.0.1", 5672, none, none, none]],
    ["amqp://my_broker-1.local.", ["amqp", false, "my_broker-1.local.", 5672, none, none, none]],
    ["amqp://bücher.example", ["amqp", false, "xn--bcher-kva.example", 5672, none, none, none]],
  ])("%s", (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  test("round trip of any user, password, and address without control characters", () => {
    const printable = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !/[\u0000-\u001f\u007f]/.test(text));
    fc.assert(fc.property(printable, printable, printable, fc.integer({ min: 1, max: 65_535 }), (user, password, address, port) => {
      const text = `amqp://${[user, password].map(encodeURIComponent).join(":")}@h:${port}/${encodeURIComponent(address)}`;
      expect(parts(text)).toEqual(["amqp", false, "h", port, user, password, address]);
    }));
  });
});

describe("B93 or not at all, without echoing", () => {
  test.each([
    ["", /empty/],
    ["localhost", /must begin with amqp:\/\/ or amqps:\/\//],
    ["localhost:5672/q", /must begin with amqp/],
    ["javascript:alert(4711)", /must begin with amqp/],
    ["http://h4711", /must begin with amqp/],
    ["amqp:/h4711", /must begin with amqp/],
    ["amqp:h4711", /must begin with amqp/],
    ["amqp://", /names no host/],
    ["amqp:///q4711", /names no host/],
    ["amqp://:5672", /names no host/],
    ["amqp://u:s4711@", /names no host/],
    ["amqp://u:s4711@:5672", /names no host/],
    ["amqp://h:0", /port/],
    ["amqp://h:65536", /port/],
    ["amqp://h:", /port/],
    ["amqp://h:+1", /port/],
    ["amqp://h:0x10", /port/],
    ["amqp://u:se/cret4711@h", /port .*%2F %40 or %3A/],
    ["amqp://u:%ZZ4711@h", /% in its password/],
    ["amqp://%ZZ4711:p@h", /% in its user/],
    ["amqp://u:%ff4711@h", /% in its password/],
    ["amqp://u:%004711@h", /control character in its password/],
    ["amqp://u%0d%0a4711:p@h", /control character in its user/],
    ["amqp://h/q%00", /control character in its address/],
    ["amqp://h%00.example", /control character in its host/],
    ["amqp://u:p4711@h\r\nX: y", /space or control character/],
    ["amqp://u:p 4711@h", /space or control character/],
    ["amqp://h/a b", /space or control character/],
    [" amqp://h", /space or control character/],
    ["amqp://h\t", /space or control character/],
    ["amqp://@h", /no user/],
    ["amqp://:s4711@h", /no user/],
    ["amqp://h?user=s4711", /\? or #/],
    ["amqp://h/q?x=4711", /\? or #/],
    ["amqp://h/q#4711", /\? or #/],
    ["ws://h/q#4711", /has a # after the host/],
    ["wss://u:s#4711@h", /has a # after the host/],
    ["ws://h/%ZZ4711", /% in its path/],
    ["ws://h/q?t=%0d%0a4711", /control character in its path/],
    ["ws://h/a b", /space or control character/],
    ["amqp://u:s?4711@h", /\? or #/],
    ["amqp://[::1", /IPv6/],
    ["amqp://[::g]", /IPv6/],
    ["amqp://[1.2.3.4]", /IPv6/],
    ["amqp://[]", /host/],
    ["amqp://::1", /IPv6|host/],
    ["amqp://[::1]x:5", /IPv6/],
    ["amqp://1.2.3", /IPv4/],
    ["amqp://1.2.3.256", /IPv4/],
    ["amqp://0x7f.1", /IPv4/],
    ["amqp://h\\4711", /host/],
    ["amqp://a..b", /host/],
    ["amqp://-a", /host/],
    ["amqp://h,other4711", /host/],
    [`amqp://${"a".repeat(300)}`, /host/],
  ])("%j", (text, why) => {
    const thrown = error(text);
    expect(thrown.code).toBe("config");
    expect(thrown.message).toMatch(why);
    expect(thrown.message).not.toMatch(/4711|[\r\n]/);
    expect(thrown.cause).toBeUndefined();
  });

  test("any text is read or is a ConfigError, and quickly", () => {
    const texts = fc.oneof(fc.string({ unit: "binary" }), fc.string().map((text) => `amqp://${text}`), fc.string().map((text) => `amqps://u:p@${text}`));
    fc.assert(fc.property(texts, (text) => {
      try {
        expect(parseUrl(text).host).not.toBe("");
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ConfigError);
      }
    }));
    const long = "amqp://" + "a.".repeat(200_000);
    const begun = process.hrtime.bigint();
    expect(error(long)).toBeInstanceOf(ConfigError);
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(500);
  });

  test("port 0 is for listening", () => {
    expect(parseUrl("amqp://h:0", { portZero: true }).port).toBe(0);
  });
});

describe("Q.secrets", () => {
  test("a parsed url can be printed in every way", () => {
    const url = parseUrl("amqp://user:s4711@h:7/q");
    for (const text of [inspect(url, { depth: 9, showHidden: true }), JSON.stringify(url), `${url.password}`, String(url.password)]) expect(text).not.toContain("4711");
    expect(url.href).toBe("amqp://h:7/q");
    expect(url.password?.reveal()).toBe("s4711");
  });
});

test("host and port as one text", () => {
  expect([hostPort("h", 1), hostPort("::1", 2)]).toEqual(["h:1", "[::1]:2"]);
  expect(["1.2.3.4", "::1", "h", "1.2.3.4.example"].map(isAddress)).toEqual([true, true, false, false]);
});
