/** Q.secrets, the canary: passwords and tokens that are used in every way there is are in nothing that a program could print, in no spelling. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { connect, Container } from "../../src/index.ts";
import type { Connection, ConnectOptions } from "../../src/index.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { turns, until } from "../client/support.ts";
import { afterwards, answerClosing, serve, within } from "../protocol/harness.ts";
import { certificates } from "../transport/certificates.ts";

/** With octets that base64, urls and JSON spell differently. */
const PASSWORD = "canary-2718/281 828:pa$s@w%rd";
const TOKEN = "canary-1618.eyJ0b2tlbiI6MX0.c2VjcmV0-_~";
const IN_URL = encodeURIComponent(PASSWORD);

/** Every spelling in which one of them could show: as it is, percent-encoded, as JSON, in base64 at each offset, in hex, as numbers, and as PLAIN, OAUTHBEARER and XOAUTH2 send them. */
const SPELLINGS: readonly string[] = [PASSWORD, TOKEN].flatMap((secret) => {
  const octets = Buffer.from(secret);
  const base64 = [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), octets]).toString("base64");
    const inner = text.slice(4, 4 + Math.floor((octets.length - 4) / 3) * 4 - 4);
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const numbers = [...octets].slice(2, 12);
  return [
    secret, encodeURIComponent(secret), encodeURI(secret), escape(secret), JSON.stringify(secret).slice(1, -1), ...base64,
    octets.toString("hex"), octets.toString("hex").toUpperCase(), numbers.map((each) => each.toString(16)).join(" "), numbers.join(","), numbers.join(", "),
    secret.slice(0, 14), secret.slice(-12), octets.toString("utf16le"),
  ];
});

let printed: string[] = [];
/** What explain() said. */
const explained: string[] = [];

beforeEach(() => {
  printed = [];
  process.env["LEPTONMQ_TRACE"] = "frames";
  const keep = (text: unknown): boolean => printed.push(String(text)) > 0;
  const spies = [jest.spyOn(process.stderr, "write").mockImplementation(keep), jest.spyOn(process.stdout, "write").mockImplementation(keep), jest.spyOn(process, "emitWarning").mockImplementation((warning) => void keep(show(warning)))];
  afterwards(async () => spies.forEach((spy) => spy.mockRestore()));
});

afterEach(() => {
  delete process.env["LEPTONMQ_TRACE"];
});

/** Everything that a program could print of a value: inspected whole, as JSON, as text, and of an error its stack and causes. */
function show(value: unknown): string {
  const parts = [inspect(value, { depth: 14, showHidden: true, getters: true, maxArrayLength: 200, maxStringLength: 20_000, breakLength: Infinity }), inspect(value), String(value)];
  try {
    parts.push(JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? "");
  } catch {
    parts.push("goes in a circle");
  }
  for (let error = value; error instanceof Error; error = error.cause) {
    parts.push(error.message, error.stack ?? "", inspect(error, { depth: 8, showHidden: true }), JSON.stringify(Object.getOwnPropertyDescriptors(error), (key, each: unknown) => (key === "" || typeof each !== "object" ? each : String(each))));
    const { errors } = error as { errors?: unknown };
    if (Array.isArray(errors)) parts.push(...errors.map((each) => (each === value ? "" : inspect(each, { depth: 8, showHidden: true }))));
  }
  return parts.join("\n");
}

function expectHidden(what: string, value: unknown): void {
  const text = typeof value === "string" ? value : show(value);
  expect([what, SPELLINGS.filter((spelling) => text.includes(spelling))]).toEqual([what, []]);
}

/** A client whose logger, onError, handlers and statuses are kept; what it is to be done with it is told by `use`. */
async function watched(url: string | undefined, options: ConnectOptions, use: (connection: Connection) => Promise<unknown> = async () => undefined): Promise<string[]> {
  const said: string[] = [];
  const log = (...all: unknown[]): void => void said.push(all.map(show).join(" "));
  const heard = Object.fromEntries(["on_transport_error", "on_disconnected", "on_reconnecting", "on_connection_opened", "on_connection_error"].map((name) => [name, ({ error }: { error?: unknown }) => log(name, error)]));
  const container = new Container({ onError: log, logger: { debug: log, info: log, warn: log, error: log }, handlers: heard, connection: {} });
  const opening = url === undefined ? container.connect(undefined, { timeout: 4_500, ...options }) : container.connect(url, { timeout: 4_500, ...options });
  const { endpoint } = opening;
  const watching = (async () => { for await (const status of endpoint.status()) log("status", status); })();
  expectHidden("while it connects", endpoint);
  try {
    const connection = await opening;
    for (const part of [connection, container, connection.identity, connection.state]) log(part);
    await use(connection);
  } catch (error) {
    log("error", error);
  }
  await container.close({ timeout: 500 }).catch(log);
  log("closed", await endpoint.closed);
  log(container, endpoint);
  await within(watching, "the last status");
  return said;
}

test("Q.secrets the net itself: what it is to catch, it catches", () => {
  const caught = (value: unknown): boolean => SPELLINGS.some((spelling) => show(value).includes(spelling));
  const hidden = Object.defineProperty({}, "password", { value: PASSWORD });
  const plain = Buffer.from(`\0user\0${PASSWORD}`);
  const bearer = Buffer.from(`n,a=u,\u0001auth=Bearer ${TOKEN}\u0001\u0001`);
  const leaks: unknown[] = [new Error("x", { cause: new Error(`for ${PASSWORD}`) }), hidden, [[[{ token: TOKEN }]]], plain, plain.toString("base64"), plain.toString("hex"), bearer, bearer.toString("base64url"), `amqp://u:${IN_URL}@h`, { toJSON: () => PASSWORD }];
  expect(leaks.map(caught)).toEqual(leaks.map(() => true));
  expect(caught({ user: "u", password: "***" })).toBe(false);
});

/** The ways in which who we are can be given. */
const GIVEN: readonly [string, ConnectOptions, (url: string) => string][] = [
  ["options", { user: "u", password: PASSWORD }, (url) => url],
  ["the url", {}, (url) => url.replace("://", `://u:${IN_URL}@`)],
  ["a credentials function", { credentials: async () => ({ user: "u", password: PASSWORD, expiresAt: Date.now() + 3_600_000 }) }, (url) => url],
  ["a token", { token: TOKEN }, (url) => url],
  ["a token function", { token: () => TOKEN }, (url) => url],
];
const MECHANISMS = ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "XOAUTH2"];

test.each(GIVEN)("Q.secrets %s: every mechanism, let in and refused", async (_what, options, spell) => {
  const server = new Container({ onError: (error) => printed.push(show(error)) });
  afterwards(() => server.close({ timeout: 0 }));
  for (const mechanism of MECHANISMS.filter((each) => (options.token === undefined) !== (each === "OAUTHBEARER" || each === "XOAUTH2"))) {
    for (const lets of [true, false]) {
      const listener = await server.listen({
        port: 0, allowedMechs: mechanism, passwords: () => (lets ? PASSWORD : "another"), authenticateToken: (token) => lets && token === TOKEN,
      });
      const said = await watched(spell(listener.url), { reconnect: false, ...options }, async (connection) => {
        const [sender, receiver] = [connection.createSender("q"), connection.createReceiver("q")];
        for (const link of [sender, receiver]) link.catch(() => undefined);
        explained.push(show(sender.endpoint.explain()), show(receiver.endpoint.explain()), show(sender.endpoint));
      });
      const text = said.join("\n");
      expect(text).toContain(lets ? "connected" : "auth-failed");
      expectHidden(`${mechanism}, ${lets ? "let in" : "refused"}`, text);
      expectHidden("the listening side", listener);
    }
  }
  expectHidden("explain()", explained.join("\n"));
  expect(printed.join("")).toContain("sasl-init");
  expectHidden("trace, output and warnings", printed.join(""));
});

test("Q.secrets nobody there, no TLS there, a certificate of another, a peer that speaks something else, a url that is none", async () => {
  const { ca, elsewhere } = certificates();
  const server = new Container({ onError: (error) => printed.push(show(error)) });
  afterwards(() => server.close({ timeout: 0 }));
  const other = await server.listen({ port: 0, tls: elsewhere, authenticate: () => true });
  const gone = await ScriptedPeer.start(async () => undefined);
  await gone.close();
  const http = await serve(async (script) => { script.raw(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")); await script.untilEof().catch(() => []); }, { connections: 9 });
  const places = [gone.url, gone.url.replace("amqp:", "amqps:"), other.url, http.url, http.url.replace("amqp:", "amqps:"), http.url.replace("amqp:", "ws:"), "amqp://no-such-host.invalid:1"];
  for (const place of places) {
    for (const [what, options, spell] of GIVEN) {
      const said = await watched(spell(place), { reconnect: false, ...options, ...(place.startsWith("amqps") ? { tls: { ca, passphrase: PASSWORD } } : {}) });
      expect(said.join("\n")).toContain("error");
      expectHidden(`${place}, by ${what}`, said.join("\n"));
    }
  }
  for (const wrong of [`amqp://u:${IN_URL}@h:99999`, `amqp://u:${PASSWORD}@h`, `amqp://u:${IN_URL}@`, `amqp://u:${IN_URL}%zz@h`, `javascript://u:${IN_URL}@h`, `amqp://u:${IN_URL}@h?x=1`]) {
    const error = await (async () => { await connect(wrong); })().catch((thrown: unknown) => thrown);
    expectHidden(`the url ${wrong.slice(0, 9)}`, error);
  }
  expectHidden("trace, output and warnings", printed.join(""));
});

test("Q.secrets lost and looked for again, refused then, and sent elsewhere", async () => {
  const away = await serve(async (script) => { await script.handshake(); await answerClosing(script); }, { connections: 9 });
  const peer = await serve(async (script, index) => {
    if (index === 0) {
      await script.handshake();
      script.drop("rst");
    } else if (index === 1) {
      script.sendHeader("sasl");
      await script.expectHeader("sasl");
      script.send("sasl-mechanisms", { saslServerMechanisms: ["PLAIN", "OAUTHBEARER"] });
      await script.expect("sasl-init");
      script.send("sasl-outcome", { code: 4 });
    } else {
      await script.handshake({}, { mechanisms: ["PLAIN", "OAUTHBEARER"] });
      script.send("close", { error: { condition: "amqp:connection:redirect", info: { "network-host": "127.0.0.1", port: Number(new URL(away.url).port) } } });
      await script.untilEof().catch(() => []);
    }
  }, { connections: 99, timeout: 20_000 });
  for (const redirects of [undefined, { allow: ["127.0.0.1"] }]) {
    const said = await watched(peer.url.replace("://", `://u:${IN_URL}@`), { ...(redirects === undefined ? {} : { redirects }), reconnect: { initialDelay: 1, maxDelay: 2 } }, async (connection) => {
      await until(() => connection.url === away.url || connection.state.local === "closed");
    });
    expectHidden("what was said", said.join("\n"));
  }
  expectHidden("trace, output and warnings", printed.join(""));
});

test("Q.secrets a connect.json, as it is and with a mistake in it", async () => {
  const server = new Container({ onError: () => undefined });
  afterwards(() => server.close({ timeout: 0 }));
  const listener = await server.listen({ port: 0, authenticate: (_, password) => password === PASSWORD });
  const folder = mkdtempSync(join(tmpdir(), "leptonmq-canary-"));
  const file = join(folder, "connect.json");
  const before = process.env["MESSAGING_CONNECT_FILE"];
  process.env["MESSAGING_CONNECT_FILE"] = file;
  afterwards(async () => {
    if (before === undefined) delete process.env["MESSAGING_CONNECT_FILE"];
    else process.env["MESSAGING_CONNECT_FILE"] = before;
    rmSync(folder, { recursive: true, force: true });
  });
  const good = { scheme: "amqp", host: "127.0.0.1", port: listener.port, user: "u", password: PASSWORD };
  writeFileSync(file, JSON.stringify(good));
  const said = await watched(undefined, { reconnect: false });
  expect(said.join("\n")).toContain("connected");
  expectHidden("a good file", said.join("\n"));
  for (const text of [JSON.stringify({ ...good, port: PASSWORD }), JSON.stringify({ ...good, pasword: PASSWORD }), `{ "password": "${PASSWORD}", `, JSON.stringify({ ...good, user: [PASSWORD] }), JSON.stringify({ ...good, sasl: { mechanisms: { a: PASSWORD } } })]) {
    writeFileSync(file, text);
    const error = await (async () => { await connect(); })().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expectHidden("a file with a mistake", error);
  }
  await turns(2);
  expectHidden("trace, output and warnings", printed.join(""));
});
