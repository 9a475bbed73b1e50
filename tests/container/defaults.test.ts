/** Q: the defaults that keep strangers out and secrets in, seen from outside; one row of the table a test, where no other file has it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ConfigError, connect, Container, RejectedError } from "../../src/index.ts";
import type { Connection, ConnectOptions, Handler, ListenOptions } from "../../src/index.ts";
import { SelectorError } from "../../src/broker/selector/error.ts";
import { MAX_SELECTOR, Selector } from "../../src/broker/selector/selector.ts";
import { DEFAULT_LIMITS, DEFAULT_MAX_FRAME_SIZE } from "../../src/options/limits.ts";
import { DEFAULT_TIMEOUTS } from "../../src/options/timeouts.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { failure, pair, senderOn, stage, turns } from "../client/support.ts";
import { ONCE, afterwards, answerClosing, serve, within } from "../protocol/harness.ts";

const root = process.cwd();

function container(options: ConstructorParameters<typeof Container>[0] = {}): Container {
  const made = new Container({ onError: () => undefined, ...options });
  afterwards(() => made.close({ timeout: 0 }).catch(() => undefined));
  return made;
}

/** What a listener offers to a peer that asks. */
async function offered(url: string): Promise<unknown> {
  let mechanisms: unknown;
  const peer = await ScriptedPeer.connect(url, async (script) => {
    script.sendHeader("sasl");
    await script.expectHeader("sasl");
    mechanisms = (await script.expect("sasl-mechanisms")).fields["saslServerMechanisms"];
    script.drop();
  });
  afterwards(() => peer.close());
  await peer.done;
  return mechanisms;
}

describe("Q.listener", () => {
  test("binds 127.0.0.1 unless it is told otherwise, and ANONYMOUS is offered only where nothing asks who comes", async () => {
    const open = await container().listen({ port: 0 });
    expect(new URL(open.url).hostname).toBe("127.0.0.1");
    expect(await offered(open.url)).toEqual(["ANONYMOUS"]);
    const guarded = await container().listen({ port: 0, authenticate: () => true });
    expect(await offered(guarded.url)).toEqual(["PLAIN"]);
  });

  test.each<[string, ListenOptions]>([
    ["without TLS and authentication", { host: "0.0.0.0" }], ["without TLS", { host: "0.0.0.0", authenticate: () => true }], ["over IPv6", { host: "::", passwords: () => undefined }],
    ["with TLS and nobody who asks", { host: "0.0.0.0", tls: { cert: "c", key: "k" } }], ["by a name that is not this machine's", { host: "broker.example" }],
  ])("an address that other machines reach, %s: throws at the start and says what to set", async (_what, options) => {
    const error = await failure(container().listen({ port: 0, ...options }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain('set "allowInsecureMechs" to true');
  });

  test("the flag is explicit: with it the same address is listened on", async () => {
    const listener = await container().listen({ host: "0.0.0.0", port: 0, allowInsecureMechs: true });
    expect(listener.port).toBeGreaterThan(0);
  });

  test("10 s for a handshake, 5 s for TLS, 100 handshakes at once, a bound for each address", () => {
    expect(DEFAULT_TIMEOUTS).toMatchObject({ handshake: 10_000, tls: 5_000, linkRequest: 10_000 });
    expect(DEFAULT_LIMITS).toMatchObject({ maxHandshakes: 100, maxConnectionsPerAddress: 1_024, maxConnections: 16_384, maxLinks: 16_384 });
  });

  test("a client that trickles one octet a second has no more than the 10 s", async () => {
    const clock = new ManualClock();
    const listener = await container({ clock }).listen({ port: 0 });
    const peer = await ScriptedPeer.connect(listener.url, async (script) => {
      const header = [0x41, 0x4d, 0x51, 0x50, 3, 1, 0];
      for (const octet of header) {
        script.raw(Uint8Array.of(octet));
        await turns(4);
        await clock.advance(1_500);
      }
      await turns(4);
      await clock.advance(1_000);
      await script.untilEof();
    });
    afterwards(() => peer.close());
    await within(peer.done, "the end of the connection");
  });
});

describe("Q.limits", () => {
  test("every inbound bound has the default of the table", () => {
    expect(DEFAULT_LIMITS).toMatchObject({ maxMessageSize: 16 * 1024 ** 2, maxBufferedBytes: 64 * 1024 ** 2, maxSaslFrameSize: 8 * 1024, maxSaslRounds: 10 });
    expect(DEFAULT_MAX_FRAME_SIZE).toBe(256 * 1024);
  });

  test("and is told to the peer: frame, channel, handle and message size", async () => {
    const scene = await stage();
    await senderOn(scene);
    const fields = (name: string): Readonly<Record<string, unknown>> | undefined => scene.peer.frames().find((frame) => frame.name === name)?.fields;
    expect(fields("open")).toMatchObject({ maxFrameSize: 262_144, channelMax: 63 });
    expect(fields("begin")).toMatchObject({ handleMax: 255 });
    const { listener } = await pair();
    const peer = await ScriptedPeer.connect(listener.url, async (script) => {
      expect((await script.handshake()).fields).toMatchObject({ maxFrameSize: 262_144, channelMax: 63 });
      script.send("close");
      await script.until("close");
    });
    afterwards(() => peer.close());
    await peer.done;
  });

  test("a bound that is reached names its option", async () => {
    const { connection, peer } = await stage({ connect: { limits: { maxPendingSends: 1 } } });
    const sender = await senderOn({ connection, peer } as Awaited<ReturnType<typeof stage>>);
    sender.send({ body: 1 }).catch(() => undefined);
    expect((await failure(sender.send({ body: 2 }))).message).toContain("limits.maxPendingSends");
  });
});

describe("Q.server-text", () => {
  const EVIL = `gone\u001b[2J\r\n2026-01-01 ERROR forged line\u202e${"x".repeat(10_000)}`;
  const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/u;

  test("description and condition of a close are stripped of controls and cut, in the message and in the fields", async () => {
    const peer = await serve(async (script) => {
      await script.handshake({ containerId: `peer\u0007${EVIL.slice(0, 6_000)}` });
      script.send("close", { error: { condition: "amqp:not-found\u0007", description: EVIL } });
      await script.until("close");
    });
    const logged: string[] = [];
    const log = (message: string, fields?: object): void => void logged.push(`${message} ${Object.values(fields ?? {}).map(String).join(" ")}`);
    const connection = await container({ logger: { debug: log, info: log, warn: log, error: log } }).connect(peer.url, ONCE);
    const error = await within(connection.closed, "the close");
    expect(error?.message).toMatch(/^the peer closed the connection: amqp:not-found/);
    for (const text of [error?.message, error?.condition, error?.description, ...logged]) {
      expect(text).toBeDefined();
      expect(text).not.toMatch(CONTROLS);
      expect(text?.length).toBeLessThan(5_000);
    }
    expect(logged.join("\n")).toContain("closed with an error");
  });

  test("of a rejection and of a refused link too", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const sending = failure(sender.send({ body: 1 }));
    const { fields } = await scene.peer.until("transfer");
    scene.peer.send("disposition", { role: "receiver", first: fields["deliveryId"], settled: true, state: { type: "rejected", error: { condition: "amqp:precondition-failed", description: EVIL } } });
    const rejected = await sending as RejectedError;
    expect(rejected).toBeInstanceOf(RejectedError);
    const opening = failure(scene.connection.createReceiver("other"));
    scene.peer.reply(await scene.peer.until("begin"));
    const attach = await scene.peer.until("attach");
    scene.peer.reply(attach, { source: null });
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-allowed", description: EVIL } }, undefined, { channel: attach.channel });
    for (const error of [rejected, await opening as RejectedError]) {
      for (const text of [error.message, error.description]) expect(text).not.toMatch(CONTROLS);
      expect(error.message.length).toBeLessThan(800);
    }
  });
});

describe("Q.authorisation", () => {
  test("a listener that authorises is asked for every link, with role, address and who it is; what it refuses is unauthorized-access", async () => {
    const asked: unknown[] = [];
    const { connection } = await pair({
      listen: {
        authenticate: (user, password) => user === "ann" && password === "p",
        authorize: ({ role, source, target, connection: from }) => {
          asked.push([role, from.identity?.user, source?.address, target?.address]);
          return false;
        },
      },
      connect: { user: "ann", password: "p" },
    });
    expect(await failure(connection.createSender("orders"))).toMatchObject({ condition: "amqp:unauthorized-access" });
    expect(await failure(connection.createReceiver("orders"))).toMatchObject({ condition: "amqp:unauthorized-access" });
    expect(await failure(connection.createSender(null))).toMatchObject({ condition: "amqp:unauthorized-access" });
    expect(asked).toMatchObject([["receiver", "ann", undefined, "orders"], ["sender", "ann", "orders", undefined], ["receiver", "ann", undefined, undefined]]);
  });

  test("a dynamic node that handlers accept has a name of at least 122 random bits, never the same twice", async () => {
    const { url } = await container({ handlers: { on_link_opening: () => undefined } satisfies Handler }).listen({ port: 0 });
    const connection = await connect(url, ONCE);
    afterwards(() => connection.close({ timeout: 500 }).catch(() => undefined));
    const names = await Promise.all(Array.from({ length: 20 }, async () => (await connection.createReceiver(undefined, { dynamic: true })).remoteSource.address));
    expect(new Set(names).size).toBe(20);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe("Q.wire-keys B36", () => {
  const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

  test("names that every object has are data in every map of a message and of a peer, and change nothing else", async () => {
    const properties = Object.fromEntries(NAMES.map((name) => [name, "evil"]));
    Object.defineProperty(properties, "__proto__", { value: "evil", enumerable: true, configurable: true, writable: true });
    const { connection, sending } = await pair({ listen: { properties }, connect: { properties } });
    const [sender, receiver] = await sending();
    const send = sender.send({ body: new Map(NAMES.map((name) => [name, "evil"])), properties });
    const { message } = await within(receiver.receive(), "the message");
    for (const map of [message.properties, message.body as Readonly<Record<string, unknown>>, connection.remoteProperties as Readonly<Record<string, unknown>>]) {
      expect(Object.keys(map).filter((name) => NAMES.includes(name)).sort()).toEqual([...NAMES].sort());
      expect(Object.getPrototypeOf(map)).toBeNull();
    }
    expect(({} as Record<string, unknown>)["evil"]).toBeUndefined();
    expect(Object.prototype.toString.call({})).toBe("[object Object]");
    receiver.close().catch(() => undefined);
    send.catch(() => undefined);
  });

  test("the linter bans a look-up by any text, and is told by name where that is right", () => {
    const config = readFileSync(join(root, ".github/eslint.config.js"), "utf8");
    expect(config).toContain('"local/named-lookup": "error"');
    expect(config.match(/"local\/named-lookup": "off"/g)).toHaveLength(1);
  });
});

describe("Q.regex", () => {
  test("what a peer sends costs time in proportion to its length: texts of 60 kB through every pattern that reads them", async () => {
    const long = (unit: string): string => unit.repeat(Math.ceil(60_000 / unit.length));
    const texts = ["a", "*.", "%25", "((((", "=,=", "\\", " \t", "a.a", "--", "://", "%", "'"].map(long);
    const peer = await serve(async (script) => {
      await script.handshake({ containerId: "p", properties: { product: "RabbitMQ", version: long("1.").slice(0, 6_000) } });
      script.send("close", { error: { condition: "amqp:connection:redirect", description: texts[0], info: { "network-host": long("a.a"), port: 1, scheme: long("amqp"), path: long("/.") } } });
      await script.until("close");
    });
    const begun = performance.now();
    const error = await failure(connect(peer.url, { ...ONCE, redirects: { allow: ["*.example"] }, credentials: () => ({ user: "u", password: "p", expiresAt: Date.now() + 3_600_000 }) }).then(async (open) => { throw (await open.closed) as Error; }));
    expect(error).toMatchObject({ code: "redirect" });
    const lengths = texts.map((text) => text.slice(0, MAX_SELECTOR - 20).replaceAll("'", ""));
    for (const text of [...texts, ...lengths, ...lengths.map((each) => `a LIKE '%${each}%'`)]) {
      try {
        new Selector(text);
      } catch (refused) {
        expect(refused).toBeInstanceOf(SelectorError);
      }
    }
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});

describe("Q.supply-chain", () => {
  test("three run-time dependencies, two optional ones, and a lock file whose every package is pinned by its hash", () => {
    const read = (name: string): Record<string, Record<string, unknown>> => JSON.parse(readFileSync(join(root, name), "utf8")) as Record<string, Record<string, unknown>>;
    const manifest = read("package.json");
    expect(Object.keys(manifest["dependencies"] ?? {}).sort()).toEqual(["p-retry", "uuid", "zod"]);
    expect(Object.keys(manifest["peerDependencies"] ?? {}).sort()).toEqual(["rxjs", "ws"]);
    expect(manifest["peerDependenciesMeta"]).toEqual({ rxjs: { optional: true }, ws: { optional: true } });
    for (const script of ["preinstall", "install", "postinstall", "prepare"]) expect(manifest["scripts"]).not.toHaveProperty(script);
    const locked = Object.entries(read("package-lock.json")["packages"] ?? {}) as [string, { integrity?: string; link?: boolean; dev?: boolean; inBundle?: boolean }][];
    const unpinned = locked.filter(([path, { integrity, link, inBundle }]) => path !== "" && link !== true && inBundle !== true && !(integrity ?? "").startsWith("sha512-")).map(([path]) => path);
    expect(unpinned).toEqual([]);
  });

  test("nothing in the sources runs text as code", () => {
    const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const found = files.filter((name) => /\beval\(|new Function\(|node:vm/.test(readFileSync(join(root, "src", name), "utf8")));
    expect(found).toEqual([]);
  });
});

describe("Q.plain Q.downgrade Q.mechanism through the door", () => {
  /** A peer that offers these, and what it was sent of SASL. */
  async function offering(mechanisms: readonly string[], options: ConnectOptions): Promise<{ error: Error | undefined; chosen: unknown; connection: Connection | undefined }> {
    let chosen: unknown;
    const peer = await serve(async (script) => {
      script.sendHeader("sasl");
      await script.expectHeader("sasl");
      script.send("sasl-mechanisms", { saslServerMechanisms: mechanisms });
      const init = await script.next().catch(() => undefined);
      chosen = init?.name === "sasl-init" ? init.fields["mechanism"] : undefined;
      if (chosen === undefined) return;
      if (String(chosen).startsWith("SCRAM")) {
        script.drop();
        return;
      }
      script.send("sasl-outcome", { code: 0 });
      await script.expectHeader("amqp");
      script.sendHeader("amqp");
      await script.expect("open");
      script.send("open", {});
      await answerClosing(script);
    });
    try {
      const connection = await connect(peer.url, { ...ONCE, ...options });
      await connection.close();
      return { error: undefined, chosen, connection };
    } catch (error) {
      await turns();
      return { error: error as Error, chosen, connection: undefined };
    }
  }

  test("Q.plain where it is not allowed in clear text nothing is sent, and the error says what to do", async () => {
    const { error, chosen } = await offering(["PLAIN", "ANONYMOUS"], { user: "u", password: "canary", allowInsecureMechs: false });
    expect([chosen, error?.message]).toEqual([undefined, expect.stringContaining("PLAIN refused on unencrypted connection")]);
    expect((await offering(["PLAIN"], { user: "u", password: "p" })).chosen).toBe("PLAIN");
  });

  test("Q.downgrade a password never becomes ANONYMOUS, and no SASL is no way around it", async () => {
    expect(await offering(["ANONYMOUS"], { user: "u", password: "canary" })).toMatchObject({ chosen: undefined, error: { code: "mechanism-refused" } });
    const plain = await serve(async (script) => {
      await script.expectHeader();
      script.sendHeader("amqp");
      await script.untilEof();
    });
    const error = await failure(connect(plain.url, { ...ONCE, user: "u", password: "canary" }));
    expect(error).toMatchObject({ name: "ConnectionError" });
    expect(error.message).not.toContain("canary");
  });

  test("Q.mechanism the client's order counts, not the peer's", async () => {
    expect((await offering(["ANONYMOUS", "PLAIN", "EXTERNAL"], {})).chosen).toBe("ANONYMOUS");
    expect((await offering(["ANONYMOUS", "EXTERNAL", "PLAIN"], { user: "u", password: "p" })).chosen).toBe("PLAIN");
    expect((await offering(["PLAIN", "XOAUTH2", "OAUTHBEARER"], { token: "t" })).chosen).toBe("OAUTHBEARER");
    expect((await offering(["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], { user: "u", password: "p" })).chosen).toBe("SCRAM-SHA-256");
  });
});
