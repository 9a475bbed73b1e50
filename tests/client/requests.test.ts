/** Requesters: requests and replies frame by frame, against a peer of which every step is written here (P09). */

import { describe, expect, test } from "@jest/globals";
import {
  AmqpError, ConfigError, Container, EncodeError, InDoubtError, LinkError, Message, ModifiedError, NotSentError, RejectedError, ReleasedError, TimeoutError, Uuid,
} from "../../src/index.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { afterwards, within } from "../protocol/harness.ts";
import { asking, read } from "./asking.ts";
import type { Request } from "./asking.ts";
import { failure, outcomes, settled, stage, turns, until } from "./support.ts";

describe("P09 a requester", () => {
  test("asks for a dynamic node, names it in reply-to, and finds the reply by its correlation-id", async () => {
    const scene = await stage();
    const { requester, sending, receiving, next, reply } = await asking(scene);
    expect(sending.fields).toMatchObject({ role: "sender", target: { address: "q" } });
    expect(receiving.fields).toMatchObject({ role: "receiver", source: { dynamic: true } });
    expect((receiving.fields["source"] as { address?: string }).address).toBeUndefined();
    const asked = requester.request<string>({ subject: "price", body: "tea" });
    const request = await next();
    expect(request.properties).toEqual({ messageId: expect.any(String), correlationId: request.properties["messageId"], subject: "price", replyTo: "made-up" });
    expect(request.value).toBe("tea");
    request.accept();
    reply({ correlationId: request.properties["correlationId"] }, "2.50");
    const answer = await within(asked, "the reply");
    expect(answer).toBeInstanceOf(Message);
    expect(answer.body).toBe("2.50");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
  });

  test("many under way, answered in any order, before and after they are accepted", async () => {
    const scene = await stage();
    const { requester, next, reply } = await asking(scene);
    const asked = Array.from({ length: 50 }, (_, n) => requester.request<number>({ body: n }));
    const requests: Request[] = [];
    while (requests.length < 50) requests.push(await next());
    for (const [n, { properties }] of [...requests.entries()].reverse()) reply({ correlationId: properties["correlationId"] }, n * 10);
    expect((await within(Promise.all(asked), "the replies")).map(({ body }) => body)).toEqual(Array.from({ length: 50 }, (_, n) => n * 10));
    for (const request of requests) request.accept();
    expect(new Set(requests.map(({ properties }) => properties["correlationId"])).size).toBe(50);
  });

  test("a reply with another correlation-id, or none, matches nothing; it is accepted, and the time-out tells of it", async () => {
    const scene = await stage();
    const { requester, next, reply } = await asking(scene);
    const asked = requester.request({ body: "x" }, { timeout: 1000 });
    const request = await next();
    request.accept();
    const id = String(request.properties["correlationId"]);
    reply({ correlationId: id.slice(0, -1) + "7" });
    reply({ correlationId: new TextEncoder().encode(id) });
    reply({ correlationId: { ulong: 1 } });
    reply({ messageId: id });
    reply({});
    expect(await settled(asked.catch(() => "rejected"))).toBe(false);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "accepted", 3: "accepted", 4: "accepted" });
    const late = failure(asked);
    await scene.clock.advance(1000);
    const error = await late;
    expect(error).toBeInstanceOf(TimeoutError);
    // The first of them could be an answer to a former request of this requester.
    expect(error.message).toContain("4 replies came whose correlation-id is that of no request");
  });

  test("a late reply is accepted and dropped, and the requester goes on", async () => {
    const scene = await stage();
    const { requester, next, reply } = await asking(scene);
    const late = failure(requester.request({ subject: "slow", body: 1 }, { timeout: 50 }));
    const first = await next();
    first.accept();
    await turns();
    await scene.clock.advance(50);
    const error = await late;
    expect(error).toMatchObject({ code: "timeout", scope: "delivery", retryable: true });
    expect(error.message).toMatch(/^no reply to the request "slow" \(correlation-id .*\) within 50 ms, requester of "q": the request was accepted$/);
    reply({ correlationId: first.properties["correlationId"] }, "late");
    const asked = requester.request({ body: 2 });
    const second = await next();
    reply({ correlationId: second.properties["correlationId"] }, "in time");
    expect((await within(asked, "the reply")).body).toBe("in time");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted" });
  });

  test("a reply whose correlation-id cannot be read is rejected with amqp:decode-error, and the others are found", async () => {
    const scene = await stage();
    const { requester, next, reply } = await asking(scene);
    const asked = requester.request({ body: 1 });
    const { properties } = await next();
    reply({ correlationId: false });
    reply({ correlationId: properties["correlationId"] }, "fine");
    expect((await within(asked, "the reply")).body).toBe("fine");
    expect(await outcomes(scene.peer)).toEqual({ 0: "rejected amqp:decode-error", 1: "accepted" });
    expect(scene.errors).toMatchObject([{ code: "decode-error" }]);
  });

  test("60 s is the usual time-out, options of the container and of the call change it; what had no credit is taken back", async () => {
    const scene = await stage();
    const { requester, credit } = await asking(scene, {}, { credit: 0 });
    const usual = failure(requester.request({ to: "node", body: 1 }));
    const own = failure(requester.request({ body: 2 }, { timeout: 70_000 }));
    const endless = requester.request({ body: 3 }, { timeout: Infinity });
    await scene.clock.advance(59_999);
    expect(await settled(usual)).toBe(false);
    await scene.clock.advance(1);
    const error = await usual;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toMatch(/^no reply to the request "node" \(.*\) within 60000 ms, requester of "q": the request was not accepted: the peer gives no credit; 3 waiting, 0 unsettled$/);
    await scene.clock.advance(10_000);
    expect(await own).toMatchObject({ code: "timeout" });
    credit(10);
    expect((await scene.peer.until("transfer")).fields["deliveryId"]).toBe(0);
    await outcomes(scene.peer);
    // Only the one without a time-out has left.
    expect(scene.peer.frames().filter(({ name }) => name === "transfer")).toHaveLength(1);
    endless.catch(() => undefined);
  });

  test("timeouts.request of the container", async () => {
    const scene = await stage({ container: { timeouts: { request: 5 } } });
    const { requester } = await asking(scene);
    const asked = failure(requester.request({ body: 1 }));
    await turns();
    await scene.clock.advance(60);
    expect((await asked).message).toContain("within 5 ms");
  });

  test("the peer's outcome rejects at once: rejected, released, modified", async () => {
    const scene = await stage();
    const { requester, next } = await asking(scene);
    const states = [{ type: "rejected", error: { condition: "amqp:not-found", description: "no such service" } }, "released", { type: "modified", undeliverableHere: true }];
    const errors: Error[] = [];
    for (const state of states) {
      const asked = failure(requester.request({ body: "x" }));
      const { frame } = await next();
      scene.peer.reply(frame, { state });
      errors.push(await asked);
    }
    expect(errors[0]).toBeInstanceOf(RejectedError);
    expect(errors[0]).toMatchObject({ condition: "amqp:not-found", description: "no such service" });
    expect(errors[1]).toBeInstanceOf(ReleasedError);
    expect(errors[2]).toBeInstanceOf(ModifiedError);
  });

  test("a signal ends the waiting with its reason: before the request left it is taken back, after it the reply is dropped", async () => {
    const scene = await stage();
    const { requester, credit, next, reply } = await asking(scene, {}, { credit: 0 });
    const stop = new AbortController();
    const waiting = failure(requester.request({ body: 1 }, { signal: stop.signal }));
    stop.abort("enough");
    expect(await waiting).toBe("enough");
    expect(await failure(requester.request({ body: 2 }, { signal: stop.signal }))).toBe("enough");
    const later = new AbortController();
    const asked = failure(requester.request({ body: 3 }, { signal: later.signal }));
    credit(10);
    const request = await next();
    expect(request.value).toBe(3);
    request.accept();
    await turns();
    later.abort();
    expect(await asked).toBe(later.signal.reason);
    reply({ correlationId: request.properties["correlationId"] });
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
  });

  test("a lost connection: accepted and unsettled requests are in doubt, those that waited for credit were not sent", async () => {
    const scene = await stage();
    const { requester, next } = await asking(scene, {}, { credit: 2 });
    const accepted = failure(requester.request({ subject: "a", body: 1 }));
    const sent = failure(requester.request({ subject: "b", body: 2 }));
    const waiting = failure(requester.request({ subject: "c", body: 3 }));
    (await next()).accept();
    await next();
    await turns();
    scene.peer.drop();
    const [first, second, third] = await Promise.all([accepted, sent, waiting]);
    expect(first).toBeInstanceOf(InDoubtError);
    expect(first.message).toMatch(/^the request "a" \(.*\) was accepted, requester of "q", and no reply can come any more: /);
    expect(first).toMatchObject({ cause: { code: "disconnected" }, outcome: { type: "in-doubt" }, delivery: { outcome: { type: "accepted" } } });
    expect(second).toBeInstanceOf(InDoubtError);
    expect(third).toBeInstanceOf(NotSentError);
    const after = await failure(requester.request({ body: 4 }));
    expect(after).toBeInstanceOf(NotSentError);
    expect(after).toMatchObject({ cause: { code: "disconnected" } });
  });

  test("the connection's own close, and a peer that closes the link for replies, end the waiting as well", async () => {
    for (const how of ["connection", "link"] as const) {
      const scene = await stage();
      const { requester, receiving, next } = await asking(scene);
      const asked = failure(requester.request({ body: 1 }));
      (await next()).accept();
      await turns();
      if (how === "link") {
        scene.peer.send("detach", { channel: receiving.channel, handle: 0, closed: true, error: { condition: "amqp:resource-deleted" } });
        expect(await asked).toMatchObject({ code: "in-doubt", cause: { condition: "amqp:resource-deleted" } });
        // The other link goes with it.
        await scene.peer.until("detach", { channel: 0, closed: true });
      } else {
        void scene.connection.close();
        scene.peer.reply(await scene.peer.until("close"));
        expect(await asked).toBeInstanceOf(InDoubtError);
      }
    }
  });

  test("close() rejects what is outstanding, closes both links, and asking after it is an error", async () => {
    const scene = await stage();
    const { requester, next } = await asking(scene, {}, { credit: 1 });
    const asked = failure(requester.request({ body: 1 }));
    const waiting = failure(requester.request({ body: 2 }));
    (await next()).accept();
    await turns();
    const closing = requester.close();
    expect(await asked).toMatchObject({ name: "InDoubtError", cause: { code: "link-detached" } });
    expect(await waiting).toMatchObject({ name: "NotSentError", cause: { code: "link-detached" } });
    for (let n = 0; n < 2; n++) scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closing, "the close");
    expect(requester.close()).toBe(closing);
    const after = await failure(requester.request({ body: 3 }));
    expect(after).toBeInstanceOf(NotSentError);
    expect(after.message).toBe('the message was not sent, requester of "q": the requester of "q" is closed');
  });

  test("a requester ends with its block", async () => {
    const scene = await stage();
    const { requester } = await asking(scene);
    const closed = (async () => {
      await using _inside = requester;
    })();
    for (let n = 0; n < 2; n++) scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closed, "the close");
  });

  test("close({ drain }) waits for the replies that are due", async () => {
    const scene = await stage();
    const { requester, next, reply } = await asking(scene);
    const asked = requester.request<string>({ body: 1 });
    const { properties, accept } = await next();
    accept();
    await turns();
    const closing = requester.close({ drain: 1000 });
    expect(await failure(requester.request({ body: 2 }))).toBeInstanceOf(NotSentError);
    reply({ correlationId: properties["correlationId"] }, "just in time");
    expect((await within(asked, "the reply")).body).toBe("just in time");
    for (let n = 0; n < 2; n++) scene.peer.reply(await scene.peer.until("detach"));
    await within(closing, "the close");
  });

  test("ids are the caller's where it gives one, and otherwise unique over all requesters", async () => {
    const scene = await stage();
    const one = await asking(scene);
    const id = Uuid.random();
    const asked = one.requester.request({ id: "mine", correlationId: id, body: 1 });
    const request = await one.next();
    expect(request.properties).toMatchObject({ messageId: "mine", replyTo: "made-up" });
    expect(() => one.requester.request({ correlationId: Uuid.parse(id.toString()), body: 2 })).toThrow(/same correlation-id waits for its reply/);
    one.reply({ correlationId: { uuid: id.bytes } });
    await within(asked, "the reply");
    const again = one.requester.request({ correlationId: id, body: 3 });
    await one.next();
    one.reply({ correlationId: { uuid: id.bytes } });
    await within(again, "the reply to the same id, used again");
    const seen = new Set<unknown>();
    for (let n = 0; n < 3; n++) {
      const other = await asking(await stage());
      other.requester.request({ body: 1 }).catch(() => undefined);
      seen.add((await other.next()).properties["correlationId"]);
    }
    expect(seen.size).toBe(3);
  });

  test("correlate: \"message-id\" leaves the correlation-id alone; whole numbers match whichever way they are read", async () => {
    const scene = await stage({ connect: { int64: "bigint" } });
    const { requester, next, reply } = await asking(scene, { correlate: "message-id" });
    const asked = [requester.request<string>({ body: 1 }), requester.request<string>({ id: 7, body: 2 })];
    const [first, second] = [await next(), await next()];
    expect(first.properties).toEqual({ messageId: expect.any(String), replyTo: "made-up" });
    expect(second.properties["messageId"]).toBe(7);
    reply({ correlationId: { ulong: 7 } }, "seven");
    reply({ correlationId: first.properties["messageId"] }, "first");
    expect((await within(Promise.all(asked), "the replies")).map(({ body }) => body)).toEqual(["first", "seven"]);
  });

  test("a Message can be asked again and again: it is copied, not changed", async () => {
    const scene = await stage();
    const { requester, next, reply } = await asking(scene);
    const message = new Message({ subject: "s", body: { n: 1 }, properties: { p: true } });
    for (let n = 0; n < 2; n++) {
      const asked = requester.request(message);
      const { properties, value } = await next();
      expect([properties["subject"], value]).toEqual(["s", { n: 1 }]);
      reply({ correlationId: properties["correlationId"] });
      await within(asked, "the reply");
    }
    expect([message.replyTo, message.correlationId, message.id]).toEqual([undefined, undefined, undefined]);
  });

  test("at most limits.maxRequests wait; one more is told so at once", async () => {
    const scene = await stage({ container: { limits: { maxRequests: 2 } } });
    const { requester, next, reply } = await asking(scene);
    const asked = [requester.request({ body: 1 }), requester.request({ body: 2 })];
    const refused = await failure(requester.request({ body: 3 }));
    expect(refused).toBeInstanceOf(NotSentError);
    expect(refused).toMatchObject({ code: "queue-full", cause: { name: "LimitError", message: expect.stringContaining("limits.maxRequests") } });
    for (let n = 0; n < 2; n++) reply({ correlationId: (await next()).properties["correlationId"] });
    await within(Promise.all(asked), "the replies");
  });

  test("what can never go throws at the call, and leaves nothing behind", async () => {
    const scene = await stage();
    const { requester } = await asking(scene);
    expect(() => requester.request({ body: () => 1 })).toThrow(EncodeError);
    expect(() => requester.request({ replyTo: "elsewhere", body: 1 })).toThrow(ConfigError);
    expect(() => requester.request({ body: 1 }, { timeout: -1 })).toThrow(ConfigError);
    expect(() => requester.request({ body: 1 }, { timeOut: 1 } as never)).toThrow(/did you mean "timeout"/);
    await outcomes(scene.peer);
    expect(scene.peer.frames().filter(({ name }) => name === "transfer")).toEqual([]);
  });
});

describe("P09 where replies come to", () => {
  test.each([
    ["an END of the session (RabbitMQ 3 and 4)", "end"],
    ["a detach of the link", "detach"],
  ])("a peer without dynamic nodes, by %s: a LinkError that says what to do", async (_how, by) => {
    const scene = await stage();
    const opening = failure(scene.connection.createRequester("q"));
    const closed: unknown[] = [];
    for (let attached = 0; attached < 2;) {
      const frame = await scene.peer.next();
      if (frame.name === "begin") scene.peer.reply(frame);
      if (frame.name !== "attach") continue;
      attached += 1;
      const error = { condition: "amqp:not-implemented", description: "Dynamic sources not supported" };
      if (frame.fields["role"] === "sender") scene.peer.reply(frame);
      else if (by === "end") scene.peer.send("end", { channel: frame.channel, error });
      else {
        scene.peer.reply(frame, { source: null });
        scene.peer.send("detach", { channel: frame.channel, handle: 0, closed: true, error });
      }
    }
    // The link for requests is of no use without the other one.
    const detach = await scene.peer.until("detach", { closed: true, channel: 0 });
    closed.push(detach.name);
    scene.peer.reply(detach);
    const error = await opening;
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({ condition: "amqp:not-implemented", origin: "remote", cause: expect.any(AmqpError) });
    expect(error.message).toMatch(/the peer makes no node for replies .*not-implemented.* option "replyTo" .* paired: true .*\/management/s);
    expect(closed).toEqual(["detach"]);
  });

  test("a peer that makes a node and tells no address of it", async () => {
    const scene = await stage();
    const opening = failure(scene.connection.createRequester("q"));
    for (let attached = 0; attached < 2;) {
      const frame = await scene.peer.next();
      if (frame.name === "begin") scene.peer.reply(frame);
      if (frame.name !== "attach") continue;
      attached += 1;
      scene.peer.reply(frame);
    }
    for (let n = 0; n < 2; n++) scene.peer.reply(await scene.peer.until("detach"));
    expect((await opening).message).toContain("it told no address");
  });

  test("a refused node for requests is the error, and the node for replies is closed", async () => {
    const scene = await stage();
    const opening = failure(scene.connection.createRequester("missing"));
    for (let attached = 0; attached < 2;) {
      const frame = await scene.peer.next();
      if (frame.name === "begin") scene.peer.reply(frame);
      if (frame.name !== "attach") continue;
      attached += 1;
      if (frame.fields["role"] === "receiver") scene.peer.reply(frame, { source: { address: "made-up", dynamic: true } });
      else {
        scene.peer.reply(frame, { target: null });
        scene.peer.send("detach", { channel: frame.channel, handle: 0, closed: true, error: { condition: "amqp:not-found" } });
      }
    }
    scene.peer.reply(await scene.peer.until("detach", { channel: 1 }));
    expect(await opening).toMatchObject({ condition: "amqp:not-found" });
  });

  test("replyTo names a queue: no dynamic node is asked for", async () => {
    const scene = await stage();
    const { requester, receiving, next, reply } = await asking(scene, { replyTo: "answers" }, { replies: "answers" });
    expect(receiving.fields["source"]).toMatchObject({ address: "answers" });
    expect((receiving.fields["source"] as { dynamic?: boolean }).dynamic ?? false).toBe(false);
    const asked = requester.request({ body: 1 });
    const { properties } = await next();
    expect(properties["replyTo"]).toBe("answers");
    reply({ correlationId: properties["correlationId"] });
    await within(asked, "the reply");
  });

  test("a peer that leaves the termini of its attach out (rhea does) is no hindrance to a named queue", async () => {
    const scene = await stage();
    const opening = scene.connection.createRequester("q", { replyTo: "answers" });
    for (let attached = 0; attached < 2;) {
      const frame = await scene.peer.next();
      if (frame.name === "begin") scene.peer.reply(frame);
      if (frame.name !== "attach") continue;
      attached += 1;
      scene.peer.reply(frame, frame.fields["role"] === "receiver" ? { source: { address: null }, target: null } : {});
    }
    scene.peer.send("flow", { channel: 0, handle: 0, deliveryCount: 0, linkCredit: 1 });
    const requester = await within(opening, "the requester");
    requester.request({ body: 1 }).catch(() => undefined);
    expect(read(await scene.peer.until("transfer")).properties["replyTo"]).toBe("answers");
  });

  test("paired: one name and one session for both links, property paired, reply-to $me, the message-id as correlation", async () => {
    const scene = await stage();
    const { requester, sending, receiving, next, reply } = await asking(scene, { paired: true }, { address: "/management", replies: "/management" });
    expect(sending.fields["name"]).toBe(receiving.fields["name"]);
    expect(sending.channel).toBe(receiving.channel);
    for (const { fields } of [sending, receiving]) {
      expect(fields).toMatchObject({ source: { address: "/management" }, target: { address: "/management" }, properties: { paired: true } });
    }
    const asked = requester.request<null>({ subject: "PUT", to: "/queues/q", body: { durable: true } });
    const { properties, frame } = await next();
    expect(frame.fields["settled"]).toBe(true);
    expect(properties).toEqual({ messageId: expect.any(String), to: "/queues/q", subject: "PUT", replyTo: "$me" });
    reply({ subject: "201", correlationId: properties["messageId"] }, null, { settled: true });
    const answer = await within(asked, "the reply");
    expect([answer.subject, answer.body]).toEqual(["201", null]);
    const closing = requester.close();
    for (let n = 0; n < 2; n++) scene.peer.reply(await scene.peer.until("detach"));
    scene.peer.reply(await scene.peer.until("end"));
    await within(closing, "the close");
  });

  test("paired: credit for the replies leaves before the first request, and 100 requests are under way at the most", async () => {
    const scene = await stage();
    const { requester, sending, next, reply, credit } = await asking(scene, { paired: true }, { address: "/management", replies: "/management" });
    credit(1000);
    const asked = Array.from({ length: 103 }, (_, n) => requester.request<number>({ body: n }, { timeout: 1000 }));
    const ends = Promise.allSettled(asked);
    const ids: unknown[] = [];
    while (ids.length < 100) ids.push((await next()).properties["messageId"]);
    await outcomes(scene.peer);
    const frames = scene.peer.frames();
    expect(frames.filter(({ name }) => name === "transfer")).toHaveLength(100);
    const flow = frames.findIndex(({ name, channel, fields }) => name === "flow" && channel === sending.channel && fields["handle"] === 1 && Number(fields["linkCredit"]) >= 1000);
    expect(flow).toBeGreaterThan(-1);
    expect(flow).toBeLessThan(frames.findIndex(({ name }) => name === "transfer"));
    reply({ correlationId: ids[0] }, 0, { settled: true });
    const [released] = [await next()];
    expect(released.value).toBe(100);
    await scene.clock.advance(1000);
    const results = await within(ends, "all of them");
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", ...Array.from({ length: 102 }, () => "rejected")]);
    const last = results.at(-1) as PromiseRejectedResult;
    expect(String(last.reason)).toContain("it waited for the replies to 100 others");
    expect(String((results[1] as PromiseRejectedResult).reason)).toMatch(/: the request was sent$/);
    await outcomes(scene.peer);
    // Whose time was over never left.
    expect(scene.peer.frames().filter(({ name }) => name === "transfer")).toHaveLength(101);
  });

  test("paired: what was held back is not sent when the requester is closed, and a message that cannot be sent fails alone", async () => {
    const scene = await stage();
    const { requester, next, reply } = await asking(scene, { paired: true }, { address: "/management", replies: "/management", credit: 1000 });
    const asked = Array.from({ length: 100 }, (_, n) => requester.request({ body: n }));
    const bad = failure(requester.request({ body: () => 1 }));
    const held = failure(requester.request({ body: "held" }));
    const ends = Promise.allSettled(asked);
    reply({ correlationId: (await next()).properties["messageId"] }, 0, { settled: true });
    expect(await bad).toBeInstanceOf(EncodeError);
    expect((await within((async () => { let one = await next(); while (one.value !== "held") one = await next(); return one; })(), "the held one")).value).toBe("held");
    const late = failure(requester.request({ body: "later" }));
    const closing = requester.close({ timeout: 100 }).catch(() => undefined);
    expect(await held).toBeInstanceOf(InDoubtError);
    expect(await late).toBeInstanceOf(NotSentError);
    await ends;
    await turns();
    await scene.clock.advance(200);
    await closing;
  });

  test("a relay: each request says where it goes", async () => {
    const scene = await stage();
    const { requester, sending, next, reply } = await asking(scene, {}, { address: null });
    expect((sending.fields["target"] as { address?: string }).address).toBeUndefined();
    expect(() => requester.request({ body: 1 })).toThrow(/needs "to"/);
    const asked = requester.request({ to: "there", body: 1 });
    const { properties } = await next();
    expect(properties["to"]).toBe("there");
    reply({ correlationId: properties["correlationId"] });
    await within(asked, "the reply");
  });

  test("the container's defaults for receivers do not get in the way", async () => {
    const scene = await stage({ container: { receiver: { prefetch: 0, autoAccept: false } } });
    const { requester, next, reply } = await asking(scene);
    const asked = requester.request({ body: 1 });
    reply({ correlationId: (await next()).properties["correlationId"] });
    await within(asked, "the reply");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
  });

  test("options that cannot work are refused at the call", async () => {
    const { connection } = await stage();
    expect(await failure(connection.createRequester("q", { paired: true, replyTo: "x" }))).toBeInstanceOf(ConfigError);
    expect(await failure(connection.createRequester(null, { paired: true }))).toBeInstanceOf(ConfigError);
    expect((await failure(connection.createRequester("q", { reply: "x" } as never))).message).toContain('did you mean "replyTo"');
    expect((await failure(connection.createRequester("q", { correlate: "id" as never }))).message).toContain('"correlation-id", "message-id"');
    expect((await failure(connection.createRequester("q", { prefetch: 1 } as never))).message).toContain('there is no option "prefetch"');
  });

  test("a signal while the links are being attached", async () => {
    const { connection, peer } = await stage();
    const stop = new AbortController();
    const opening = failure(connection.createRequester("q", { signal: stop.signal }));
    peer.reply(await peer.until("begin"));
    stop.abort();
    expect(await opening).toBe(stop.signal.reason);
  });
});

describe("P09 without a broker", () => {
  test("our listener gives the requester's dynamic node an address, and answers on its link", async () => {
    const server = new Container({ id: "service" });
    const client = new Container();
    afterwards(async () => {
      await client.close();
      await server.close();
    });
    const listener = await server.listen("amqp://127.0.0.1:0");
    void listener.serve(async (request) => {
      if (request.role === "sender") {
        await request.accept(request.source?.dynamic === true ? { address: `replies-${request.name}` } : {});
        return;
      }
      const receiver = await request.accept<string>();
      await receiver.consume(async (delivery) => {
        await delivery.reply({ body: delivery.message.body.toUpperCase() });
      }, { concurrency: 10 });
    });
    const connection = await client.connect(listener.url);
    const requester = await connection.createRequester("upper-case");
    const others = await connection.createRequester("upper-case");
    const paired = await connection.createRequester("upper-case", { paired: true });
    const words = Array.from({ length: 30 }, (_, n) => `word ${n}`);
    const replies = await within(Promise.all(words.map((word, n) => [requester, others, paired][n % 3]!.request<string>({ body: word }))), "the replies");
    expect(replies.map(({ body }) => body)).toEqual(words.map((word) => word.toUpperCase()));
  });

  test("the link for replies may go and come again under the same address; another connection's is never taken", async () => {
    const server = new Container();
    const client = new Container();
    afterwards(async () => {
      await client.close();
      await server.close();
    });
    const listener = await server.listen("amqp://127.0.0.1:0");
    const failures: unknown[] = [];
    void listener.serve(async (request) => {
      if (request.role === "sender") return request.accept({ address: "known-to-all" });
      const receiver = await request.accept();
      return receiver.consume((delivery) => delivery.reply({ body: delivery.message.body }).catch((error: unknown) => failures.push(error)));
    });
    const connection = await client.connect(listener.url);
    for (let n = 0; n < 3; n++) {
      const requester = await connection.createRequester("echo");
      expect((await within(requester.request<number>({ body: n }), "the reply")).body).toBe(n);
      if (n < 2) await requester.close();
    }
    // It names the address at which the other connection listens for its replies.
    const stranger = await client.connect(listener.url);
    await (await stranger.createSender("echo")).send({ replyTo: "known-to-all", body: "spoofed" });
    expect(failures).toMatchObject([{ name: "LinkError", message: expect.stringContaining("no link for the reply address") }]);
  });

  test("a reply address that the peer has attached no link for is an error of reply(), and the link goes on", async () => {
    const server = new Container();
    const client = new Container();
    afterwards(async () => {
      await client.close();
      await server.close();
    });
    const listener = await server.listen("amqp://127.0.0.1:0");
    const failed = new Deferred<Error>();
    void listener.serve(async (request) => {
      if (request.role === "sender") return request.refuse({ condition: "amqp:not-allowed" });
      for await (const delivery of await request.accept()) {
        delivery.reply({ body: "?" }).catch((error: unknown) => failed.resolve(error as Error));
      }
    });
    const connection = await client.connect(listener.url);
    const sender = await connection.createSender("q");
    await sender.send({ replyTo: "nowhere", body: 1 });
    const error = await within(failed.promise, "the error");
    expect(error).toBeInstanceOf(LinkError);
    expect(error.message).toContain('no link for the reply address "nowhere"');
    await sender.send({ body: 2 });
    await until(() => connection.state.remote === "active");
  });
});
