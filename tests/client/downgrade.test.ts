/** X.10: a peer that cannot do what an exactly-once link asks for: told, or done with less where the program allows that; never silently. */

import { describe, expect, test } from "@jest/globals";
import { LinkError } from "../../src/index.ts";
import type { SenderOptions } from "../../src/index.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { within } from "../protocol/harness.ts";
import { answer, failure, stage } from "./support.ts";
import type { Stage } from "./support.ts";

const REFUSAL = { condition: "amqp:not-implemented", description: "rcv-settle-mode second not supported" };

/** How a peer says that it has not implemented what an attach asks for. */
const WAYS: readonly (readonly [string, (scene: Stage) => Promise<Frame>])[] = [
  ["ends the session", async ({ peer }) => {
    peer.reply(await peer.until("begin"));
    const attach = await peer.until("attach");
    peer.send("end", { error: REFUSAL });
    await peer.until("end");
    return attach;
  }],
  ["detaches the link", async ({ peer }) => {
    peer.reply(await peer.until("begin"));
    const attach = await peer.until("attach");
    peer.reply(attach, attach.fields["role"] === "sender" ? { target: null } : { source: null });
    peer.send("detach", { closed: true, error: REFUSAL });
    await peer.until("detach");
    return attach;
  }],
];

describe.each(WAYS)("X.10 a peer that %s with not-implemented", (way, refuse) => {
  test.each(["sender", "receiver"] as const)("a %s: LinkError guarantee-not-supported, with what the peer said", async (role) => {
    const scene = await stage();
    const failing = failure(open(scene, role, {}));
    const attach = await refuse(scene);
    expect(attach.fields["rcvSettleMode"]).toBe("second");
    const error = await failing;
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({ code: "guarantee-not-supported", condition: REFUSAL.condition, description: REFUSAL.description, origin: "remote" });
    expect(error.message).toContain('guaranteeFallback: "at-least-once"');
    expect([...scene.connection.links()]).toEqual([]);
  });

  test.each(["sender", "receiver"] as const)("a %s with a fallback attaches again under its name, asking for less", async (role) => {
    const scene = await stage();
    const opening = open(scene, role, { guaranteeFallback: "at-least-once" });
    const first = await refuse(scene);
    if (way === "ends the session") scene.peer.reply(await scene.peer.until("begin"));
    const second = await scene.peer.until("attach");
    expect(second.fields["rcvSettleMode"] ?? "first").toBe("first");
    expect(second.fields["name"]).toBe(first.fields["name"]);
    scene.peer.reply(second);
    const link = await within(opening, "the link");
    expect([link.guarantee, link.recovery]).toEqual(["at-least-once", "new"]);
  });
});

describe("X.10 modes that the peer returns", () => {
  test.each([
    ["rcv-settle-mode first", { rcvSettleMode: "first" }],
    ["snd-settle-mode mixed", { sndSettleMode: "mixed" }],
  ])("%s is not enough for exactly-once; a fallback is content with it", async (_, returned) => {
    for (const fallback of [undefined, "at-least-once"] as const) {
      const scene = await stage();
      const opening = scene.connection.createSender("q", { guarantee: "exactly-once", guaranteeFallback: fallback });
      await answer(scene.peer, returned);
      if (fallback === undefined) expect(await failure(opening)).toMatchObject({ code: "guarantee-not-supported" });
      else expect((await within(opening, "the sender")).guarantee).toBe("at-least-once");
    }
  });
});

test("X.10 links of the same session that were open before come back with one that asks for less", async () => {
  const scene = await stage({ connect: { reconnect: { initialDelay: 1, maxDelay: 5 } } });
  const { peer } = scene;
  const opening = scene.connection.session();
  peer.reply(await peer.until("begin"));
  const session = await within(opening, "the session");
  const old = session.createSender("old");
  peer.reply(await peer.until("attach"));
  const sender = await within(old, "the old sender");
  const asking = session.createSender("new", { guarantee: "exactly-once", guaranteeFallback: "at-least-once" });
  await peer.until("attach");
  peer.send("end", { error: REFUSAL });
  peer.reply(await peer.until("begin"));
  for (let n = 0; n < 2; n++) peer.reply(await peer.until("attach"));
  expect((await within(asking, "the new sender")).guarantee).toBe("at-least-once");
  expect([sender.recovery, sender.state.remote]).toEqual(["reattached", "active"]);
});

test("X.10 without reconnect they end with their session, as ever", async () => {
  const scene = await stage();
  const { peer } = scene;
  const opening = scene.connection.session();
  peer.reply(await peer.until("begin"));
  const session = await within(opening, "the session");
  const old = session.createSender("old");
  peer.reply(await peer.until("attach"));
  const sender = await within(old, "the old sender");
  const asking = session.createSender("new", { guarantee: "exactly-once", guaranteeFallback: "at-least-once" });
  await peer.until("attach");
  peer.send("end", { error: REFUSAL });
  expect(await failure(asking)).toMatchObject({ code: "session-ended", condition: REFUSAL.condition });
  expect(await sender.closed).toMatchObject({ code: "session-ended" });
});

function open({ connection }: Stage, role: "sender" | "receiver", options: SenderOptions): ReturnType<Stage["connection"]["createSender"]> {
  const all = { guarantee: "exactly-once", ...options } as const;
  return role === "sender" ? connection.createSender("q", all) : connection.createReceiver("q", all) as never;
}
