/** Every hostile row against a listener of ours, with a well-behaved neighbour connected all the while. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { AmqpError, Container } from "../../src/index.ts";
import type { Connection, LinkRequest, Listener, Receiver } from "../../src/index.ts";
import { hex } from "../../src/testing/codec/octets.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Script } from "../../src/testing/script.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { afterwards, within } from "./harness.ts";
import { expectAnswer, reach } from "./stages.ts";
import { rowsAgainst } from "./vectors.ts";
import type { HostileRow } from "./vectors.ts";

const ROWS: ReadonlyMap<string, HostileRow> = new Map(rowsAgainst("listener").map((row) => [row.title, row]));

let container: Container;
let listener: Listener;
let neighbour: ScriptedPeer;
let neighbourScript: Script;
const connections: Connection[] = [];
const background: Promise<unknown>[] = [];
const leave = new Deferred();

beforeAll(async () => {
  container = new Container({ id: "listener", onError: () => {} });
  listener = await container.listen("amqp://127.0.0.1:0", { allowedMechs: "ANONYMOUS" });
  background.push(listener.serve(serveRow), collect());
  const ready = new Deferred<Script>();
  neighbour = await ScriptedPeer.connect(listener.url, async (peer) => {
    await peer.handshake({ containerId: "neighbour" });
    peer.send("begin");
    await peer.expect("begin");
    ready.resolve(peer);
    await leave.promise;
    peer.send("close");
    await peer.until("close", { error: undefined });
  });
  neighbourScript = await ready.promise;
});

afterEach(async () => {
  neighbourScript.send("flow", { echo: true });
  await neighbourScript.until("flow");
});

afterAll(async () => {
  leave.resolve();
  await neighbour.done;
  await neighbour.close();
  await container.close();
  await within(Promise.allSettled(background), "loops over a listener that was closed");
});

async function collect(): Promise<void> {
  for await (const connection of listener) connections.push(connection);
}

// the peer attaches to the row's title, so that the link gets the row's options
async function serveRow(request: LinkRequest): Promise<void> {
  if (request.role === "sender") {
    const sender = await request.accept();
    await sender.send({ body: "one" }).catch(() => {});
    return;
  }
  const row = ROWS.get(request.target?.address ?? "");
  const idle = row?.stage === "idle-sender";
  const receiver = await request.accept({ ...row?.link, ...(idle ? { prefetch: 0 } : {}) });
  if (!idle) background.push(takeAll(receiver));
}

async function takeAll(receiver: Receiver): Promise<void> {
  try {
    for await (const delivery of receiver) void delivery;
  } catch {
    // the row's answer says what became of the link
  }
}

async function attack(row: HostileRow, url: string): Promise<void> {
  const peer = await ScriptedPeer.connect(url, async (script) => {
    const reached = await reach(script, row.stage, "listener", row.title);
    await row.attack(script, reached);
    await expectAnswer(script, row.answer);
  }, { timeout: 2500 });
  afterwards(() => peer.close());
  await peer.done;
}

describe("hostile peers of a listener", () => {
  test.each([...ROWS.values()])("$title", async (row) => {
    const before = connections.length;
    await attack(row, listener.url);
    for (const connection of connections.slice(before)) {
      const error = await within(connection.closed, "closed");
      if (error !== undefined) expect(error).toBeInstanceOf(AmqpError);
      if (row.answer.kind === "close" && row.stage !== "header") expect(error?.condition).toBe(row.answer.condition);
    }
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("B4 the AMQP header where SASL is required", async () => {
    const strict = await container.listen("amqp://127.0.0.1:0", { allowedMechs: "PLAIN", authenticate: () => true });
    afterwards(() => strict.close());
    await attack({ title: "B4", against: "listener", stage: "connected", attack: (peer) => peer.sendHeader("amqp"), answer: { kind: "drop", header: "sasl" } }, strict.url);
  });

  test("B58 silence, and one octet a second: the handshake has 10 s", async () => {
    const clock = new ManualClock();
    const timed = new Container({ id: "timed", clock, onError: () => {} });
    const slow = await timed.listen("amqp://127.0.0.1:0", { allowedMechs: "ANONYMOUS" });
    afterwards(() => timed.close());
    const connected = [new Deferred(), new Deferred()];
    const silent = await ScriptedPeer.connect(slow.url, async (peer) => {
      connected[0]?.resolve();
      await peer.untilEof();
    });
    const dribbling = await ScriptedPeer.connect(slow.url, async (peer) => {
      peer.raw(hex("41"));
      connected[1]?.resolve();
      await peer.untilEof();
    });
    await Promise.all(connected.map(({ promise }) => promise));
    await clock.advance(9_000);
    await clock.advance(2_000);
    await Promise.all([silent.done, dribbling.done]);
    await Promise.all([silent.close(), dribbling.close()]);
  });

  test("B75 the name of a link that another connection of the same container holds: that one is stolen", async () => {
    const attached = new Deferred();
    const first = await ScriptedPeer.connect(listener.url, async (peer) => {
      await reach(peer, "sender", "listener", "B75");
      attached.resolve();
      await peer.until("detach", { closed: true, error: { condition: "amqp:link:stolen" } });
    });
    afterwards(() => first.close());
    await attached.promise;
    const second = await ScriptedPeer.connect(listener.url, async (peer) => void (await reach(peer, "sender", "listener", "B75")));
    afterwards(() => second.close());
    await Promise.all([first.done, second.done]);
  });
});
