/** The client's state machine: every cell of its table, and B46, B49, B51, B52, B57. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, SaslError } from "../../src/errors.ts";
import type { Performative, SaslPerformative } from "../../src/frames/performatives.ts";
import { AnonymousClient } from "../../src/sasl/anonymous.ts";
import { ClientNegotiation } from "../../src/sasl/client-negotiation.ts";
import { ExternalClient } from "../../src/sasl/external.ts";
import type { ClientMechanism, ClientStep } from "../../src/sasl/mechanism.ts";
import { PlainClient } from "../../src/sasl/plain.ts";
import { EMPTY } from "../../src/util/bytes.ts";
import { ScriptedClient, failure, octets, seen } from "./support.ts";

const MECHANISMS: SaslPerformative = { type: "sasl-mechanisms", mechanisms: ["SCRIPTED"] };
const CHALLENGE: SaslPerformative = { type: "sasl-challenge", challenge: octets("c") };
const OK: SaslPerformative = { type: "sasl-outcome", code: 0 };
const SEND: ClientStep = { type: "send", bytes: octets("r") };
const RANDOM: ClientStep = { type: "need", need: "random", octets: 18 };

const negotiation = (mechanism: ClientMechanism, hostname?: string): ClientNegotiation => new ClientNegotiation({ choose: () => mechanism, hostname });

describe("the way through", () => {
  test("PLAIN: init with the credentials, done on ok", () => {
    const client = negotiation(new PlainClient("guest", "s3cret"), "broker");
    expect(seen(client.handleFrame(MECHANISMS))).toEqual([{ send: "sasl-init", mechanism: "PLAIN", hostname: "broker", bytes: "\0guest\0s3cret" }]);
    expect(seen(client.handleFrame(OK))).toEqual([{ done: "PLAIN", user: undefined }]);
  });

  test("ANONYMOUS and EXTERNAL, also when the server asks again with an empty challenge", () => {
    for (const [mechanism, initial] of [[new AnonymousClient(), "anonymous"], [new ExternalClient(), ""]] as const) {
      const client = negotiation(mechanism);
      expect(seen(client.handleFrame(MECHANISMS))).toEqual([{ send: "sasl-init", mechanism: mechanism.name, hostname: undefined, bytes: initial }]);
      expect(seen(client.handleFrame({ type: "sasl-challenge", challenge: EMPTY }))).toEqual([{ send: "sasl-response", bytes: "" }]);
      expect(seen(client.handleFrame(OK))).toEqual([{ done: mechanism.name, user: undefined }]);
    }
  });

  test("a challenge of a mechanism that has none", () => {
    for (const mechanism of [new PlainClient("u", "p"), new AnonymousClient(), new ExternalClient()]) {
      const client = negotiation(mechanism);
      client.handleFrame(MECHANISMS);
      expect(seen(client.handleFrame(CHALLENGE))).toEqual([{ fail: "auth-failed", retryable: false, outcome: undefined }]);
    }
  });

  test("a mechanism of several rounds that needs the driver: init, challenge, need, answer, response, additional data", () => {
    const mechanism = new ScriptedClient([RANDOM, SEND, { type: "need", need: "token" }, SEND]);
    const client = negotiation(mechanism);
    expect(seen(client.handleFrame(MECHANISMS))).toEqual([{ need: "random" }]);
    expect(seen(client.answer(octets("nonce")))).toEqual([{ send: "sasl-init", mechanism: "SCRIPTED", hostname: undefined, bytes: "r" }]);
    expect(seen(client.handleFrame(CHALLENGE))).toEqual([{ need: "token" }]);
    expect(seen(client.answer("t0ken"))).toEqual([{ send: "sasl-response", bytes: "r" }]);
    expect(seen(client.handleFrame({ type: "sasl-outcome", code: 0, additionalData: octets("v=x") }))).toEqual([{ done: "SCRIPTED", user: undefined }]);
    expect(mechanism.told).toEqual(["start", octets("nonce"), "c", "t0ken", "v=x"]);
  });

  test("a mechanism without an initial response sends none; later it sends an empty response", () => {
    const client = negotiation(new ScriptedClient([{ type: "done" }, { type: "done" }]));
    expect(seen(client.handleFrame(MECHANISMS))).toEqual([{ send: "sasl-init", mechanism: "SCRIPTED", hostname: undefined, bytes: undefined }]);
    expect(seen(client.handleFrame(CHALLENGE))).toEqual([{ send: "sasl-response", bytes: "" }]);
  });

  test("an ok that the mechanism does not believe", () => {
    const client = negotiation(new ScriptedClient([SEND], { type: "fail", reason: "server signature" }));
    client.handleFrame(MECHANISMS);
    const actions = client.handleFrame(OK);
    expect(seen(actions)).toEqual([{ fail: "auth-failed", retryable: false, outcome: undefined }]);
    expect(failure(actions)).toContain("server signature");
  });
});

describe("outcomes", () => {
  test.each([
    [1, "auth-failed", false], [2, "sasl-failed", true], [3, "sasl-failed", false], [4, "sasl-failed", true],
    [5, "sasl-failed", false], [255, "sasl-failed", false],
  ])("B52 code %i: %s, retryable %s", (code, expected, retryable) => {
    const client = negotiation(new PlainClient("u", "p"));
    client.handleFrame(MECHANISMS);
    const [action] = client.handleFrame({ type: "sasl-outcome", code });
    expect(action).toMatchObject({ type: "fail", outcome: undefined, error: { code: expected, retryable, origin: "remote", scope: "connection" } });
    expect(action?.type === "fail" && action.error).toBeInstanceOf(SaslError);
  });
});

describe("every cell of the table", () => {
  const states = {
    waiting: () => negotiation(new ScriptedClient([SEND, SEND])),
    exchanging: () => {
      const client = negotiation(new ScriptedClient([SEND, SEND]));
      client.handleFrame(MECHANISMS);
      return client;
    },
    answering: () => {
      const client = negotiation(new ScriptedClient([RANDOM, SEND]));
      client.handleFrame(MECHANISMS);
      return client;
    },
    concluding: () => {
      const client = negotiation(new ScriptedClient([SEND, SEND], RANDOM));
      client.handleFrame(MECHANISMS);
      client.handleFrame(OK);
      return client;
    },
    "ended well": () => {
      const client = negotiation(new ScriptedClient([SEND, SEND]));
      client.handleFrame(MECHANISMS);
      client.handleFrame(OK);
      return client;
    },
    "ended badly": () => {
      const client = negotiation(new ScriptedClient([SEND, SEND]));
      client.handleFrame(undefined);
      return client;
    },
  };
  const events: Readonly<Record<string, Performative | SaslPerformative | undefined>> = {
    "sasl-mechanisms": MECHANISMS,
    "sasl-challenge": CHALLENGE,
    "sasl-outcome ok": OK,
    "sasl-outcome auth": { type: "sasl-outcome", code: 1 },
    "sasl-init": { type: "sasl-init", mechanism: "PLAIN" },
    "sasl-response": { type: "sasl-response", response: EMPTY },
    "an AMQP performative": { type: "open", containerId: "c" },
    "an empty frame": undefined,
  };
  const legal: Readonly<Record<string, unknown>> = {
    "waiting: sasl-mechanisms": { send: "sasl-init", mechanism: "SCRIPTED", hostname: undefined, bytes: "r" },
    "exchanging: sasl-challenge": { send: "sasl-response", bytes: "r" },
    "exchanging: sasl-outcome ok": { done: "SCRIPTED", user: undefined },
    "exchanging: sasl-outcome auth": { fail: "auth-failed", retryable: false, outcome: undefined },
    "answering: sasl-outcome auth": { fail: "auth-failed", retryable: false, outcome: undefined },
  };
  const cells = Object.entries(states).flatMap(([state, make]) => Object.entries(events).map(([event, frame]) => [`${state}: ${event}`, make, frame] as const));

  test.each(cells)("B49 B51 %s", (cell, make, frame) => {
    const client = make();
    expect(seen(client.handleFrame(frame))).toEqual([legal[cell] ?? { fail: "sasl-failed", retryable: false, outcome: undefined }]);
    if (legal[cell] === undefined) expect(seen(client.handleFrame(MECHANISMS))).toEqual([{ fail: "sasl-failed", retryable: false, outcome: undefined }]);
  });

  test.each(Object.entries(states))("an answer in the state %s", (state, make) => {
    expect(seen(make().answer(octets("n")))).toEqual(
      state === "answering" ? [{ send: "sasl-init", mechanism: "SCRIPTED", hostname: undefined, bytes: "r" }]
        : state === "concluding" ? [{ done: "SCRIPTED", user: undefined }] : [],
    );
  });

  test.each(Object.entries(states))("giving up in the state %s", (state, make) => {
    const ends = state === "answering" || state === "concluding";
    expect(seen(make().abandon(new Error("no token")))).toEqual(ends ? [{ fail: "auth-failed", retryable: false, outcome: undefined }] : []);
    expect(seen(make().abandon(Object.assign(new Error("later"), { retryable: true })))).toEqual(ends ? [{ fail: "auth-failed", retryable: true, outcome: undefined }] : []);
  });

  test("an ok that the mechanism takes its time over, and then does not believe", () => {
    const client = negotiation(new ScriptedClient([SEND, { type: "fail", reason: "somebody else" }], RANDOM));
    client.handleFrame(MECHANISMS);
    expect(seen(client.handleFrame(OK))).toEqual([{ need: "random" }]);
    expect(failure(client.answer(octets("n")))).toContain("somebody else");
  });
});

describe("limits and faults", () => {
  test("B46 no mechanisms", () => {
    expect(failure(negotiation(new AnonymousClient()).handleFrame({ type: "sasl-mechanisms", mechanisms: [] }))).toContain("offers no SASL mechanism");
  });

  test("B46 what cannot be decoded is an authentication error with its cause", () => {
    const cause = new Error("bytes");
    const [action] = negotiation(new AnonymousClient()).handleUndecodable(cause);
    expect(action).toMatchObject({ type: "fail", outcome: undefined, error: { code: "sasl-failed", cause } });
  });

  test("B48 when the choice refuses, nothing is sent", () => {
    const error = new SaslError("none fits", { code: "mechanism-refused", scope: "connection" });
    const client = new ClientNegotiation({ choose: () => { throw error; } });
    expect(client.handleFrame(MECHANISMS)).toEqual([{ type: "fail", error, outcome: undefined }]);
  });

  test("a configuration error of the choice is the cause of a SaslError", () => {
    const cause = new ConfigError("no", { code: "config", scope: "connection" });
    const client = new ClientNegotiation({ choose: () => { throw cause; } });
    expect(client.handleFrame(MECHANISMS)).toMatchObject([{ type: "fail", error: { code: "mechanism-refused", cause } }]);
  });

  test("B57 ten challenges are answered, the eleventh ends it", () => {
    const client = negotiation(new AnonymousClient());
    client.handleFrame(MECHANISMS);
    const challenge: SaslPerformative = { type: "sasl-challenge", challenge: EMPTY };
    for (let round = 0; round < 10; round++) expect(seen(client.handleFrame(challenge))).toEqual([{ send: "sasl-response", bytes: "" }]);
    expect(failure(client.handleFrame(challenge))).toContain("more than 10 challenges");
  });
});
