/** Proton's link options: what each stands for, and what is told of one that cannot be meant. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../src/errors.ts";
import {
  AtLeastOnce, AtMostOnce, Copy, DurableSubscription, DynamicNodeProperties, ExactlyOnce, Filter, Move, Selector,
} from "../../src/options/link-options.ts";
import type { LinkOption } from "../../src/options/link-options.ts";
import { resolveReceiverOptions, resolveSenderOptions } from "../../src/options/resolve-link.ts";

const receiver = (options: LinkOption | readonly LinkOption[], more: object = {}): ReturnType<typeof resolveReceiverOptions> =>
  resolveReceiverOptions("q", { options, ...more });

function message(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error("it did not throw");
}

describe("P02 each option is the plain one of its name", () => {
  test.each([
    ["AtMostOnce", AtMostOnce(), ["at-most-once", "settled", "first"]],
    ["AtLeastOnce", AtLeastOnce(), ["at-least-once", "unsettled", "first"]],
    ["ExactlyOnce", ExactlyOnce(), ["exactly-once", "unsettled", "second"]],
  ] as const)("%s, of both roles", (_, option, expected) => {
    for (const link of [receiver([option]), resolveSenderOptions("q", { options: [option] })]) {
      expect([link.guarantee, link.sndSettleMode, link.rcvSettleMode]).toEqual(expected);
    }
  });

  test("Copy and Move choose the distribution mode", () => {
    expect(receiver([Copy()]).source.distributionMode).toBe("copy");
    expect(receiver(Move()).source.distributionMode).toBe("move");
  });

  test("DurableSubscription: durability unsettled-state and expiry policy never, of the source alone", () => {
    const { source, target, durable } = receiver([DurableSubscription()]);
    expect(source).toMatchObject({ durability: "unsettled-state", expiryPolicy: "never" });
    expect(target).toMatchObject({ durability: "none", expiryPolicy: "session-end" });
    expect(durable).toBe(true);
  });

  test("Filter adds to the source's own filters and to those of the option", () => {
    const { source } = resolveReceiverOptions({ address: "q", filter: { a: 1 } }, { filter: { b: 2 }, options: [Filter({ c: 3 }), Filter({ d: 4 })] });
    expect(source.filter).toEqual({ a: 1, b: 2, c: 3, d: 4 });
  });

  test("Selector has a name of its own, so that there can be two", () => {
    expect(receiver([Selector("x = 1"), Selector("y = 2", "second")]).selectors).toEqual({ selector: "x = 1", second: "y = 2" });
    expect(resolveReceiverOptions("q", { selector: "x = 1" }).selectors).toEqual({ selector: "x = 1" });
  });

  test("DynamicNodeProperties belong to the terminus that is dynamic", () => {
    const properties = { "lifetime-policy": "x" };
    expect(resolveReceiverOptions(undefined, { dynamic: true, options: [DynamicNodeProperties(properties)] }).source.properties).toEqual(properties);
    expect(resolveSenderOptions({ dynamic: true }, { options: [DynamicNodeProperties(properties)] }).target?.properties).toEqual(properties);
    const near = resolveSenderOptions("q", { source: { dynamic: true }, options: [DynamicNodeProperties(properties)] });
    expect([near.source.properties, near.target?.properties]).toEqual([properties, undefined]);
  });

  test("those of the container's bag count where the call says nothing else", () => {
    const defaults = { options: [AtMostOnce(), Copy()] };
    expect(resolveReceiverOptions("q", {}, { defaults })).toMatchObject({ guarantee: "at-most-once", source: { distributionMode: "copy" } });
    expect(resolveReceiverOptions("q", { options: [AtLeastOnce()] }, { defaults })).toMatchObject({ guarantee: "at-least-once", source: { distributionMode: "copy" } });
  });

  test("what is given is copied: a later change of it changes nothing", () => {
    const filter: Record<string, unknown> = { a: 1 };
    const option = Filter(filter);
    filter["b"] = 2;
    expect(receiver([option]).source.filter).toEqual({ a: 1 });
  });
});

describe("P02 what cannot be meant is a ConfigError at the call", () => {
  test.each<[string, () => unknown, RegExp | string]>([
    ["a function that was not called", () => receiver([Copy as never]), 'createReceiver(): option "options" has a function in its list, not what it gives: write Copy()'],
    ["Selector not called", () => receiver([Selector as never]), /write Selector\(\.\.\.\)$/],
    ["any function", () => receiver([(() => 1) as never]), /has a function in its list, not what it gives$/],
    ["a text", () => receiver(["Copy" as never]), /^createReceiver\(\): every entry of option "options" must be made by AtMostOnce\(\), /],
    ["a kind that there is not", () => receiver([{ kind: "Durable" } as never]), /must be made by/],
    ["a kind that is misspelt", () => receiver([{ kind: "Selektor" } as never]), /\(did you mean "Selector"\?\)$/],
    ["no list", () => receiver("Copy" as never), 'createReceiver(): option "options" must be a list such as [AtMostOnce()]; got a text'],
    ["null in the list", () => receiver([null as never]), /must be made by/],
    ["a filter that is none", () => Filter("x" as never), "Filter(): filter must be an object"],
    ["properties that are none", () => DynamicNodeProperties(undefined as never), "DynamicNodeProperties(): properties must be an object"],
    ["an empty selector", () => Selector(""), "Selector(): expression must be a text that is not empty"],
    ["a selector by hand", () => receiver([{ kind: "Selector", name: "x" } as never]), "Selector(): expression must be a text that is not empty"],
    ["for receivers only", () => resolveSenderOptions("q", { options: [Copy()] }), "createSender(): Copy() is for receivers, and this is a sender"],
    ["a selector on a sender", () => resolveSenderOptions("q", { options: [Selector("x = 1")] }), /Selector\(\) is for receivers/],
    ["two guarantees", () => receiver([AtMostOnce(), ExactlyOnce()]), 'createReceiver(): ExactlyOnce() contradicts option "guarantee": "at-most-once"'],
    ["a guarantee and another", () => receiver([AtMostOnce()], { guarantee: "exactly-once" }), /AtMostOnce\(\) contradicts option "guarantee": "exactly-once"/],
    ["a guarantee and modes", () => receiver([ExactlyOnce()], { rcvSettleMode: "first" }), /guarantee "exactly-once" needs option "rcvSettleMode"/],
    ["copy and move", () => receiver([Copy(), Move()]), 'createReceiver(): Move() contradicts option "distributionMode": "copy"'],
    ["durable and not", () => receiver([DurableSubscription()], { durable: false }), /DurableSubscription\(\) contradicts option "durable": false/],
    ["durable, of a source that is not", () => resolveReceiverOptions({ address: "t", durability: "none" }, { options: [DurableSubscription()] }), /"durable" and the source contradict/],
    ["another mode than the source's", () => resolveReceiverOptions({ address: "q", distributionMode: "move" }, { options: [Copy()] }), /"distributionMode" and the source contradict/],
    ["the same filter twice", () => receiver([Filter({ a: 1 })], { filter: { a: 2 } }), /Filter\(\) and option "filter" both have "a"/],
    ["two selectors of one name", () => receiver([Selector("x = 1")], { selector: "y = 1" }), /two selectors named "selector"/],
    ["a filter named as the selector", () => receiver([Selector("x = 1", "a"), Filter({ a: 2 })]), /a filter and the selector are both named "a"/],
    ["properties of no dynamic node", () => receiver([DynamicNodeProperties({ a: 1 })]), /needs a node that is dynamic: true/],
    ["properties twice", () => resolveReceiverOptions({ dynamic: true, properties: { a: 1 } }, { options: [DynamicNodeProperties({ b: 1 })] }), /contradict each other/],
    ["node properties twice", () => receiver([DynamicNodeProperties({ a: 1 }), DynamicNodeProperties({ b: 1 })], {}), /there twice/],
  ])("%s", (_, call, text) => {
    if (typeof text === "string") expect(message(call)).toBe(text);
    else expect(message(call)).toMatch(text);
  });
});
