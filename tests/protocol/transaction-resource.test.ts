/** T: transactions that a scripted peer controls, with a listener of ours as the resource (part 4 of the standard). */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, Container } from "../../src/index.ts";
import type { LinkRequest, Sender } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { hex } from "../../src/testing/codec/octets.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import type { Script } from "../../src/testing/script.ts";
import { failure, settled, until } from "../client/support.ts";
import { ALL, DECLARE, ID, text } from "../client/transaction-support.ts";
import { afterwards, within } from "./harness.ts";

/** A listener with a coordinator, and a scripted controller that is connected to it and has a session. */
interface Resource {
  readonly peer: Script;
  /** What the coordinator was asked. */
  readonly log: string[];
  readonly senders: Sender[];
}

async function resource(options: { timeout?: number; discharge?: (failed: boolean) => unknown; take?: boolean } = {}): Promise<Resource> {
  const log: string[] = [];
  const senders: Sender[] = [];
  let ids = 0;
  const container = new Container({ onError: () => {} });
  const listener = await container.listen("amqp://127.0.0.1:0");
  const serving = listener.serve(async (request: LinkRequest) => {
    if (request.role === "sender") {
      senders.push(await request.accept());
      return;
    }
    if (request.target?.type !== "coordinator") {
      const receiver = await request.accept({ prefetch: 10 });
      // Credit, and nobody who takes.
      if (options.take === false) receiver.flow(10);
      else for await (const { message } of receiver) log.push(`posted ${String(message.body)}`);
      return;
    }
    await request.accept({
      coordinator: {
        declare: () => hex(`0${++ids}`),
        discharge: (txnId, failed) => {
          log.push(`${text(txnId)} ${failed ? "failed" : "committed"}`);
          return options.discharge?.(failed);
        },
        ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
      },
    });
  });
  let release = (): void => {};
  const over = new Promise<void>((resolve) => { release = resolve; });
  let given!: (script: Script) => void;
  const script = new Promise<Script>((resolve) => { given = resolve; });
  const peer = await ScriptedPeer.connect(listener.url, async (one) => {
    await one.handshake();
    one.send("begin");
    await one.expect("begin");
    given(one);
    await over;
  });
  afterwards(async () => {
    release();
    await peer.close();
    await container.close({ timeout: 500 }).catch(() => {});
    await serving.catch(() => {});
  });
  return { peer: await script, log, senders };
}

const MODES = { sndSettleMode: "unsettled", rcvSettleMode: "first" };

/** Attaches the control link at handle 0 and declares. Answers the txn-id. */
async function control(peer: Script, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
  peer.send("attach", { name: "control", role: "sender", handle: 0, ...MODES, source: {}, target: { type: "coordinator", capabilities: ["amqp:local-transactions"] }, ...fields });
  await peer.until("attach", { target: { type: "coordinator", capabilities: ALL } });
  await peer.until("flow", { handle: 0, linkCredit: (credit: unknown) => Number(credit) > 0 });
}

/** Sends declare and answers the id that comes back. */
async function declare(peer: Script): Promise<Uint8Array> {
  peer.send("transfer", { handle: 0 }, hex(DECLARE));
  const { fields } = await peer.until("disposition", { settled: true, state: { type: "declared" } });
  return (fields["state"] as { txnId: Uint8Array }).txnId;
}

function discharge(peer: Script, id: Uint8Array, fail: boolean): void {
  peer.send("transfer", { handle: 0 }, encodeMessage({ value: { described: [0x32, [id, fail]] } }));
}

/** Attaches a publishing link at handle 1. */
async function publisher(peer: Script, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
  peer.send("attach", { name: "posts", role: "sender", handle: 1, ...MODES, source: {}, target: { address: "q" }, ...fields });
  await peer.until("attach");
  await peer.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
}

/** Attaches a consuming link at handle 1 and gives credit. */
async function consumer({ peer, senders }: Resource): Promise<Sender> {
  peer.send("attach", { name: "takes", role: "receiver", handle: 1, ...MODES, source: { address: "q" }, target: {} });
  await peer.until("attach");
  peer.send("flow", { handle: 1, deliveryCount: 0, linkCredit: 10 });
  await until(() => senders.length === 1);
  return senders[0] as Sender;
}

describe("the resource", () => {
  test("T.1 answers declare with declared and discharge with accepted, settled", async () => {
    const { peer, log } = await resource();
    await control(peer);
    const id = await declare(peer);
    expect(text(id)).toBe("01");
    discharge(peer, id, false);
    await peer.until("disposition", { first: 1, settled: true, state: "accepted" });
    expect(log).toEqual(["01 committed"]);
    discharge(peer, await declare(peer), true);
    await peer.until("disposition", { settled: true, state: "accepted" });
    expect(log).toEqual(["01 committed", "02 failed"]);
  });

  test("T.1 symbolic descriptors are as good", async () => {
    const { peer, log } = await resource();
    await control(peer);
    peer.send("transfer", { handle: 0 }, encodeMessage({ value: { described: ["amqp:declare:list", []] } }));
    await peer.until("disposition", { state: { type: "declared" } });
    peer.send("transfer", { handle: 0 }, encodeMessage({ value: { described: ["amqp:discharge:list", [hex("01"), false]] } }));
    await peer.until("disposition", { state: "accepted" });
    expect(log).toEqual(["01 committed"]);
  });

  test("T.1 a settled request ends the control link, and rolls back", async () => {
    const { peer, log } = await resource();
    await control(peer, { sndSettleMode: "mixed" });
    await declare(peer);
    peer.send("transfer", { handle: 0, settled: true }, hex(DECLARE));
    await peer.until("detach", { error: { condition: "amqp:not-allowed" } });
    expect(log).toEqual(["01 failed"]);
  });

  test.each([
    ["an id that it did not give", encodeMessage({ value: { described: [0x32, [hex("77"), false]] } }), "amqp:transaction:unknown-id"],
    ["a body that is neither", encodeMessage({ value: "commit, please" }), "amqp:not-implemented"],
    ["a discharge without an id", encodeMessage({ value: { described: [0x32, [null, false]] } }), "amqp:invalid-field"],
    ["a global id", encodeMessage({ value: { described: [0x31, [hex("99")]] } }), "amqp:not-implemented"],
  ] as const)("T.4 %s is rejected", async (_what, payload, condition) => {
    const { peer } = await resource();
    await control(peer);
    peer.send("transfer", { handle: 0 }, payload);
    await peer.until("disposition", { first: 0, settled: true, state: { type: "rejected", error: { condition } } });
    expect(text(await declare(peer))).toBe("01");
  });

  test("T.4 where the source takes no rejected, the link is detached with the error", async () => {
    const { peer } = await resource();
    await control(peer, { source: { outcomes: ["amqp:accepted:list"] } });
    discharge(peer, hex("77"), false);
    await peer.until("detach", { handle: 0, closed: true, error: { condition: "amqp:transaction:unknown-id" } });
  });

  test.each([
    ["its own condition", Object.assign(new Error("no room"), { condition: "amqp:resource-limit-exceeded" }), "amqp:resource-limit-exceeded"],
    ["amqp:transaction:rollback", new Error("no room"), "amqp:transaction:rollback"],
  ] as const)("T.4 a coordinator that throws rejects the discharge with %s, and what was retired is live again", async (_what, thrown, condition) => {
    const place = await resource({ discharge: (failed) => { if (!failed) throw thrown; } });
    const { peer } = place;
    await control(peer);
    const id = await declare(peer);
    const sender = await consumer(place);
    const given = sender.send({ body: "one" });
    const { fields } = await peer.until("transfer");
    peer.send("disposition", { role: "receiver", first: fields["deliveryId"], settled: false, state: { type: "transactional-state", txnId: id, outcome: "accepted" } });
    discharge(peer, id, false);
    await peer.until("disposition", { role: "receiver", state: { type: "rejected", error: { condition, description: "no room" } } });
    expect(await settled(given)).toBe(false);
    peer.send("disposition", { role: "receiver", first: fields["deliveryId"], settled: true, state: "accepted" });
    await within(given, "the outcome that was told anew");
  });

  test("T.2 answers what is posted with the transaction's state, before it accepts the discharge", async () => {
    const { peer, log } = await resource();
    await control(peer);
    const id = await declare(peer);
    await publisher(peer);
    // All of it in one segment: the commit is there before anybody has taken a message.
    peer.raw(Buffer.concat([
      peer.encode("transfer", { handle: 1, state: { type: "transactional-state", txnId: id } }, encodeMessage({ value: "a" })),
      peer.encode("transfer", { handle: 1, state: { type: "transactional-state", txnId: id } }, encodeMessage({ value: "b" })),
      peer.encode("transfer", { handle: 0 }, encodeMessage({ value: { described: [0x32, [id, false]] } })),
    ]));
    await peer.until("disposition", { role: "receiver", first: 3, settled: true, state: "accepted" });
    const told = peer.frames().filter(({ name, fields }) => name === "disposition" && fields["first"] !== 0);
    expect(told[0]?.fields).toMatchObject({ first: 1, last: 2, settled: true, state: { type: "transactional-state", txnId: id, outcome: { type: "accepted" } } });
    expect(log).toEqual(["posted a", "posted b", "01 committed"]);
  });

  test("T.2 a message in a transaction that is not known is rejected and never seen", async () => {
    const { peer, log } = await resource();
    await publisher(peer);
    peer.send("transfer", { handle: 1, state: { type: "transactional-state", txnId: hex("55") } }, encodeMessage({ value: "a" }));
    await peer.until("disposition", { first: 0, settled: true, state: { type: "rejected", error: { condition: "amqp:transaction:unknown-id" } } });
    peer.send("transfer", { handle: 1 }, encodeMessage({ value: "b" }));
    await peer.until("disposition", { first: 1, state: "accepted" });
    expect(log).toEqual(["posted b"]);
  });

  test("T.2 one that came settled ends its link", async () => {
    const { peer, log } = await resource();
    await publisher(peer, { sndSettleMode: "settled" });
    peer.send("transfer", { handle: 1, settled: true, state: { type: "transactional-state", txnId: hex("55") } }, encodeMessage({ value: "a" }));
    await peer.until("detach", { error: { condition: "amqp:transaction:unknown-id" } });
    expect(log).toEqual([]);
  });

  test("T.3 a discharge in the middle of a message ends the control link with amqp:transaction:rollback (4.4.1)", async () => {
    const { peer, log } = await resource();
    await control(peer);
    const id = await declare(peer);
    await publisher(peer);
    peer.send("transfer", { handle: 1, more: true, state: { type: "transactional-state", txnId: id } }, encodeMessage({ value: "a" }));
    discharge(peer, id, false);
    await peer.until("detach", { handle: 0, closed: true, error: { condition: "amqp:transaction:rollback" } });
    expect(log).toEqual(["01 failed"]);
  });

  test("T.3 a message that is lost with its link before anybody took it makes the commit fail", async () => {
    const { peer, log } = await resource({ take: false });
    await control(peer);
    const id = await declare(peer);
    await publisher(peer);
    peer.send("transfer", { handle: 1, state: { type: "transactional-state", txnId: id } }, encodeMessage({ value: "a" }));
    discharge(peer, id, false);
    peer.send("detach", { handle: 1, closed: true });
    await peer.until("disposition", { first: 2, state: { type: "rejected", error: { condition: "amqp:transaction:rollback" } } });
    expect(log).toEqual(["01 failed"]);
  });

  test("T.3 an outcome counts at the commit and not before; it is then settled with it", async () => {
    const place = await resource();
    const { peer } = place;
    await control(peer);
    const id = await declare(peer);
    const sender = await consumer(place);
    const given = sender.send({ body: "one" });
    const { fields } = await peer.until("transfer");
    peer.send("disposition", { role: "receiver", first: fields["deliveryId"], settled: false, state: { type: "transactional-state", txnId: id, outcome: "accepted" } });
    expect(await settled(given)).toBe(false);
    discharge(peer, id, false);
    await peer.until("disposition", { role: "sender", first: fields["deliveryId"], settled: true, state: "accepted" });
    expect((await within(given, "the outcome")).outcome).toEqual({ type: "accepted" });
  });

  test("T.3 a delivery in two transactions that are open ends the control link with amqp:transaction:rollback (4.4.2)", async () => {
    const place = await resource();
    const { peer, log } = place;
    await control(peer);
    const [one, two] = [await declare(peer), await declare(peer)];
    const sender = await consumer(place);
    const given = sender.send({ body: "one" });
    const { fields } = await peer.until("transfer");
    for (const txnId of [one, two]) peer.send("disposition", { role: "receiver", first: fields["deliveryId"], settled: false, state: { type: "transactional-state", txnId, outcome: "accepted" } });
    await peer.until("detach", { handle: 0, error: { condition: "amqp:transaction:rollback" } });
    expect(log).toEqual(["01 failed", "02 failed"]);
    expect(await settled(given)).toBe(false);
  });

  test("T.3 an outcome in a transaction that is not known changes nothing; settled with it, the default outcome applies", async () => {
    const place = await resource();
    const { peer } = place;
    const sender = await consumer(place);
    const [one, two] = [sender.send({ body: "one" }), failure(sender.send({ body: "two" }))];
    await peer.until("transfer");
    await peer.until("transfer");
    const state = { type: "transactional-state", txnId: hex("55"), outcome: "accepted" };
    peer.send("disposition", { role: "receiver", first: 0, settled: false, state });
    peer.send("disposition", { role: "receiver", first: 1, settled: true, state });
    expect(await two).toMatchObject({ code: "released" });
    expect(await settled(one)).toBe(false);
    peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    await within(one, "the outcome that was told anew");
  });

  test.each([
    ["control link", (peer: Script) => peer.send("detach", { handle: 0, closed: true })],
    ["session", (peer: Script) => peer.send("end")],
    ["connection", (peer: Script) => peer.drop("rst")],
  ] as const)("T.5 a %s that is gone rolls its transactions back, each once", async (_what, lose) => {
    const { peer, log } = await resource();
    await control(peer);
    await declare(peer);
    const second = await declare(peer);
    discharge(peer, second, false);
    await peer.until("disposition", { state: "accepted" });
    lose(peer);
    await until(() => log.length === 2);
    expect(log).toEqual(["02 committed", "01 failed"]);
  });

  test("T.5 one that takes too long is rolled back, and its discharge is rejected with amqp:transaction:timeout", async () => {
    const { peer, log } = await resource({ timeout: 20 });
    await control(peer);
    const id = await declare(peer);
    await until(() => log.length === 1);
    expect(log).toEqual(["01 failed"]);
    discharge(peer, id, false);
    await peer.until("disposition", { first: 1, state: { type: "rejected", error: { condition: "amqp:transaction:timeout" } } });
    discharge(peer, id, false);
    await peer.until("disposition", { first: 2, state: { type: "rejected", error: { condition: "amqp:transaction:unknown-id" } } });
  });

  test("T.6 transactional acquisition is refused: the link ends with amqp:not-implemented (4.4.3)", async () => {
    const place = await resource();
    const { peer } = place;
    await control(peer);
    const id = await declare(peer);
    await consumer(place);
    peer.send("flow", { handle: 1, deliveryCount: 0, linkCredit: 1, properties: { "txn-id": id } });
    await peer.until("detach", { handle: 1, error: { condition: "amqp:not-implemented" } });
  });

  test("T.6 a link that wants no coordinator cannot be accepted with one, and the other way round", async () => {
    const container = new Container({ onError: () => {} });
    const listener = await container.listen("amqp://127.0.0.1:0");
    const asked: unknown[] = [];
    const serving = listener.serve(async (request) => {
      if (request.role !== "receiver") return;
      try {
        await request.accept(request.target?.type === "coordinator" ? {} : { coordinator: { declare: () => ID, discharge: () => {} } });
      } catch (error) {
        asked.push(error);
        await request.refuse({ condition: "amqp:not-allowed" });
      }
    });
    const client = await container.connect(listener.url);
    afterwards(async () => {
      await container.close({ timeout: 500 }).catch(() => {});
      await serving;
    });
    await failure(client.createSender("q"));
    await failure(client.transaction());
    expect(asked).toEqual([expect.any(ConfigError), expect.any(ConfigError)]);
    expect(String(asked[1])).toMatch(/give option "coordinator", or refuse\(\)/);
  });
});
