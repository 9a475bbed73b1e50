/** Many links and large messages on one connection: none delays, drowns or breaks the others. */

import { describe, expect, test } from "@jest/globals";
import type { Receiver, Sender } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { failure, pair, stage, answer, turns, until } from "./support.ts";

describe("J05 two links of a connection", () => {
  test("one without credit never delays the other", async () => {
    const { sending } = await pair();
    const [stuck] = await sending({ address: "stuck" });
    const waiting = Array.from({ length: 2_000 }, () => stuck.send({ body: new Uint8Array(1_000) }).catch((error: { code: string }) => error.code));
    const [free, receiver] = await sending<number>({ address: "free" });
    const taking = (async () => {
      const seen: number[] = [];
      for await (const { message } of receiver.take({ max: 500 })) seen.push(message.body);
      return seen;
    })();
    for (let body = 0; body < 500; body++) await within(free.send({ body }), `send ${body}`, 2_000);
    expect(await taking).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(stuck.queued).toBe(2_000);
    await stuck.close({ drain: 0 });
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["not-sent"]));
  });

  test("in one session as well", async () => {
    const { connection, request } = await pair();
    const session = await connection.session();
    const openings = ["stuck", "free"].map((address) => session.createSender<number>(address));
    const receivers: Receiver<number>[] = [];
    for (let i = 0; i < 2; i++) {
      const asked = await request();
      if (asked.role === "receiver") receivers.push(await asked.accept<number>());
    }
    const [stuck, free] = await Promise.all(openings) as [Sender<number>, Sender<number>];
    void stuck.send({ body: 0 }).catch(() => {});
    const receiving = receivers[1]?.receive();
    const sending = free.send({ body: 1 });
    await (await within(receiving ?? Promise.reject(new Error("no receiver")), "receive")).accept();
    await within(sending, "the free one");
    expect(stuck.queued).toBe(1);
  });

  test("a receiver that nobody takes from does not hold up another", async () => {
    const { receiving } = await pair();
    const [idle, full] = await receiving({ receiver: { prefetch: 10 }, address: "idle" });
    const [busy, source] = await receiving<number>({ address: "busy" });
    const first = idle.receive();
    for (let i = 0; i < 100; i++) void full.send({ body: i }).catch(() => {});
    await within(first, "one");
    const loop = (async () => {
      let count = 0;
      for await (const delivery of busy.take({ max: 1_000 })) count += delivery.message.body === count ? 1 : 0;
      return count;
    })();
    for (let body = 0; body < 1_000; body++) void source.send({ body });
    expect(await within(loop, "the busy one")).toBe(1_000);
    expect(idle.queued).toBeLessThanOrEqual(10);
  });

  test("one whose session the peer ends (an unknown queue on RabbitMQ) rejects its own promise and disturbs nothing", async () => {
    const scene = await stage();
    const { peer, connection } = scene;
    const good = connection.createSender("good");
    await answer(peer);
    peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
    const sender = await within(good, "the good one");
    const first = sender.send({ body: 1 });
    const bad = failure(connection.createSender("missing"));
    peer.reply(await peer.until("begin"));
    const attach = await peer.until("attach");
    peer.send("end", { channel: attach.channel, error: { condition: "amqp:not-found", description: "no queue 'missing'" } });
    expect(await bad).toMatchObject({ name: "LinkError", condition: "amqp:not-found", description: "no queue 'missing'" });
    const second = sender.send({ body: 2 });
    await until(() => peer.frames().filter(({ name }) => name === "transfer").length === 2);
    peer.send("disposition", { channel: 0, role: "receiver", first: 0, last: 1, settled: true, state: "accepted" });
    await within(Promise.all([first, second]), "both sends");
    expect(connection.state).toEqual({ local: "active", remote: "active" });
  });
});

describe("L.4 the byte budget", () => {
  test("FT30 small: the peer's window closes, and reopens as the loop consumes", async () => {
    const { receiving } = await pair({ connect: { limits: { maxBufferedBytes: 200_000 }, maxFrameSize: 10_000 } });
    const [receiver, sender] = await receiving<Uint8Array>({ receiver: { prefetch: 1_000 } });
    const total = 200;
    let accepted = 0;
    const sends = Array.from({ length: total }, (_, n) => sender.send({ body: new Uint8Array(9_000).fill(n) }).then(() => (accepted += 1)));
    const first = await within(receiver.receive(), "the first");
    await turns(200);
    // what came is bounded by the budget and one window of frames, not by credit
    expect(receiver.queued).toBeLessThan(80);
    expect(receiver.queued).toBeGreaterThan(5);
    expect(sender.explain().waitingFor).toMatch(/session-window|credit/);
    await first.accept();
    let n = 1;
    for await (const { message } of receiver.take({ max: total - 1 })) {
      expect(message.body[0]).toBe(n++);
      expect(receiver.queued).toBeLessThan(80);
    }
    await within(Promise.all(sends), "all sends");
    expect(accepted).toBe(total);
  }, 20_000);

  test("one link that fills it leaves it when it is closed", async () => {
    const { receiving } = await pair({ connect: { limits: { maxBufferedBytes: 100_000 }, maxFrameSize: 10_000 } });
    const [full, source] = await receiving({ receiver: { prefetch: 1_000 }, address: "full" });
    const one = full.receive();
    const sends = Array.from({ length: 50 }, () => source.send({ body: new Uint8Array(9_000) }).catch((error: { code: string }) => error.code));
    await within(one, "one");
    await turns(100);
    const [other, sender] = await receiving<number>({ address: "other" });
    await full.close();
    const receiving2 = other.receive();
    const sent = sender.send({ body: 7 });
    const delivery = await within(receiving2, "the other link");
    expect(delivery.message.body).toBe(7);
    await delivery.accept();
    await within(sent, "its send");
    const fates = new Set(await within(Promise.all(sends), "the closed link's sends"));
    expect([...fates].every((fate) => ["released", "not-sent", "in-doubt"].includes(String(fate)))).toBe(true);
  }, 20_000);
});

describe("F.1 large messages", () => {
  const MiB = 1024 * 1024;

  test.each([1, 20])("%i MiB both ways", async (size) => {
    const limits = { maxMessageSize: 32 * MiB };
    const { sending, receiving } = await pair({ server: { limits }, client: { limits } });
    const body = filled(size * MiB);
    const [up, far] = await sending<Uint8Array>({ address: "up" });
    const [near, down] = await receiving<Uint8Array>({ address: "down" });
    const taking = [far, near].map(async (receiver) => {
      const delivery = await receiver.receive();
      await delivery.accept();
      return Buffer.compare(delivery.message.body, body);
    });
    await within(Promise.all([up.send({ body }), down.send({ body })]), "both sends", 20_000);
    expect(await Promise.all(taking)).toEqual([0, 0]);
  }, 30_000);

  test("two at once take turns, and small ones of other links pass them", async () => {
    const limits = { maxMessageSize: 32 * MiB };
    const { sending } = await pair({ server: { limits }, client: { limits } });
    const body = filled(20 * MiB);
    const order: string[] = [];
    const links = [await sending<Uint8Array>({ address: "a" }), await sending<Uint8Array>({ address: "b" })] as const;
    const [small, smallEnd] = await sending<number>({ address: "small" });
    const taking = [...links.entries()].map(async ([n, [, receiver]]) => {
      const delivery = await receiver.receive();
      order.push(`large ${n}`);
      expect(Buffer.compare(delivery.message.body, body)).toBe(0);
      await delivery.accept();
    });
    const tiny = (async () => {
      for await (const { message } of smallEnd.take({ max: 5 })) order.push(`small ${message.body}`);
    })();
    await within(small.ready(), "credit");
    await Promise.all(links.map(([sender]) => sender.ready()));
    const larges = links.map(([sender]) => sender.send({ body }));
    for (let n = 0; n < 5; n++) await within(small.send({ body: n }), "a small one", 10_000);
    await within(Promise.all([...larges, ...taking, tiny]), "all", 20_000);
    expect(order.slice(0, 2).every((what) => what.startsWith("small"))).toBe(true);
    expect(order).toHaveLength(7);
  }, 30_000);

  test("frames of two large messages alternate on the wire", async () => {
    const scene = await stage({ open: { maxFrameSize: 4096 } });
    const { peer, connection } = scene;
    const senders: Sender[] = [];
    for (const name of ["a", "b"]) {
      const opening = connection.createSender(name);
      peer.reply(await peer.until("begin"), { incomingWindow: 1_000 });
      peer.reply(await peer.until("attach"));
      peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5, incomingWindow: 1_000 });
      const sender = await within(opening, name);
      await within(sender.ready(), "credit");
      senders.push(sender);
    }
    for (const sender of senders) void sender.send({ body: new Uint8Array(400_000) }).catch(() => {});
    const frames = (): number[] => peer.frames().filter(({ name }) => name === "transfer").map(({ channel }) => channel);
    await until(() => peer.frames().filter(({ name, fields }) => name === "transfer" && fields["more"] !== true).length === 2);
    const channels = frames();
    const longest = Math.max(...channels.join("").split(/(?<=(.))(?!\1)/).map((run) => run.length));
    expect(channels.length).toBeGreaterThan(180);
    expect(longest).toBeLessThan(60);
  });

  test("larger than the receiver takes: EncodeError at the sender's call", async () => {
    const { sending } = await pair({ server: { limits: { maxMessageSize: MiB } } });
    const [sender] = await sending<Uint8Array>();
    expect(() => sender.send({ body: filled(2 * MiB) })).toThrow(expect.objectContaining({ code: "message-too-large" }));
  });
});

/** Octets that differ from their neighbours. */
function filled(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 251) bytes.fill(i & 0xff, i, i + 251);
  return bytes;
}
