/** J09: tokens by `$cbs`, and credentials that are renewed on the living connection before they expire. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, connect, Container } from "../../src/index.ts";
import type { AmqpError, Connection, ConnectOptions, Credentials, LinkRequest } from "../../src/index.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { decodeMessage, encodeMessage } from "../../src/testing/codec/message.ts";
import { toHex } from "../../src/testing/codec/octets.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { failure, settled, turns, until } from "../client/support.ts";
import { ONCE, afterwards, answerClosing, serve, within } from "../protocol/harness.ts";

const AUDIENCE = "sb://name.servicebus.windows.net/orders";

/** A message as the scripted peer's own codec reads it. */
function sections(frame: Frame): Record<string, Record<string, unknown>> {
  return Object.fromEntries(decodeMessage(frame.payload).map(({ name, value }) => [name, value instanceof Map ? Object.fromEntries(value) : value])) as Record<string, Record<string, unknown>>;
}

/** Answers the links that put a token, and gives credit; answers their attaches. */
async function tokenLinks(script: Script, count: number): Promise<Frame[]> {
  script.reply(await script.until("begin"));
  const attaches: Frame[] = [];
  while (attaches.length < count) {
    const attach = await script.until("attach");
    attaches.push(attach);
    script.reply(attach);
    if (attach.fields["role"] === "sender") script.send("flow", { handle: attach.fields["handle"], deliveryCount: 0, linkCredit: 10 });
  }
  return attaches;
}

/** Takes one put-token and answers it; answers the request. */
async function answerPut(script: Script, reply: Readonly<Record<string, unknown>> = { "status-code": 202, "status-description": "Accepted" }): Promise<Frame> {
  const request = await script.until("transfer");
  script.reply(request);
  await until(() => script.frames().some(({ name, channel, fields }) => name === "flow" && channel === request.channel && fields["handle"] === 1 && Number(fields["linkCredit"]) > 0));
  const { properties } = sections(request);
  script.send("transfer", { handle: 1, settled: true }, encodeMessage({ properties: { correlationId: properties?.["messageId"] }, applicationProperties: reply }));
  return request;
}

/** Answers how a session with its links ends. */
async function ended(script: Script): Promise<void> {
  for (;;) {
    const frame = await script.next();
    if (frame.name === "detach" || frame.name === "end") script.reply(frame);
    if (frame.name === "end") return;
  }
}

interface Scene {
  readonly peer: Script;
  readonly clock: ManualClock;
  readonly errors: AmqpError[];
  readonly logged: [string, unknown][];
  readonly opening: ReturnType<Container["connect"]>;
  leave(): void;
}

/** A scripted peer that has been connected to, up to both opens. */
async function scene(options: ConnectOptions, open: Record<string, unknown> = {}, mechanisms: readonly string[] = ["ANONYMOUS", "PLAIN", "OAUTHBEARER"]): Promise<Scene> {
  const given = new Deferred<Script>();
  const over = new Deferred<void>();
  const clock = new ManualClock();
  const errors: AmqpError[] = [];
  const logged: [string, unknown][] = [];
  const log = (message: string, fields?: unknown): void => void logged.push([message, fields]);
  const peer = await serve(async (script) => {
    await script.handshake(open, { mechanisms });
    given.resolve(script);
    await over.promise;
  }, { timeout: 4000 });
  const container = new Container({ clock, onError: (error) => errors.push(error), logger: { debug: log, info: log, warn: log, error: log } });
  const opening = container.connect(peer.url, { idleTimeout: 0, ...options });
  opening.catch(() => {});
  afterwards(async () => {
    over.resolve();
    await container.close({ timeout: 0 });
  });
  return { peer: await given.promise, clock, errors, logged, opening, leave: () => over.resolve() };
}

const in60s = (credentials: (attempt: number) => { token: string } | { user: string; password: string }): { credentials: () => Credentials; times: () => number } => {
  let times = 0;
  return { credentials: () => ({ ...credentials(++times), expiresAt: Date.now() + 60_000 * times }) as Credentials, times: () => times };
};

describe("J09 cbs: a token put to $cbs right after the open", () => {
  test("SASL ANONYMOUS, then put-token as Azure has it, byte by byte, and only then the program's links", async () => {
    const expiresAt = 1_900_000_000_000;
    const { peer, opening } = await scene({ credentials: () => ({ token: "SharedAccessSignature sr=x", expiresAt }), cbs: { audience: AUDIENCE, type: "servicebus.windows.net:sastoken" } });
    expect(peer.frames().find(({ name }) => name === "sasl-init")?.fields["mechanism"]).toBe("ANONYMOUS");
    const early = opening.endpoint.createSender("orders");
    const [sender, receiver] = await tokenLinks(peer, 2);
    expect(sender?.fields).toMatchObject({ role: "sender", target: { address: "$cbs" } });
    expect(receiver?.fields).toMatchObject({ role: "receiver", source: { address: "$cbs" } });
    const replyTo = (receiver?.fields["target"] as { address: string }).address;
    const request = await answerPut(peer);
    const { properties } = sections(request);
    expect(properties).toMatchObject({ to: "$cbs", replyTo, messageId: expect.any(String) });
    // application-properties: operation, type, name (texts), expiration (timestamp); amqp-value: the token as text
    const hex = (text: string): string => Buffer.from(text).toString("hex");
    const text = (value: string): string => `a1${value.length.toString(16).padStart(2, "0")}${hex(value)}`;
    const pairs = text("operation") + text("put-token") + text("type") + text("servicebus.windows.net:sastoken") + text("name") + text(AUDIENCE) + text("expiration") + "83000001ba5e953c00".replace("000001ba5e953c00", BigInt(expiresAt).toString(16).padStart(16, "0"));
    const map = `005374c1${(pairs.length / 2 + 1).toString(16)}08${pairs}`;
    expect(toHex(request.payload).endsWith(`${map}005377${text("SharedAccessSignature sr=x")}`)).toBe(true);
    expect(await settled(opening)).toBe(false);
    expect(peer.frames().filter(({ name }) => name === "attach")).toHaveLength(2);
    await ended(peer);
    const connection = await within(opening, "the connection");
    peer.reply(await peer.until("begin"));
    peer.reply(await peer.until("attach", { target: { address: "orders" } }));
    await within(early, "the sender");
    expect([...connection.links()]).toEqual([await early]);
  });

  test("handlers hear of the connection when the token is taken, and nothing of the links that put it", async () => {
    const heard: string[] = [];
    const handler = Object.fromEntries(["on_connection_opened", "on_session_opened", "on_session_closed", "on_link_opened", "on_link_closed", "on_link_local_open", "on_accepted", "on_message"]
      .map((name) => [name, () => void heard.push(name)]));
    const { peer, opening } = await scene({ token: "t", cbs: { audience: "sb://a" }, handler });
    await tokenLinks(peer, 2);
    expect(heard).toEqual([]);
    await answerPut(peer);
    await ended(peer);
    await within(opening, "the connection");
    await turns();
    expect(heard).toEqual(["on_connection_opened"]);
  });

  test("several audiences: the same token for each; the type is jwt unless it is told otherwise", async () => {
    const { peer, opening } = await scene({ token: async () => "tok", cbs: { audience: ["sb://a", "sb://b"] } });
    await tokenLinks(peer, 2);
    const seen = [sections(await answerPut(peer)), sections(await answerPut(peer, { "status-code": 200 }))];
    expect(seen.map((one) => one["applicationProperties"])).toEqual(["sb://a", "sb://b"].map((name) => ({ operation: "put-token", type: "jwt", name })));
    expect(seen.map((one) => one["value"])).toEqual(["tok", "tok"]);
    await ended(peer);
    await within(opening, "the connection");
  });

  test.each<[string, Record<string, unknown>, string, boolean]>([
    ["401", { "status-code": 401, "status-description": "InvalidSignature\u0007" }, "put-token for sb://a was answered with 401: InvalidSignature\ufffd", false],
    ["404 with a condition", { "status-code": 404, "error-condition": "amqp:not-found" }, "404: amqp:not-found", false],
    ["503", { "status-code": 503 }, "answered with 503", true],
    ["no status", {}, "answered with no status", false],
  ])("refused with %s: the attempt fails, nothing of the program's was begun, and the connection is closed", async (_what, reply, text, retryable) => {
    const { peer, opening } = await scene({ token: "canary-token", cbs: { audience: "sb://a" } });
    const early = failure(opening.endpoint.createSender("q"));
    await tokenLinks(peer, 2);
    await answerPut(peer, reply);
    const error = await failure(opening);
    expect(error).toMatchObject({ name: "ConnectionError", code: "auth-failed", origin: "remote", retryable, errors: [{ name: "SaslError" }] });
    expect(error.message).toContain(text);
    expect(`${error.message} ${error.stack}`).not.toContain("canary-token");
    expect(await early).toMatchObject({ code: "auth-failed" });
    await peer.until("close");
    expect(peer.frames().filter(({ name }) => name === "begin")).toHaveLength(1);
  });

  test("a node that does not answer: TimeoutError within the time of a request", async () => {
    const { peer, opening, clock } = await scene({ token: "t", cbs: { audience: "sb://a" }, timeouts: { request: 1_000 } });
    await tokenLinks(peer, 2);
    peer.reply(await peer.until("transfer"));
    await turns();
    await clock.advance(1_000);
    expect(await failure(opening)).toMatchObject({ code: "timeout" });
  });

  test("a peer without such a node: its own words", async () => {
    const { peer, opening } = await scene({ token: "t", cbs: { audience: "sb://a" } });
    peer.reply(await peer.until("begin"));
    const attach = await peer.until("attach");
    peer.send("attach", { name: attach.fields["name"], role: "receiver", handle: 0, target: null });
    peer.send("detach", { handle: 0, closed: true, error: { condition: "amqp:not-found", description: "no $cbs" } });
    peer.reply(await peer.until("attach", { role: "receiver" }));
    expect(await failure(opening)).toMatchObject({ code: "link-refused", condition: "amqp:not-found" });
  });

  test("the peer hangs up meanwhile: the attempt fails, and nothing is left", async () => {
    const { peer, opening, leave } = await scene({ token: "t", cbs: { audience: "sb://a" } });
    await peer.until("begin");
    peer.drop("rst");
    leave();
    expect(await failure(opening)).toMatchObject({ code: "disconnected" });
  });

  test("closing meanwhile", async () => {
    const { peer, opening, clock } = await scene({ token: "t", cbs: { audience: "sb://a" } });
    await peer.until("begin");
    await within(opening.endpoint.close(), "close");
    expect(await failure(opening)).toMatchObject({ code: "connection-closed" });
    await turns();
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  test("B48 refused on an unencrypted connection where that is not allowed, before anything is said", async () => {
    const peer = await serve(async (script) => {
      await script.expectEof();
    });
    expect(await failure(connect(peer.url, { ...ONCE, token: "t", cbs: { audience: "a" }, allowInsecureMechs: false }))).toMatchObject({
      code: "mechanism-refused", message: expect.stringContaining("cbs refused on unencrypted connection"),
    });
    await peer.done;
  });

  test.each<[ConnectOptions, RegExp]>([
    [{ cbs: { audience: "a" } }, /"cbs" needs option "token"/],
    [{ cbs: { audience: "a" }, user: "u", password: "p" }, /"cbs" needs option "token"/],
    [{ token: "t", cbs: {} as never }, /"cbs.audience" must be a text or a list of texts/],
    [{ token: "t", cbs: { audience: "" } }, /"cbs.audience" must be/],
    [{ token: "t", cbs: { audience: ["a", ""] } }, /"cbs.audience" must be/],
    [{ token: "t", cbs: { audience: "a", typ: "jwt" } as never }, /did you mean "type"/],
  ])("options that cannot work: %j", (options, message) => {
    expect(() => connect("amqp://127.0.0.1:1", options)).toThrow(ConfigError);
    expect(() => connect("amqp://127.0.0.1:1", options)).toThrow(message);
  });

  test("a credentials function without a token", async () => {
    const peer = await serve(async (script) => {
      await script.expectEof();
    });
    expect(await failure(connect(peer.url, { ...ONCE, credentials: () => ({ user: "u", password: "p" }), cbs: { audience: "a" } }))).toMatchObject({ code: "auth-failed", message: expect.stringContaining("no token") });
    await peer.done;
  });
});

describe("J09 renewal by $cbs", () => {
  const opened = async (credentials: ConnectOptions["credentials"], more: ConnectOptions = {}): Promise<Scene & { connection: Connection }> => {
    const one = await scene({ credentials, cbs: { audience: "sb://a" }, ...more });
    await tokenLinks(one.peer, 2);
    await answerPut(one.peer);
    await ended(one.peer);
    return { ...one, connection: await within(one.opening, "the connection") };
  };

  test("in time: when a fifth of the life is left, with the token of that moment, and again before that ends", async () => {
    const { credentials, times } = in60s((n) => ({ token: `token-${n}` }));
    const { peer, clock, errors, logged } = await opened(credentials);
    await clock.advance(47_000);
    expect(times()).toBe(1);
    await clock.advance(1_500);
    expect(times()).toBe(2);
    await tokenLinks(peer, 2);
    expect(sections(await answerPut(peer))).toMatchObject({ value: "token-2", applicationProperties: { operation: "put-token", type: "jwt", name: "sb://a" } });
    await ended(peer);
    await until(() => logged.some(([message]) => message === "the credentials were renewed"));
    // the second ones are good for 120 s
    await clock.advance(90_000);
    expect(times()).toBe(2);
    await clock.advance(7_000);
    expect(times()).toBe(3);
    await tokenLinks(peer, 2);
    expect(sections(await answerPut(peer))).toMatchObject({ value: "token-3" });
    await ended(peer);
    expect(errors).toEqual([]);
  });

  test("at the latest five minutes before the end of a long life", async () => {
    let asked = 0;
    const { clock } = await opened(() => ({ token: "t", expiresAt: Date.now() + 10 * 3_600_000 * ++asked }));
    await clock.advance(10 * 3_600_000 - 310_000);
    expect(asked).toBe(1);
    await clock.advance(11_000);
    expect(asked).toBe(2);
  });

  test("failures go to onError and are tried again, later and later, until the present ones end", async () => {
    const broken = new Error("the vault is sealed");
    let failing = false;
    const attempts: number[] = [];
    const { clock, errors, connection } = await opened(({ attempt }) => {
      attempts.push(attempt);
      if (failing) throw broken;
      return { token: "t", expiresAt: Date.now() + 60_000 };
    });
    failing = true;
    await clock.advance(48_500);
    expect(attempts).toEqual([1, 1]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ name: "SaslError", code: "auth-failed", retryable: true, cause: { cause: broken } });
    expect(errors[0]?.message).toMatch(/^the credentials could not be renewed, and expire in \d+ s; the next try is in 1 s: the credentials function failed for .*: the vault is sealed$/);
    await clock.advance(1_000);
    expect(attempts).toEqual([1, 1, 2]);
    await clock.advance(2_000);
    await clock.advance(4_000);
    expect(attempts).toEqual([1, 1, 2, 3, 4]);
    await clock.advance(60_000);
    expect(attempts).toEqual([1, 1, 2, 3, 4]);
    expect(errors.at(-1)?.message).toMatch(/it is not tried again/);
    expect(connection.state.remote).toBe("active");
  });

  test("one that succeeds after a failure goes on as usual", async () => {
    const { credentials, times } = in60s((n) => ({ token: `token-${n}` }));
    const { peer, clock, errors } = await opened(credentials);
    await clock.advance(48_500);
    await tokenLinks(peer, 2);
    await answerPut(peer, { "status-code": 500 });
    await ended(peer);
    await until(() => errors.length === 1);
    expect(errors[0]?.message).toContain("put-token for sb://a was answered with 500");
    expect(errors[0]?.message).not.toContain("token-2");
    await clock.advance(1_000);
    await tokenLinks(peer, 2);
    expect(sections(await answerPut(peer))).toMatchObject({ value: "token-3" });
    await ended(peer);
    expect(times()).toBe(3);
    expect(errors).toHaveLength(1);
  });

  test("an error that says it is not retryable ends the trying", async () => {
    let failing = false;
    const { clock, errors } = await opened(() => {
      if (failing) throw Object.assign(new Error("revoked"), { retryable: false });
      return { token: "t", expiresAt: Date.now() + 60_000 };
    });
    failing = true;
    await clock.advance(49_000);
    await clock.advance(60_000);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ retryable: false, message: expect.stringContaining("it is not tried again: the credentials function failed") });
  });

  test("credentials that end no later than the present ones are no renewal, and make no loop", async () => {
    const expiresAt = Date.now() + 60_000;
    let asked = 0;
    const { clock, errors } = await opened(() => { asked++; return { token: "t", expiresAt }; });
    await clock.advance(48_500);
    expect(asked).toBe(2);
    expect(errors[0]?.message).toContain("expire no later than the present ones");
    await clock.advance(60_000);
    expect(asked).toBeLessThanOrEqual(6);
  });

  test("a function that never answers is given up within the time of a request", async () => {
    let hanging = false;
    const { clock, errors } = await opened(() => (hanging ? new Promise(() => {}) : { token: "t", expiresAt: Date.now() + 60_000 }), { timeouts: { request: 3_000 } });
    hanging = true;
    await clock.advance(48_500);
    await clock.advance(3_000);
    expect(errors[0]).toMatchObject({ cause: { name: "TimeoutError" }, message: expect.stringContaining("the credentials function did not answer") });
  });

  test("ends with the connection: no timer is left", async () => {
    const { credentials, times } = in60s(() => ({ token: "t" }));
    const { peer, clock, connection } = await opened(credentials);
    const closing = connection.close();
    await answerClosing(peer);
    await within(closing, "close");
    await clock.advance(120_000);
    expect(times()).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test("a token without an end, and one of option token, are put once", async () => {
    const { clock } = await opened(undefined, { token: "t" });
    await clock.advance(10 * 24 * 3_600_000);
    const other = await opened(() => ({ token: "t" }));
    await other.clock.advance(10 * 24 * 3_600_000);
  });
});

describe("J09 renewal where the peer itself takes new credentials", () => {
  test("AMQP_CBS_V1_0: set-token to the node that the open names, the outcome is the answer", async () => {
    const { credentials } = in60s((n) => ({ token: `token-${n}` }));
    const { peer, opening, clock, errors } = await scene({ credentials }, { offeredCapabilities: ["AMQP_CBS_V1_0"], properties: { $cbs: "tokens" } });
    await within(opening, "the connection");
    expect(peer.frames().find(({ name }) => name === "sasl-init")?.fields["mechanism"]).toBe("OAUTHBEARER");
    await clock.advance(48_500);
    const [attach] = await tokenLinks(peer, 1);
    expect(attach?.fields).toMatchObject({ role: "sender", target: { address: "tokens" } });
    const transfer = await peer.until("transfer");
    // properties: subject "set-token"; application-properties: token-type "jwt"; amqp-value: the token
    expect(toHex(transfer.payload).endsWith("005374c11302a10a746f6b656e2d74797065a1036a7774".replace("c113", "c112") + "005377a107746f6b656e2d32")).toBe(true);
    expect(sections(transfer)).toMatchObject({ properties: { subject: "set-token" }, applicationProperties: { "token-type": "jwt" }, value: "token-2" });
    peer.send("disposition", { role: "receiver", first: transfer.fields["deliveryId"], settled: true, state: { type: "rejected", error: { condition: "amqp:unauthorized-access", description: "no" } } });
    await ended(peer);
    await until(() => errors.length === 1);
    expect(errors[0]?.message).toContain("set-token was rejected: amqp:unauthorized-access, no");
    await clock.advance(1_000);
    await tokenLinks(peer, 1);
    const again = await peer.until("transfer");
    expect(sections(again)).toMatchObject({ value: "token-3" });
    peer.reply(again);
    await ended(peer);
    expect(errors).toHaveLength(1);
  });

  test("without a name of its own the node is $cbs", async () => {
    const { credentials } = in60s(() => ({ token: "t" }));
    const { peer, opening, clock } = await scene({ credentials }, { offeredCapabilities: ["AMQP_CBS_V1_0"] });
    await within(opening, "the connection");
    await clock.advance(48_500);
    const [attach] = await tokenLinks(peer, 1);
    expect(attach?.fields).toMatchObject({ target: { address: "$cbs" } });
  });

  const RABBIT = { offeredCapabilities: ["ANONYMOUS-RELAY", "LINK_PAIR_V1_0"] };

  test("RabbitMQ 4.1 and later: PUT /auth/tokens over the paired links of /management, the password being the token", async () => {
    const { credentials } = in60s((n) => ({ user: "any", password: `token-${n}` }));
    const { peer, opening, clock, errors, logged } = await scene({ credentials }, { ...RABBIT, properties: { product: "RabbitMQ", version: "4.1.2" } });
    await within(opening, "the connection");
    await clock.advance(48_500);
    const attaches = await tokenLinks(peer, 2);
    expect(attaches.map(({ fields }) => [fields["role"], fields["name"] === attaches[0]?.fields["name"]])).toEqual([["sender", true], ["receiver", true]]);
    for (const { fields } of attaches) expect(fields).toMatchObject({ source: { address: "/management" }, target: { address: "/management" }, properties: { paired: true } });
    const request = await peer.until("transfer");
    expect(sections(request)).toMatchObject({ properties: { to: "/auth/tokens", subject: "PUT", replyTo: "$me", messageId: expect.any(String) } });
    // amqp-value with the token as binary
    expect(toHex(request.payload).endsWith("005377a007746f6b656e2d32")).toBe(true);
    const reply = (status: string, body: unknown): void => peer.send("transfer", { handle: 1, settled: true },
      encodeMessage({ properties: { subject: status, correlationId: sections(request)["properties"]?.["messageId"] }, applicationProperties: { "http:response": "1.1" }, value: body }));
    reply("204", null);
    await ended(peer);
    await until(() => logged.some(([message]) => message === "the credentials were renewed"));
    expect(errors).toEqual([]);
  });

  test("RabbitMQ refuses: its status and words go to onError", async () => {
    const { credentials } = in60s(() => ({ user: "any", password: "canary" }));
    const { peer, opening, clock, errors } = await scene({ credentials }, { ...RABBIT, properties: { product: "RabbitMQ", version: "5.0" } });
    await within(opening, "the connection");
    await clock.advance(48_500);
    await tokenLinks(peer, 2);
    const request = await peer.until("transfer");
    peer.send("transfer", { handle: 1, settled: true }, encodeMessage({ properties: { subject: "400", correlationId: sections(request)["properties"]?.["messageId"] }, value: "bad token" }));
    await until(() => errors.length === 1);
    expect(errors[0]?.message).toContain("PUT /auth/tokens was answered with 400: bad token");
    expect(errors[0]?.message).not.toContain("canary");
  });

  test.each<[string, Record<string, unknown>]>([
    ["RabbitMQ 4.0, whose session would end", { ...RABBIT, properties: { product: "RabbitMQ", version: "4.0.5" } }],
    ["RabbitMQ 3", { properties: { product: "RabbitMQ", version: "3.13.0" } }],
    ["any other", {}],
  ])("%s, where there is no reconnecting: nothing is sent, and the log says that the credentials expire", async (_what, open) => {
    const { credentials, times } = in60s(() => ({ user: "u", password: "p" }));
    const { peer, opening, clock, logged } = await scene({ credentials, reconnect: false }, open);
    await within(opening, "the connection");
    await clock.advance(100_000);
    expect(times()).toBe(1);
    expect(peer.frames().map(({ name }) => name)).not.toContain("begin");
    expect(logged).toContainEqual(["the credentials expire, this peer takes no new ones on a living connection, and there will be no other", { expiresAt: expect.any(String) }]);
  });

  test("a token never goes to the node of a peer that others could read along with", async () => {
    const { credentials, times } = in60s(() => ({ user: "u", password: "p" }));
    const { opening, clock } = await scene({ credentials, reconnect: false, allowInsecureMechs: false, mechanisms: { "X-OWN": () => ({ start: () => "x", challenge: () => undefined }) } },
      { ...RABBIT, properties: { product: "RabbitMQ", version: "4.2.0" } }, ["X-OWN"]);
    await within(opening, "the connection");
    await clock.advance(100_000);
    expect(times()).toBe(1);
  });
});

test("J09 a listener of ours that plays $cbs: links wait for the token, which is renewed while messages go on", async () => {
  const tokens: unknown[] = [];
  const clock = new ManualClock();
  const server = new Container({ onError: () => {} });
  const client = new Container({ clock });
  afterwards(async () => {
    await client.close({ timeout: 500 }).catch(() => {});
    await server.close({ timeout: 0 });
  });
  const listener = await server.listen({ port: 0 });
  const authorised = new Set<Connection>();
  const replies = new Map<Connection, Deferred<LinkRequest>>();
  const repliesOf = (connection: Connection): Deferred<LinkRequest> => {
    if (!replies.has(connection)) replies.set(connection, new Deferred());
    return replies.get(connection)!;
  };
  void listener.serve(async (request) => {
    const { connection } = request;
    if (request.role === "sender") {
      repliesOf(connection).resolve(request);
      return;
    }
    if (request.target?.address !== "$cbs") {
      if (!authorised.has(connection)) return request.refuse({ condition: "amqp:unauthorized-access" });
      for await (const _ of await request.accept()) { /* taken */ }
      return;
    }
    const receiver = await request.accept();
    const asked = await repliesOf(connection).promise;
    replies.delete(connection);
    const sender = asked.role === "sender" ? await asked.accept() : undefined;
    for await (const { message } of receiver) {
      tokens.push([message.body, message.properties["type"], message.properties["name"]]);
      authorised.add(connection);
      await sender?.send({ correlationId: message.id, properties: { "status-code": 202 } });
    }
  });
  const { credentials } = in60s((n) => ({ token: `token-${n}` }));
  const connection = await client.connect(listener.url, { credentials, cbs: { audience: ["a", "b"] }, idleTimeout: 0 });
  const sender = await connection.createSender("q");
  await sender.send({ body: 1 });
  await clock.advance(48_500);
  await until(() => tokens.length === 4);
  await sender.send({ body: 2 });
  expect(tokens).toEqual([["token-1", "jwt", "a"], ["token-1", "jwt", "b"], ["token-2", "jwt", "a"], ["token-2", "jwt", "b"]]);
});
