/** X: an exactly-once sender over lost connections, with a receiving peer of which the script forces each row of the table X.9. */

import { describe, expect, test } from "@jest/globals";
import type { SenderOptions } from "../../src/index.ts";
import { InDoubtError } from "../../src/index.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { cleanups, dial, mapOf, peer, play, received, stateText, theirs, transferText } from "./support.ts";

void cleanups;

interface Resumed {
  readonly map: Record<string, string> | undefined;
  readonly transfers: string[];
  readonly dispositions: string[];
}

/**
 * Sends tags a, b, c..., loses the connection before anything but `first` is told, and answers the second attach with `map`. Resolves
 * with what came on the second connection until `frames` transfers and dispositions were there.
 */
async function resume(tags: readonly string[], map: Record<string, unknown> | undefined, frames: number, {
  options, first = {}, accepts = [], more = {},
}: { options?: SenderOptions; first?: Record<string, unknown>; accepts?: readonly string[]; more?: Record<string, unknown> } = {}) {
  const said = new Deferred<Resumed>();
  const server = await peer(async (script, connection) => {
    await script.handshake({ containerId: "them" });
    script.reply(await script.until("begin"));
    const attach = await script.until("attach");
    if (connection === 0) {
      expect(attach.fields["unsettled"]).toBeUndefined();
      script.reply(attach);
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
      for (const tag of tags) {
        const { fields } = await script.until("transfer");
        if (first[tag] !== undefined) script.send("disposition", { role: "receiver", first: fields["deliveryId"], state: first[tag] });
      }
      if (Object.keys(first).length !== 0) {
        script.send("flow", { handle: 0, deliveryCount: tags.length, linkCredit: 100, echo: true });
        await script.until("flow");
      }
      script.drop("rst");
      return;
    }
    const seen: Resumed = { map: mapOf(attach), transfers: [], dispositions: [] };
    script.reply(attach, { ...map === undefined ? {} : { unsettled: theirs(map) }, ...more });
    script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
    if (frames === 0) said.resolve(seen);
    await play(script, (frame) => {
      if (frame.name === "transfer") {
        seen.transfers.push(transferText(frame));
        const tag = Buffer.from(frame.fields["deliveryTag"] as Uint8Array).toString();
        if (accepts.includes(tag) && frame.fields["aborted"] !== true) script.send("disposition", { role: "receiver", first: frame.fields["deliveryId"], state: "accepted" });
      }
      if (frame.name === "disposition") seen.dispositions.push(`${String(frame.fields["first"])}${frame.fields["settled"] === true ? " settled" : ""} ${stateText(frame.fields["state"])}`);
      if (seen.transfers.length + seen.dispositions.length === frames) said.resolve(seen);
    });
  });
  const connection = await dial(server.url);
  const sender = await connection.createSender("q", { name: "link", guarantee: "exactly-once", ...options });
  const sends = tags.map((tag) => sender.send({ body: "x" }, { tag }));
  for (const send of sends) send.catch(() => undefined);
  return { connection, sender, sends, said: said.promise };
}

// "x" is one section of six octets: 00 53 77 a1 01 78.
describe("an exactly-once sender that is resumed", () => {
  test("X.9.1 null and absent: sent again as a new delivery under its tag, without resume", async () => {
    const { sends, said, sender, connection } = await resume(["a"], {}, 2, { accepts: ["a"] });
    expect(await said).toEqual({ map: { a: "null" }, transfers: ["a 6"], dispositions: ["0 settled null"] });
    expect((await sends[0])?.outcome).toEqual({ type: "accepted" });
    expect(sender.recovery).toBe("resumed");
    expect(sender.unsettled.size).toBe(0);
    await connection.close();
  });

  test("X.9.2 null and received: resumed from the place that the receiver has reached", async () => {
    const { sends, said } = await resume(["a"], { a: received(0, 4) }, 2, { accepts: ["a"] });
    expect((await said).transfers).toEqual(["a resume received(0,4) 2"]);
    expect((await sends[0])?.outcome?.type).toBe("accepted");
  });

  test("X.9.2 null and received to the end: an empty transfer binds what the receiver holds", async () => {
    const { sends, said } = await resume(["a"], { a: received(1, 0) }, 2, { accepts: ["a"] });
    expect((await said).transfers).toEqual(["a resume received(1,0) 0"]);
    expect((await sends[0])?.outcome?.type).toBe("accepted");
  });

  test("X.9.2 a place that is not in the message: aborted, and sent anew", async () => {
    const { sends, said } = await resume(["a"], { a: received(3, 0) }, 3, { accepts: ["a"] });
    expect((await said).transfers).toEqual(["a resume aborted 0", "a 6"]);
    expect((await sends[0])?.outcome?.type).toBe("accepted");
  });

  test("X.9.3 null and an outcome: the send has that outcome, and a settled transfer says so", async () => {
    const { sends, said } = await resume(["a"], { a: "accepted" }, 1);
    expect((await said).transfers).toEqual(["a resume settled accepted 0"]);
    expect((await sends[0])?.outcome?.type).toBe("accepted");
    const other = await resume(["b"], { b: "released" }, 1);
    expect((await other.said).transfers).toEqual(["b resume settled released 0"]);
    await expect(other.sends[0]).rejects.toMatchObject({ outcome: { type: "released" } });
  });

  test("X.9.4 null and null: resent whole, with resume and its tag", async () => {
    const { sends, said } = await resume(["a"], { a: null }, 2, { accepts: ["a"] });
    expect((await said).transfers).toEqual(["a resume 6"]);
    expect((await sends[0])?.outcome?.type).toBe("accepted");
  });

  const kept: SenderOptions = { autoSettle: false };

  test("X.9.10 an outcome and absent: forgotten", async () => {
    const { sends, said, sender } = await resume(["a", "b"], {}, 1, { options: kept, first: { a: "accepted" }, accepts: ["b"] });
    expect(await said).toEqual({ map: { a: "accepted", b: "null" }, transfers: ["b 6"], dispositions: [] });
    await sends[1];
    expect(sender.unsettled.has("a")).toBe(false);
    expect(sender.unsettled.has("b")).toBe(true);
  });

  test("X.9.11 an outcome and received: aborted", async () => {
    const { said, sender } = await resume(["a"], { a: received(0, 2) }, 1, { options: kept, first: { a: "accepted" } });
    expect((await said).transfers).toEqual(["a resume aborted 0"]);
    expect(sender.unsettled.size).toBe(0);
  });

  test("X.9.12 the same outcome at both: a settled transfer", async () => {
    const { said, sender } = await resume(["a"], { a: "accepted" }, 1, { options: kept, first: { a: "accepted" } });
    expect((await said).transfers).toEqual(["a resume settled accepted 0"]);
    expect(sender.unsettled.size).toBe(0);
  });

  test("X.9.13 two outcomes: the sender restates its own, unsettled, and the receiver agrees and settles", async () => {
    const agreed = new Deferred<void>();
    const { said, sender, connection } = await resume(["a"], { a: "released" }, 1, { options: kept, first: { a: "accepted" } });
    expect((await said).transfers).toEqual(["a resume accepted 0"]);
    expect(sender.unsettled.get("a")?.remoteState?.type).toBe("accepted");
    agreed.resolve();
    await connection.close();
  });

  test("X.9.14 an outcome and null: aborted", async () => {
    const { said, sender } = await resume(["a"], { a: null }, 1, { options: kept, first: { a: "accepted" } });
    expect((await said).transfers).toEqual(["a resume aborted 0"]);
    expect(sender.unsettled.size).toBe(0);
  });

  test("X.4 nothing unsettled is an empty map, and the link says resumed", async () => {
    const { said, sends, sender } = await resume(["a"], {}, 0, { first: { a: "accepted" } });
    await sends[0];
    expect((await said).map).toEqual({});
    await sender.ready();
    expect(sender.recovery).toBe("resumed");
  });

  test("R.6 what is resumed and resent goes first, in its order, before what was called meanwhile", async () => {
    const tags = ["a", "b", "c", "d"];
    const { said, sends } = await resume(tags, { b: received(1, 0), d: "accepted" }, 4, { accepts: ["a", "b", "c"] });
    expect((await said).transfers).toEqual(["a 6", "b resume received(1,0) 0", "c 6", "d resume settled accepted 0"]);
    expect((await Promise.all(sends)).map(({ attempts }) => attempts)).toEqual([1, 1, 1, 0]);
  });

  test("X.10 a peer without a map knows nothing: in doubt unless \"resend\", and the link says downgraded", async () => {
    const doubt = await resume(["a"], undefined, 0, { options: { onInDoubt: "fail" } });
    await expect(doubt.sends[0]).rejects.toBeInstanceOf(InDoubtError);
    expect(doubt.sender.recovery).toBe("downgraded");
    const again = await resume(["a"], undefined, 2, { options: { onInDoubt: "resend" }, accepts: ["a"] });
    expect((await again.said).transfers).toEqual(["a 6"]);
    expect((await again.sends[0])?.outcome?.type).toBe("accepted");
    expect(again.sender.recovery).toBe("downgraded");
  });

  test("X.8 a map of theirs that is incomplete: what is visible is resumed and settled, nothing new is sent, and the next attachment shows the rest", async () => {
    const attaches: (Record<string, string> | undefined)[] = [];
    const seen: string[][] = [];
    const server = await peer(async (script) => {
      await script.handshake({ containerId: "them" });
      script.reply(await script.until("begin"));
      for (let n = 0; ; n++) {
        const attach = await script.until("attach");
        attaches.push(mapOf(attach));
        const transfers: string[] = [];
        seen.push(transfers);
        if (n === 0) {
          script.reply(attach);
          script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
          for (let left = 3; left > 0; left--) transfers.push(transferText(await script.until("transfer")));
          script.send("detach", { handle: 0, closed: false });
          await script.until("detach");
          continue;
        }
        const maps = [{}, { a: "accepted" }, { b: "accepted", c: received(1, 0) }];
        script.reply(attach, { handle: 0, unsettled: theirs(maps[n] as Record<string, unknown>), incompleteUnsettled: n === 1 });
        script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
        if (n === 1) {
          transfers.push(transferText(await script.until("transfer")));
          const detach = await script.until("detach");
          expect(detach.fields["closed"] ?? false).toBe(false);
          script.reply(detach);
          continue;
        }
        await play(script, (frame) => {
          if (frame.name !== "transfer") return;
          transfers.push(transferText(frame));
          if (frame.fields["settled"] !== true) script.reply(frame);
        });
        return;
      }
    });
    const connection = await dial(server.url);
    const sender = await connection.createSender("q", { name: "link", guarantee: "exactly-once" });
    const sends = ["a", "b", "c"].map((tag) => sender.send({ body: "x" }, { tag }));
    await sends[0];
    const late = sender.send({ body: "x" }, { tag: "d" });
    const done = await Promise.all([...sends, late]);
    expect(done.map(({ outcome }) => outcome?.type)).toEqual(["accepted", "accepted", "accepted", "accepted"]);
    await connection.close();
    expect(attaches).toEqual([undefined, { a: "null", b: "null", c: "null" }, { b: "null", c: "null" }]);
    expect(seen.slice(1)).toEqual([["a resume settled accepted 0"], ["b resume settled accepted 0", "c resume received(1,0) 0", "d 6"]]);
  });

  test("X.8 all that an incomplete map shows is told before the link attaches anew", async () => {
    const seen: string[][] = [];
    const server = await peer(async (script) => {
      await script.handshake({ containerId: "them" });
      script.reply(await script.until("begin"));
      for (let n = 0; ; n++) {
        const attach = await script.until("attach");
        const transfers: string[] = [];
        seen.push(transfers);
        script.reply(attach, n === 0 ? {} : { handle: 0, unsettled: theirs(n === 1 ? { a: "accepted", b: "accepted" } : {}), incompleteUnsettled: n === 1 });
        script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
        if (n === 0) {
          for (let left = 2; left > 0; left--) await script.until("transfer");
          script.send("detach", { handle: 0, closed: false });
          await script.until("detach");
          continue;
        }
        for (;;) {
          const frame = await script.next();
          if (frame.name === "transfer") transfers.push(transferText(frame));
          if (frame.name === "detach" || frame.name === "end" || frame.name === "close") script.reply(frame);
          if (frame.name === "detach") break;
          if (frame.name === "close") return;
        }
      }
    });
    const connection = await dial(server.url);
    const sender = await connection.createSender("q", { name: "link", guarantee: "exactly-once" });
    await Promise.all(["a", "b"].map((tag) => sender.send({ body: "x" }, { tag })));
    while (seen.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(seen[1]).toEqual(["a resume settled accepted 0", "b resume settled accepted 0"]);
  });

  test("X.8 our map is cut to the peer's frames and says incomplete, and everything goes on", async () => {
    const map = new Deferred<{ size: number; incomplete: unknown }>();
    const server = await peer(async (script, connection) => {
      await script.handshake({ containerId: "them", maxFrameSize: 512 });
      script.reply(await script.until("begin"));
      const attach = await script.until("attach");
      script.reply(attach, connection === 0 ? {} : { unsettled: new Map() });
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
      if (connection === 0) {
        for (let left = 100; left > 0; left--) await script.until("transfer");
        script.drop("rst");
        return;
      }
      map.resolve({ size: (attach.fields["unsettled"] as Map<unknown, unknown>).size, incomplete: attach.fields["incompleteUnsettled"] });
      await play(script, (frame) => {
        if (frame.name === "transfer") script.reply(frame);
      });
    });
    const connection = await dial(server.url);
    const sender = await connection.createSender("q", { name: "link", guarantee: "exactly-once" });
    const sends = Array.from({ length: 100 }, (_, n) => sender.send({ body: n }, { tag: `a tag of many octets ${n}` }));
    const { size, incomplete } = await map.promise;
    expect(size).toBeGreaterThan(5);
    expect(size).toBeLessThan(20);
    expect(incomplete).toBe(true);
    // Their map was complete, so what it leaves out never arrived: all of it goes again.
    expect((await Promise.all(sends)).every(({ outcome }) => outcome?.type === "accepted")).toBe(true);
    expect(sender.unsettled.size).toBe(0);
  });
});
