/** Q.secrets, end to end: whatever is logged, traced, thrown or inspected, on both sides, shows no password, token, key or what they are sent as. */

import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { inspect } from "node:util";
import { connect, Container, scramCredentials } from "../../src/index.ts";
import type { ConnectOptions, ListenOptions, Sender } from "../../src/index.ts";
import { resolveConnectOptions } from "../../src/options/resolve-connect.ts";
import { resolveListenOptions } from "../../src/options/resolve-listen.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { failure, turns } from "../client/support.ts";
import { ONCE, afterwards } from "../protocol/harness.ts";

const CANARY = "canary-5772156649";
const OTHER = "canary-9159655941";

/** How a secret could show: as it is, in base64, in hex, percent-encoded, and as the numbers that inspect prints of octets. */
const traces = [CANARY, OTHER].flatMap((secret) => {
  const octets = Buffer.from(secret);
  const numbers = [...octets].slice(0, 8);
  return [secret, octets.toString("base64").slice(0, 12), octets.toString("hex"), numbers.join(", "), numbers.join(","), [...octets].slice(0, 8).map((one) => one.toString(16)).join(" ")];
});

let lines: string[] = [];

beforeEach(() => {
  lines = [];
  process.env["LEPTONMQ_TRACE"] = "frames";
  const write = jest.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  afterwards(async () => write.mockRestore());
});

afterEach(() => {
  delete process.env["LEPTONMQ_TRACE"];
});

/** Everything that a program could print of a value. */
function shown(value: unknown): string {
  const deep = inspect(value, { depth: 12, getters: true, maxArrayLength: 400, maxStringLength: 20_000, breakLength: Infinity });
  const error = value instanceof Error ? `${value.message} ${value.stack} ${inspect(value.cause, { depth: 6 })}` : "";
  let json = "";
  try {
    json = JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one)) ?? "";
  } catch {
    json = ""; // goes in a circle: nobody can print it so
  }
  return `${deep} ${error} ${json} ${String(value)}`;
}

function expectHidden(what: string, text: string): void {
  const found = traces.filter((trace) => text.includes(trace));
  expect([what, found]).toEqual([what, []]);
}

interface Case {
  readonly listen: ListenOptions;
  readonly options: ConnectOptions;
}

const kept = scramCredentials(CANARY);
const passwords = (user: string): string | undefined => (user === "u" ? CANARY : undefined);
const CASES: Record<string, () => Promise<Case>> = {
  "PLAIN": async () => ({ listen: { authenticate: (_, password) => password === CANARY }, options: { user: "u", password: CANARY } }),
  "SCRAM-SHA-512, from the password": async () => ({ listen: { passwords }, options: { user: "u", password: CANARY } }),
  "SCRAM-SHA-256, from what is kept": async () => {
    const found = await kept;
    return { listen: { passwords: () => found, allowedMechs: "SCRAM-SHA-256" }, options: { user: "u", password: CANARY } };
  },
  "OAUTHBEARER, a token as text": async () => ({ listen: { authenticateToken: (token) => token === CANARY && "u" }, options: { token: CANARY } }),
  "XOAUTH2, a token function": async () => ({ listen: { authenticateToken: (token) => token === CANARY && "u", allowedMechs: "XOAUTH2" }, options: { token: async () => CANARY } }),
  "a credentials function": async () => ({ listen: { passwords }, options: { credentials: async () => ({ user: "u", password: CANARY, expiresAt: Date.now() + 3_600_000 }) } }),
  "a mechanism of one's own": async () => ({
    listen: { mechanisms: { "X-OWN": () => ({ start: (data) => (Buffer.from(data ?? []).toString() === CANARY ? { user: "u", additionalData: OTHER } : false), response: () => false }) } },
    options: { password: CANARY, user: "u", mechanisms: { "X-OWN": ({ password }) => ({ start: () => password, challenge: () => undefined }) } },
  }),
};

test.each(Object.entries(CASES))("Q.secrets %s: while it goes well, and when it is refused", async (_name, make) => {
  const { listen, options } = await make();
  const clock = new ManualClock();
  const said: unknown[] = [];
  const log = (...all: unknown[]): void => void said.push(all);
  const logger = { debug: log, info: log, warn: log, error: log };
  const server = new Container({ onError: log, logger });
  const client = new Container({ onError: log, logger, clock });
  afterwards(async () => {
    await client.close({ timeout: 0 });
    await server.close({ timeout: 0 });
  });
  const listener = await server.listen({ port: 0, ...listen });
  const incoming = listener[Symbol.asyncIterator]();
  const opening = client.connect(listener.url, { idleTimeout: 0, ...options });
  expectHidden("while it connects", shown(opening.endpoint));
  const connection = await opening;
  const there = (await incoming.next()).value;
  for (const [what, value] of Object.entries({ connection, there, listener, server, client, identity: there?.identity, status: await connection.status()[Symbol.asyncIterator]().next() })) expectHidden(what, shown(value));

  // one that is refused: the listener asks for something else
  const strict = await server.listen({ port: 0, authenticate: () => false, passwords: () => OTHER, authenticateToken: () => false, ...(options.mechanisms === undefined ? {} : { mechanisms: { "X-OWN": () => ({ start: () => false, response: () => false }) } }) });
  const refused = await failure(connect(strict.url, { ...ONCE, ...options }));
  expectHidden("the error", shown(refused));
  await turns();
  expectHidden("what was logged and told", said.map(shown).join("\n"));
  expect(lines.some((line) => line.includes("sasl-init"))).toBe(true);
  expectHidden("the trace", lines.join(""));
});

test("Q.secrets a token put to $cbs, and its renewal", async () => {
  const clock = new ManualClock();
  const said: unknown[] = [];
  const log = (...all: unknown[]): void => void said.push(all);
  const server = new Container({ onError: log });
  const client = new Container({ onError: log, logger: { debug: log, info: log, warn: log, error: log }, clock });
  afterwards(async () => {
    await client.close({ timeout: 0 });
    await server.close({ timeout: 0 });
  });
  const listener = await server.listen({ port: 0 });
  let asked = 0;
  const replies = new Deferred<Sender>();
  void listener.serve(async (request) => {
    if (request.role === "sender") {
      replies.resolve(await request.accept());
      return;
    }
    for await (const { message } of await request.accept()) {
      await (await replies.promise).send({ correlationId: message.id, properties: { "status-code": ++asked === 1 ? 200 : 401, "status-description": "no" } });
    }
  });
  const connection = await client.connect(listener.url, { idleTimeout: 0, cbs: { audience: "a" }, credentials: () => ({ token: CANARY, expiresAt: Date.now() + 60_000 * (asked + 1) }) });
  expectHidden("the connection", shown(connection));
  await clock.advance(50_000);
  await turns();
  expect(lines.filter((line) => line.includes("-> ") && line.includes("transfer")).length).toBeGreaterThan(0);
  expectHidden("the container", shown(client));
  expectHidden("what was logged and told", said.map(shown).join("\n"));
  expectHidden("the trace", lines.join(""));
});

test("Q.secrets options, once they are read, and errors about them", async () => {
  const options: ConnectOptions = {
    user: "u", password: CANARY, tls: { key: OTHER, cert: "c", passphrase: CANARY }, webSocket: { headers: { Authorization: OTHER } }, url: `wss://x:${OTHER}@h/${CANARY.slice(0, 0)}`,
  };
  expectHidden("connect", shown(resolveConnectOptions(undefined, options)));
  expectHidden("connect, token", shown(resolveConnectOptions("amqp://h", { token: CANARY })));
  expectHidden("listen", shown(resolveListenOptions({ port: 0, tls: { key: OTHER, cert: "c", passphrase: CANARY } })));
  for (const wrong of [{ user: 5, password: CANARY }, { token: [CANARY] }, { pasword: CANARY }, { tls: { passphrase: [CANARY] } }, { mechanisms: { OWN: CANARY } }, { cbs: { audience: "a" }, password: CANARY, user: "u" }]) {
    const error = await failure((async () => { await connect("amqp://127.0.0.1:1", wrong as never); })());
    expectHidden("the error", shown(error));
  }
});
