/** X06, Q.redirect: a link that its peer sends elsewhere is attached there, where the program allows it, and stays the same object. */

import { describe, expect, test } from "@jest/globals";
import { connect, Container, RedirectError } from "../../src/index.ts";
import type { Connection, ConnectOptions, LinkErrorEvent, Listener } from "../../src/index.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import type { Script } from "../../src/testing/script.ts";
import type { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { failure, until } from "../client/support.ts";
import { afterwards, serve, within } from "../protocol/harness.ts";

type Info = Readonly<Record<string, unknown>>;

const QUICK: ConnectOptions = { timeout: 4_500, reconnect: { initialDelay: 1, maxDelay: 5 } };
const FOLLOW: ConnectOptions = { ...QUICK, redirects: { allow: ["127.0.0.1"] } };
const portOf = (place: { readonly url: string }): number => Number(new URL(place.url).port);
const at = (place: { readonly url: string }, address?: string): Info => ({ "network-host": "127.0.0.1", port: portOf(place), ...(address === undefined ? {} : { address }) });

async function dial(url: string, options: ConnectOptions): Promise<Connection> {
  const connection = await connect(url, options);
  afterwards(() => connection.close({ timeout: 500 }).catch(() => undefined));
  return connection;
}

/** Answers everything of one connection; `onAttach` answers attaches instead where it says so. */
async function answerAll(script: Script, onAttach: (attach: Frame) => boolean = () => false): Promise<void> {
  const handles = new Map<number, number>();
  for (;;) {
    const frame = await script.next();
    if (frame.name === "attach") {
      // A script numbers the links of a session as they come.
      const handle = handles.get(frame.channel) ?? 0;
      handles.set(frame.channel, handle + 1);
      if (onAttach(frame)) continue;
      script.reply(frame);
      if (frame.fields["role"] === "sender") script.send("flow", { handle, deliveryCount: 0, linkCredit: 100 }, undefined, { channel: frame.channel });
    } else if (frame.name === "detach" && detached.get(script) === frame.fields["handle"]) {
      // the answer to our own
      detached.delete(script);
    } else if (["begin", "transfer", "detach", "end", "close"].includes(frame.name)) script.reply(frame);
    if (frame.name === "close") return;
  }
}

/** The link that a script has detached and whose detach has not been answered. */
const detached = new WeakMap<Script, unknown>();

/** Refuses an attach with a redirect. */
function away(script: Script, attach: Frame, info: Info): true {
  script.reply(attach, attach.fields["role"] === "sender" ? { target: null } : { source: null });
  script.send("detach", { closed: true, error: { condition: "amqp:link:redirect", description: "moved", info } });
  detached.set(script, attach.fields["handle"]);
  return true;
}

/** A peer that sends every link to where `info` says. */
function signpost(info: (attach: Frame) => Info): Promise<ScriptedPeer> {
  return serve(async (script) => {
    await script.handshake({ containerId: "signpost" });
    await answerAll(script, (attach) => away(script, attach, info(attach)));
  }, { connections: 9, timeout: 20_000 });
}

/** A peer that takes every link, and what it has seen. */
async function home(): Promise<ScriptedPeer & { readonly attaches: Frame[]; readonly transfers: Frame[]; readonly closed: Promise<void> }> {
  const attaches: Frame[] = [];
  const transfers: Frame[] = [];
  const closed = new Deferred<void>();
  const peer = await serve(async (script) => {
    await script.handshake({ containerId: "home" });
    await answerAll(script, (attach) => {
      attaches.push(attach);
      return false;
    });
    transfers.push(...script.frames().filter(({ name }) => name === "transfer"));
    closed.resolve();
  }, { connections: 9, timeout: 20_000 });
  return Object.assign(peer, { attaches, transfers, closed: closed.promise });
}

describe("Q.redirect links", () => {
  test("not followed by default: a RedirectError with host, port and address, and nobody goes there", async () => {
    const there = await home();
    const peer = await signpost(() => at(there, "moved/q"));
    const connection = await dial(peer.url, QUICK);
    const error = await failure(connection.createSender("q")) as RedirectError;
    expect(error).toBeInstanceOf(RedirectError);
    expect(error).toMatchObject({ code: "redirect", scope: "link", host: "127.0.0.1", port: portOf(there), address: "moved/q", condition: "amqp:link:redirect" });
    expect(error.message).toContain(`not followed: connect to 127.0.0.1:${portOf(there)}, address "moved/q", or allow it by option redirects`);
    expect(there.attaches).toEqual([]);
    expect(connection.state.local).toBe("active");
  });

  test.each<[string, Info, RegExp]>([
    ["another host", { "network-host": "evil.example", port: 5672, address: "q" }, /evil\.example is not one of the hosts/],
    ["no port", { "network-host": "127.0.0.1", address: "q" }, /does not say where to/],
    ["a scheme that there is not", { "network-host": "127.0.0.1", port: 1, scheme: "http" }, /names a place that cannot be/],
  ])("refused to %s, which is that link's error alone", async (_what, info, text) => {
    const peer = await signpost((attach) => ((attach.fields["source"] as { address?: string } | null)?.address === "other" ? {} : info));
    const connection = await dial(peer.url, FOLLOW);
    const error = await failure(connection.createReceiver("q"));
    expect(error).toMatchObject({ code: "redirect", scope: "link" });
    expect(error.message).toMatch(text);
    expect(connection.state.local).toBe("active");
  });

  test("in a circle, and more than three times in a row: refused", async () => {
    const circle: ScriptedPeer[] = [];
    circle.push(await signpost(() => at(circle[1] as ScriptedPeer)), await signpost(() => at(circle[0] as ScriptedPeer)));
    const connection = await dial(circle[0]?.url ?? "", FOLLOW);
    expect((await failure(connection.createSender("q"))).message).toContain("not followed: it leads in a circle");
    let n = 0;
    const endless: ScriptedPeer = await signpost(() => at(endless, `q${(n += 1)}`));
    const other = await dial(endless.url, FOLLOW);
    expect((await failure(other.createSender("q"))).message).toContain("redirect number 4 in a row, of which 3 are followed");
    const still: ScriptedPeer = await signpost(() => at(still));
    expect((await failure((await dial(still.url, FOLLOW)).createSender("q"))).message).toContain("names the place where the link is");
  });
});

describe("X06 links go where they are sent", () => {
  test("a sender at its attach: what was sent before leaves there, the address is the new one, and closing the connection closes both", async () => {
    const there = await home();
    const peer = await signpost(() => at(there, "moved/q"));
    const connection = await dial(peer.url, FOLLOW);
    const opening = connection.createSender("q");
    const early = opening.endpoint.send({ body: 1 });
    const sender = await within(opening, "the sender");
    expect(sender).toBe(opening.endpoint);
    expect((await within(early, "the send")).outcome).toEqual({ type: "accepted" });
    await sender.send({ body: 2 });
    expect([sender.connection.remoteContainer, sender.target.address, sender.connection === connection]).toEqual(["home", "moved/q", false]);
    expect(there.attaches.map(({ fields }) => [fields["name"], (fields["target"] as { address: string }).address])).toEqual([[sender.name, "moved/q"]]);
    await connection.close();
    await within(there.closed, "the close of the other connection");
    expect(there.transfers).toHaveLength(2);
  });

  test("a second link to the same place shares the connection, which ends with the last of them", async () => {
    const there = await home();
    const peer = await signpost(() => at(there));
    const connection = await dial(peer.url, FOLLOW);
    const [one, two] = [await connection.createSender("a"), await connection.createReceiver("b")];
    expect(one.connection).toBe(two.connection);
    await one.close();
    expect(two.connection.state.local).toBe("active");
    await two.close();
    await within(there.closed, "the close of the other connection");
    expect(connection.state.local).toBe("active");
  });

  test("a receiver that is sent away in the middle of its loop goes on there", async () => {
    const there = await serve(async (script) => {
      await script.handshake({ containerId: "home" });
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      await script.until("flow");
      script.send("transfer", {}, encodeMessage({ value: "second" }));
      await answerAll(script);
    });
    const peer = await serve(async (script) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      const attach = await script.until("attach");
      script.reply(attach);
      await script.until("flow");
      script.send("transfer", {}, encodeMessage({ value: "first" }));
      await script.until("disposition");
      script.send("detach", { handle: attach.fields["handle"], closed: true, error: { condition: "amqp:link:redirect", info: at(there) } });
      await answerAll(script);
    });
    const connection = await dial(peer.url, FOLLOW);
    const receiver = await connection.createReceiver<string>("q");
    const bodies: string[] = [];
    for await (const { message } of receiver.take({ max: 2 })) bodies.push(message.body);
    expect(bodies).toEqual(["first", "second"]);
    await connection.close();
  });

  test("to another address of the same peer: attached anew there, on the same connection", async () => {
    const addresses: unknown[] = [];
    const peer: ScriptedPeer = await serve(async (script) => {
      await script.handshake();
      await answerAll(script, (attach) => {
        const { address } = attach.fields["target"] as { address: string };
        addresses.push(address);
        return address === "q" && away(script, attach, at(peer, "shard-3/q"));
      });
    });
    const connection = await dial(peer.url, FOLLOW);
    const sender = await within(connection.createSender("q"), "the sender");
    await sender.send({ body: 1 });
    expect([addresses, sender.connection === connection]).toEqual([["q", "shard-3/q"], true]);
  });

  test("nobody there: the link fails, its sends are told, and its handler hears of it", async () => {
    const gone = await home();
    await gone.close();
    const peer = await signpost(() => at(gone));
    const told: unknown[] = [];
    const container = new Container({ onError: () => undefined });
    afterwards(() => container.close({ timeout: 500 }));
    const connection = await container.connect(peer.url, FOLLOW);
    const opening = connection.createSender("q", { handler: { on_link_error: ({ error }: LinkErrorEvent) => void told.push(error.code) } });
    opening.catch(() => undefined);
    const sent = failure(opening.endpoint.send({ body: 1 }));
    expect(await failure(opening)).toMatchObject({ code: "connect-failed", scope: "link" });
    expect(await sent).toMatchObject({ code: "not-sent" });
    await until(() => told.length > 0);
    expect(told).toEqual(["connect-failed"]);
    expect(connection.state.local).toBe("active");
    await until(() => container.connections.size === 1);
  });

  test("two containers: credentials are asked for anew, and the link works there", async () => {
    const users: string[] = [];
    const containers = ["here", "there"].map((id) => new Container({ id, onError: () => undefined }));
    afterwards(() => Promise.all(containers.map((each) => each.close({ timeout: 0 }))));
    const [posted, target] = await Promise.all(containers.map((each) => each.listen({ port: 0, passwords: (user) => { users.push(`${each.id} ${user}`); return `secret of ${user}`; } }))) as [Listener, Listener];
    void posted.serve((request) => request.refuse({ condition: "amqp:link:redirect", info: { ...at(target, "elsewhere") } }));
    const bodies: unknown[] = [];
    void target.serve(async (request) => {
      if (request.role === "receiver") for await (const { message } of await request.accept()) bodies.push([request.target?.address, message.body]);
    });
    const connection = await dial(posted.url, { ...FOLLOW, credentials: ({ url }) => ({ user: url === posted.url ? "one" : "two", password: url === posted.url ? "secret of one" : "secret of two" }) });
    const sender = await within(connection.createSender("q"), "the sender");
    await sender.send({ body: "hello" });
    expect(bodies).toEqual([["elsewhere", "hello"]]);
    expect(users).toEqual(["here one", "there two"]);
  });
});
