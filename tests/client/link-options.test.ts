/** What the options of links say on the wire. */

import { describe, expect, test } from "@jest/globals";
import {
  AtLeastOnce, AtMostOnce, Copy, DurableSubscription, DynamicNodeProperties, ExactlyOnce, Filter, Move, Selector, types,
} from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { answer, receiverOn, senderOn, stage } from "./support.ts";

describe("P02 Proton's link options on the wire", () => {
  test.each([
    [AtMostOnce(), { sndSettleMode: "settled", rcvSettleMode: "first" }],
    [AtLeastOnce(), { sndSettleMode: "unsettled", rcvSettleMode: "first" }],
    [ExactlyOnce(), { sndSettleMode: "unsettled", rcvSettleMode: "second" }],
  ] as const)("%j as a settle mode of both roles", async (option, modes) => {
    const scene = await stage();
    await senderOn(scene, 0, { options: [option] }, modes);
    await receiverOn(scene, { options: option }, modes);
    const attaches = scene.peer.frames().filter(({ name }) => name === "attach");
    expect(attaches.map(({ fields }) => [fields["role"], fields["sndSettleMode"], fields["rcvSettleMode"]])).toEqual([
      ["sender", modes.sndSettleMode, modes.rcvSettleMode], ["receiver", modes.sndSettleMode, modes.rcvSettleMode],
    ]);
  });

  test("Selector, Filter, DurableSubscription, Copy: the fields of the source", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver("news", {
      options: [Selector("colour = 'red'", "only-red"), Filter({ "my:filter": types.described("my:filter:list", 5) }), DurableSubscription(), Copy()],
    });
    const { fields } = await answer(scene.peer);
    expect(fields["source"]).toMatchObject({ address: "news", durable: 2, expiryPolicy: "never", distributionMode: "copy" });
    expect(scene.peer.frames().map(({ name }) => name)).toEqual(["header", "sasl-init", "header", "open", "begin", "attach"]);
    expect(fields["source"]).toMatchObject({ filter: {
      "my:filter": { described: ["my:filter:list", 5] },
      "only-red": { described: ["apache.org:selector-filter:string", "colour = 'red'"] },
    } });
    const receiver = await within(opening, "the receiver");
    expect(Object.keys(receiver.remoteSource.filter)).toEqual(["my:filter", "only-red"]);
    await receiverOn(scene, { options: [Move()] });
    expect(scene.peer.frames().at(-1)?.fields["source"]).toMatchObject({ distributionMode: "move" });
  });

  test("J11 DynamicNodeProperties on the dynamic source, and on the dynamic target", async () => {
    const scene = await stage();
    const properties = { "lifetime-policy": types.described("amqp:delete-on-close:list", []), "supported-dist-modes": types.symbol("move") };
    const wire = { "lifetime-policy": { described: ["amqp:delete-on-close:list", []] }, "supported-dist-modes": "move" };
    for (const role of ["receiver", "sender"] as const) {
      const options = [DynamicNodeProperties(properties)];
      const opening = role === "receiver" ? scene.connection.createReceiver(undefined, { dynamic: true, options }) : scene.connection.createSender({ dynamic: true }, { options });
      const made = { address: "made-by-peer", dynamic: true, dynamicNodeProperties: { "lifetime-policy": null } };
      const { fields } = await answer(scene.peer, role === "receiver" ? { source: made } : { target: made });
      expect(fields[role === "receiver" ? "source" : "target"]).toMatchObject({ dynamic: true, dynamicNodeProperties: wire });
      const link = await within<{ remoteSource: unknown; remoteTarget: unknown }>(opening, "the link");
      expect(role === "receiver" ? link.remoteSource : link.remoteTarget).toMatchObject({ address: "made-by-peer", dynamic: true, properties: { "lifetime-policy": null } });
    }
  });
});
