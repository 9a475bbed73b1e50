/** X06, Q.redirect, B94: a peer that sends the connection elsewhere is followed to hosts that the program has named, and to no others. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, connect, ConnectionError, Container, RedirectError, TlsError } from "../../src/index.ts";
import type { AmqpError, ConnectOptions, CredentialsContext, Listener } from "../../src/index.ts";
import { Redirects, targetOf, Trail } from "../../src/container/redirects.ts";
import { resolveConnectOptions } from "../../src/options/resolve-connect.ts";
import type { Script } from "../../src/testing/script.ts";
import type { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { failure, turns } from "../client/support.ts";
import { afterwards, answerClosing, answerLink, serve, within } from "../protocol/harness.ts";
import { certificates } from "../transport/certificates.ts";

type Info = Readonly<Record<string, unknown>>;

const QUICK: ConnectOptions = { timeout: 4_500, reconnect: { initialDelay: 1, maxDelay: 5 } };
const portOf = (place: { readonly url: string }): number => Number(new URL(place.url).port);
/** Where a peer of this machine is, as `info` says it. */
const at = (place: { readonly url: string }): Info => ({ "network-host": "127.0.0.1", port: portOf(place) });
const redirect = (info: Info): { error: object } => ({ error: { condition: "amqp:connection:redirect", description: "not here", info } });

/** A peer that opens and closes in one breath, sending everybody elsewhere. */
function signpost(info: () => Info): Promise<ScriptedPeer> {
  return serve(async (script) => {
    await script.handshake();
    script.send("close", redirect(info()));
    await script.until("close");
  }, { connections: 50 });
}

/** A peer that lets everybody in. */
function home(seen: (script: Script) => void = () => undefined): Promise<ScriptedPeer> {
  return serve(async (script) => {
    await script.handshake({ containerId: "home" });
    seen(script);
    await answerClosing(script);
  }, { connections: 50 });
}

describe("Q.redirect not followed unless it is allowed", () => {
  test.each<[string, ConnectOptions]>([["with reconnecting", QUICK], ["without", { timeout: 4_500, reconnect: false }], ["with an initial that goes on", { ...QUICK, reconnect: { initial: true, initialDelay: 1 } }]])(
    "%s: connect() rejects with a RedirectError that says where to, and nobody goes there", async (_what, options) => {
      let visits = 0;
      const away = await home(() => (visits += 1));
      const peer = await signpost(() => at(away));
      const error = await failure(connect(peer.url, options)) as RedirectError;
      expect(error).toBeInstanceOf(RedirectError);
      expect(error).toMatchObject({ code: "redirect", host: "127.0.0.1", port: portOf(away), address: undefined, scope: "connection", origin: "remote", retryable: false, condition: "amqp:connection:redirect" });
      expect(error.message).toBe(`the peer closed the connection: amqp:connection:redirect (not here); not followed: connect to 127.0.0.1:${portOf(away)}, or allow it by option redirects: { allow: ["127.0.0.1:${portOf(away)}"] }`);
      await turns();
      expect(visits).toBe(0);
    });

  test("on an open connection: it ends with the same, and is not tried again", async () => {
    let connections = 0;
    const peer = await serve(async (script) => {
      connections += 1;
      await script.handshake();
      await answerFirstLink(script);
      script.send("close", redirect({ hostname: "b.example", port: 5671 }));
      await script.until("close");
    }, { connections: 5 });
    const connection = await connect(peer.url, QUICK);
    await connection.createSender("q");
    expect(await connection.closed).toMatchObject({ name: "RedirectError", host: "b.example", port: 5671 });
    await turns();
    expect(connections).toBe(1);
  });

  test.each<[string, Info]>([
    ["no host", { port: 5672 }], ["no port", { "network-host": "b.example" }], ["port 0", { hostname: "b.example", port: 0 }], ["port 65536", { hostname: "b.example", port: 65_536 }],
    ["a port that is no number", { hostname: "b.example", port: "amqp" }], ["a host that can be none", { hostname: "b.example/\r\n\u001b[2J", port: 5672 }], ["an empty host", { hostname: "", port: 5672 }],
    ["a host that is no text", { "network-host": 5, port: 5672 }],
  ])("B94 a redirect with missing or impossible fields (%s) is an error that says so, allowed or not", async (_what, info) => {
    const peer = await signpost(() => info);
    for (const options of [QUICK, { ...QUICK, redirects: { allow: ["b.example", "*.example"] } }]) {
      const connection = await connect(peer.url, options).catch((thrown: unknown) => thrown as AmqpError);
      const error = connection instanceof Error ? connection : await within(connection.closed, "the end");
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ code: "redirect", condition: "amqp:connection:redirect" });
      expect(error?.message).toContain("not followed: the peer does not say where to, by network-host or hostname and a port");
    }
  });
});

describe("X06 followed where it is allowed", () => {
  test.each<[string, Partial<ConnectOptions>]>([["with reconnecting", {}], ["without", { reconnect: false }], ["with an initial that goes on", { reconnect: { initial: true, initialDelay: 1 } }]])(
    "%s: connect() resolves at the place that it was sent to, whose open asks for the hostname of the redirect", async (_what, options) => {
      let hostname: unknown;
      const away = await home((script) => (hostname = script.frames().find(({ name }) => name === "open")?.fields["hostname"]));
      const peer = await signpost(() => ({ ...at(away), hostname: "localhost" }));
      const asked: CredentialsContext[] = [];
      const connection = await connect(peer.url, {
        ...QUICK, ...options, redirects: { allow: [`127.0.0.1:${portOf(away)}`, "localhost"] }, credentials: (context) => { asked.push(context); return { user: "u", password: "p" }; },
      });
      expect([connection.remoteContainer, connection.url, connection.hostname, hostname]).toEqual(["home", `amqp://127.0.0.1:${portOf(away)}`, "localhost", "localhost"]);
      expect(asked.map(({ url }) => url)).toEqual([peer.url, `amqp://127.0.0.1:${portOf(away)}`]);
      await connection.close();
    });

  test("a redirect on an open connection takes its links along; when that place is lost, the url of the program is where it begins again", async () => {
    const order: string[] = [];
    let rounds = 0;
    const away: ScriptedPeer = await serve(async (script, connection) => {
      order.push("away");
      await answerLink(script);
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      script.reply(await script.until("transfer"));
      if (connection === 0) script.drop("rst");
      else await answerClosing(script);
    }, { connections: 2 });
    const peer = await serve(async (script) => {
      order.push("first");
      rounds += 1;
      await script.handshake();
      if (rounds === 1) await answerFirstLink(script);
      script.send("close", redirect(at(away)));
      await script.until("close");
    }, { connections: 2 });
    const connection = await connect(peer.url, { ...QUICK, redirects: { allow: ["127.0.0.1"] } });
    const sender = await connection.createSender("q");
    for (const body of [1, 2]) expect((await within(sender.send({ body }), "the send")).outcome).toEqual({ type: "accepted" });
    await within(connection.close(), "close()");
    expect(order).toEqual(["first", "away", "first", "away"]);
  });

  test("two containers: the listener that sends away, and the one that it sends to", async () => {
    const there = new Container({ id: "there", onError: () => undefined });
    const here = new Container({ id: "here", onError: () => undefined });
    afterwards(() => Promise.all([there.close({ timeout: 0 }), here.close({ timeout: 0 })]));
    const target = await there.listen({ port: 0 });
    const posted = await here.listen({ port: 0 });
    void sendAway(posted, at(target));
    void target.serve(async (request) => {
      if (request.role === "receiver") for await (const { message } of await request.accept()) bodies.push(message.body);
    });
    const bodies: unknown[] = [];
    const connection = await connect(posted.url, { ...QUICK, redirects: { allow: ["127.0.0.1"] } });
    afterwards(() => connection.close({ timeout: 500 }).catch(() => undefined));
    const sender = await connection.createSender("q");
    await sender.send({ body: "hello" });
    expect([connection.remoteContainer, bodies]).toEqual(["there", ["hello"]]);
  });

  test("three in a row, and no fourth", async () => {
    const last = await home();
    const third = await signpost(() => at(last));
    const second = await signpost(() => at(third));
    const first = await signpost(() => at(second));
    const connection = await connect(first.url, { ...QUICK, redirects: { allow: ["127.0.0.1"] } });
    expect(connection.remoteContainer).toBe("home");
    await connection.close();
    const zeroth = await signpost(() => at(first));
    const error = await failure(connect(zeroth.url, { ...QUICK, redirects: { allow: ["127.0.0.1"] } }));
    expect(error).toBeInstanceOf(RedirectError);
    expect(error.message).toContain("not followed: it is the redirect number 4 in a row, of which 3 are followed (redirects.max)");
    expect(await failure(connect(second.url, { ...QUICK, redirects: { allow: ["127.0.0.1"], max: 1 } }))).toMatchObject({ code: "redirect", port: portOf(last) });
  });
});

describe("Q.redirect B94 refused, with the reason", () => {
  test.each<[string, readonly string[], Info, RegExp]>([
    ["another host", ["a.example", "*.b.example"], { "network-host": "evil.example", port: 5672 }, /evil\.example is not one of the hosts that redirects\.allow names for port 5672/],
    ["the domain of a pattern for names below it", ["*.b.example"], { "network-host": "b.example", port: 5672 }, /b\.example is not one/],
    ["a name that only ends like an allowed one", ["b.example"], { "network-host": "evilb.example", port: 5672 }, /evilb\.example is not one/],
    ["another port", ["b.example:5671"], { "network-host": "b.example", port: 5672 }, /for port 5672/],
    ["a hostname beside the network-host", ["127.0.0.1"], { "network-host": "127.0.0.1", hostname: "evil.example", port: 1 }, /evil\.example is not one/],
    ["a scheme that there is not", ["b.example"], { "network-host": "b.example", port: 5672, scheme: "javascript" }, /names a place that cannot be/],
    ["a path that is none", ["b.example"], { "network-host": "b.example", port: 80, scheme: "ws", path: "/a\r\nHost: x" }, /names a place that cannot be/],
  ])("%s", async (_what, allow, info, text) => {
    const peer = await signpost(() => info);
    const error = await failure(connect(peer.url, { ...QUICK, redirects: { allow } }));
    expect(error).toBeInstanceOf(RedirectError);
    expect(error.message).toMatch(text);
    expect(error.message.match(/not followed/g)).toHaveLength(1);
  });

  test("in a circle: back to where it began, and to itself", async () => {
    const peers: ScriptedPeer[] = [];
    peers.push(await signpost(() => at(peers[1] as ScriptedPeer)), await signpost(() => at(peers[0] as ScriptedPeer)));
    const alone: ScriptedPeer = await signpost(() => at(alone));
    for (const url of [peers[0]?.url, alone.url]) {
      expect((await failure(connect(url, { ...QUICK, redirects: { allow: ["127.0.0.1"] } }))).message).toContain("not followed: it leads in a circle");
    }
  });

  test("the next url of the program is tried, and works", async () => {
    const peer = await signpost(() => ({ "network-host": "evil.example", port: 1 }));
    const other = await home();
    const connection = await connect([peer.url, other.url], { ...QUICK, redirects: { allow: ["b.example"] } });
    expect(connection.remoteContainer).toBe("home");
    await connection.close();
  });

  test.each<[string, unknown, RegExp]>([
    ["no list", {}, /redirects\.allow/], ["an empty list", { allow: [] }, /not empty/], ["every host", { allow: ["*"] }, /"host", "host:port", "\*\.domain"/], ["a url", { allow: ["amqp://h"] }, /redirects\.allow\[0\]/],
    ["a star within", { allow: ["a.*.b"] }, /redirects\.allow\[0\]/], ["a user", { allow: ["u:canary@h"] }, /redirects\.allow\[0\]/], ["a port that is none", { allow: ["h:0"] }, /port/], ["more than ten", { allow: ["h"], max: 11 }, /redirects\.max/],
    ["a name that there is not", { allow: ["h"], follow: true }, /follow/],
  ])("option redirects with %s is a ConfigError", async (_what, redirects, text) => {
    const error = await failure((async () => { await connect("amqp://127.0.0.1:1", { redirects: redirects as never }); })());
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(text);
    expect(error.message).not.toContain("canary");
  });
});

describe("Q.redirect over TLS", () => {
  const { ca, server, elsewhere } = certificates();
  const tls = { ca };

  /** A listener over TLS that sends everybody to `info()`. */
  async function secureSignpost(info: () => Info): Promise<Listener> {
    const container = new Container({ onError: () => undefined });
    afterwards(() => container.close({ timeout: 0 }));
    const listener = await container.listen({ port: 0, tls: server, authenticate: () => true });
    void sendAway(listener, info());
    return listener;
  }

  test("the certificate of the new host is verified for that host: one for another is refused, and no password goes there", async () => {
    const users: string[] = [];
    const container = new Container({ onError: () => undefined });
    afterwards(() => container.close({ timeout: 0 }));
    const wrong = await container.listen({ port: 0, tls: elsewhere, authenticate: (user) => users.push(user) > 0 });
    const peer = await secureSignpost(() => at(wrong));
    const error = await failure(connect(peer.url, { ...QUICK, reconnect: false, tls, user: "u", password: "p", redirects: { allow: ["127.0.0.1"] } })) as ConnectionError;
    expect(error.errors[0]).toBeInstanceOf(TlsError);
    expect(error.message).toContain(`the certificate of 127.0.0.1:${wrong.port} is not for 127.0.0.1`);
    expect(users).toEqual([]);
  });

  test("the name of the redirect is what is verified there, not the sni that was right for the place before", async () => {
    const container = new Container({ id: "there", onError: () => undefined });
    afterwards(() => container.close({ timeout: 0 }));
    const named = await container.listen({ port: 0, tls: elsewhere, authenticate: () => true });
    const peer = await secureSignpost(() => ({ ...at(named), hostname: "broker.example" }));
    const options: ConnectOptions = { ...QUICK, reconnect: false, tls, sni: "localhost", user: "u", password: "p", redirects: { allow: ["127.0.0.1", "broker.example"] } };
    const connection = await connect(peer.url, options);
    expect([connection.remoteContainer, connection.hostname]).toEqual(["there", "broker.example"]);
    await connection.close();
    // The other way round: that name on a server of another one.
    const other = await container.listen({ port: 0, tls: server, authenticate: () => true });
    const misleading = await secureSignpost(() => ({ ...at(other), hostname: "broker.example" }));
    expect((await failure(connect(misleading.url, options)) as ConnectionError).errors[0]).toBeInstanceOf(TlsError);
  });

  test("Q.downgrade never from amqps to amqp, whatever is allowed", async () => {
    const plain = await home();
    const peer = await secureSignpost(() => ({ ...at(plain), scheme: "amqp" }));
    const error = await failure(connect(peer.url, { ...QUICK, tls, user: "u", password: "p", redirects: { allow: ["127.0.0.1"] } }));
    expect(error).toBeInstanceOf(RedirectError);
    expect(error.message).toContain("not followed: amqp:// is not encrypted, as amqps:// was");
  });
});

describe("where a redirect leads", () => {
  const target = (url: string, options: ConnectOptions, info: Info): ReturnType<typeof targetOf> => {
    const resolved = resolveConnectOptions(url, { redirects: { allow: ["b.example", "::1"] }, ...options });
    const error = new RedirectError("m", { code: "redirect", scope: "connection", host: String(info["network-host"]), port: Number(info["port"]), info });
    return targetOf(error, { url: resolved.urls[0] as never, options: resolved });
  };

  test("the scheme stays unless it is named; the query of a ws url, where a token may be, is never taken along", () => {
    const { url } = target("wss://u:pw@a.example/amqp?token=canary", {}, { "network-host": "b.example", port: 443 });
    expect([url.href, url.request?.reveal(), url.user, url.password?.reveal()]).toEqual(["wss://b.example:443", "/", "u", "pw"]);
    expect(target("wss://a.example/x?y", {}, { "network-host": "b.example", port: 443, path: "/there?z=1" }).url.request?.reveal()).toBe("/there?z=1");
    expect(target("amqp://a.example", {}, { "network-host": "b.example", port: 5671, scheme: "amqps" }).url.href).toBe("amqps://b.example:5671");
    expect(target("amqps://a.example", {}, { "network-host": "b.example", port: 443, scheme: "wss", path: "mq" }).url.href).toBe("wss://b.example:443/mq");
    expect(target("amqp://a.example", {}, { "network-host": "::1", port: 5672 }).url.href).toBe("amqp://[::1]:5672");
  });

  test("names are compared as names are", () => {
    const { redirects } = resolveConnectOptions("amqp://h", { redirects: { allow: ["B.Example.", "*.c.example:5671", "[::1]:5"] } });
    const allowed = ([host, port]: [string, number]): boolean => redirects?.allows(host, port) === true;
    expect(([["b.example", 1], ["B.EXAMPLE.", 2], ["x.c.example", 5671], ["::1", 5]] as [string, number][]).map(allowed)).toEqual([true, true, true, true]);
    expect(([["x.b.example", 1], ["x.c.example", 5672], ["c.example", 5671], ["::1", 6], ["", 1]] as [string, number][]).map(allowed)).toEqual([false, false, false, false, false]);
  });

  test("what has held for ten seconds was no detour: counting begins anew, and going back is no circle", () => {
    const trail = new Trail();
    trail.begin("a");
    trail.go("b", 0);
    expect(trail.refuses("a", 3, 9_999)).toBe("it leads in a circle");
    expect(trail.refuses("c", 1, 9_999)).toContain("number 2 in a row");
    expect(trail.refuses("a", 1, 10_000)).toBeUndefined();
    const redirects = new Redirects();
    expect(() => redirects.next(new RedirectError("m", { code: "redirect", scope: "connection", host: "h", port: 1 }), 0)).toThrow(RedirectError);
  });
});

/** Answers the first link of a script whose handshake is done. */
async function answerFirstLink(script: Script): Promise<void> {
  script.reply(await script.until("begin"));
  script.reply(await script.until("attach"));
}

/** Closes every connection that comes in with a redirect. */
async function sendAway(listener: Listener, info: Info): Promise<void> {
  for await (const connection of listener) await connection.close({ error: { condition: "amqp:connection:redirect", info: { ...info } } }).catch(() => undefined);
}
