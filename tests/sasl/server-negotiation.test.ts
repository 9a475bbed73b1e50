/** The server's state machine: every cell of its table, and B47, B49, B51-B53, B57. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../src/errors.ts";
import type { Performative, SaslPerformative } from "../../src/frames/performatives.ts";
import { AnonymousServer } from "../../src/sasl/anonymous.ts";
import { ExternalServer } from "../../src/sasl/external.ts";
import type { ServerMechanism, ServerStep } from "../../src/sasl/mechanism.ts";
import { PlainServer } from "../../src/sasl/plain.ts";
import { ServerNegotiation } from "../../src/sasl/server-negotiation.ts";
import type { Bytes } from "../../src/util/bytes.ts";
import { EMPTY } from "../../src/util/bytes.ts";
import { ScriptedServer, failure, octets, seen } from "./support.ts";

const ALL: ReadonlyMap<string, () => ServerMechanism> = new Map<string, () => ServerMechanism>([
  ["EXTERNAL", () => new ExternalServer()],
  ["PLAIN", () => new PlainServer()],
  ["ANONYMOUS", () => new AnonymousServer()],
]);
const REFUSED = [{ fail: "auth-failed", retryable: false, outcome: 1 }];
const DROPPED = [{ fail: "sasl-failed", retryable: false, outcome: undefined }];

const init = (mechanism: string, initialResponse?: Bytes): SaslPerformative => ({ type: "sasl-init", mechanism, initialResponse });
const server = (): ServerNegotiation => new ServerNegotiation(ALL);
const scripted = (...steps: readonly ServerStep[]): ServerNegotiation => new ServerNegotiation(new Map([["SCRIPTED", () => new ScriptedServer(steps)]]));

describe("the way through", () => {
  test("mechanisms in the order of preference", () => {
    expect(seen(server().start())).toEqual([{ send: "sasl-mechanisms", mechanisms: ["EXTERNAL", "PLAIN", "ANONYMOUS"] }]);
  });

  test("PLAIN: the driver decides, and may take its time", () => {
    const one = server();
    one.start();
    expect(seen(one.handleFrame(init("PLAIN", octets("\0guest\0s3cret"))))).toEqual([{ need: "authenticate", user: "guest", password: "s3cret" }]);
    expect(seen(one.answer(true))).toEqual([{ send: "sasl-outcome", code: 0, bytes: undefined }, { done: "PLAIN", user: "guest" }]);
  });

  test("PLAIN: refused", () => {
    const one = server();
    one.handleFrame(init("PLAIN", octets("\0guest\0wrong")));
    expect(seen(one.answer(false))).toEqual(REFUSED);
  });

  test("PLAIN without an initial response is asked for it by an empty challenge", () => {
    const one = server();
    expect(seen(one.handleFrame(init("PLAIN")))).toEqual([{ send: "sasl-challenge", bytes: "" }]);
    expect(seen(one.handleFrame({ type: "sasl-response", response: octets("\0u\0p") }))).toEqual([{ need: "authenticate", user: "u", password: "p" }]);
    expect(seen(one.answer(true))).toEqual([{ send: "sasl-outcome", code: 0, bytes: undefined }, { done: "PLAIN", user: "u" }]);
  });

  test("PLAIN: an authorization identity is the user's own or refused; text is UTF-8 and kept as it is", () => {
    expect(seen(server().handleFrame(init("PLAIN", octets("guest\0guest\0p"))))).toEqual([{ need: "authenticate", user: "guest", password: "p" }]);
    expect(seen(server().handleFrame(init("PLAIN", octets("\0jörg\0pässwörd €"))))).toEqual([{ need: "authenticate", user: "jörg", password: "pässwörd €" }]);
    expect(seen(server().handleFrame(init("PLAIN", octets("admin\0guest\0p"))))).toEqual(REFUSED);
  });

  test("ANONYMOUS: with a trace, an empty one and none", () => {
    for (const trace of [octets("anonymous"), EMPTY, undefined]) {
      expect(seen(server().handleFrame(init("ANONYMOUS", trace)))).toEqual([
        { send: "sasl-outcome", code: 0, bytes: undefined }, { done: "ANONYMOUS", user: undefined },
      ]);
    }
  });

  test("EXTERNAL: who the certificate names, and nobody else", () => {
    const external = (asked: Bytes | undefined, answer: string | boolean): unknown => {
      const one = server();
      expect(seen(one.handleFrame(init("EXTERNAL", asked)))).toEqual([{ need: "authenticate-certificate" }]);
      return seen(one.answer(answer));
    };
    for (const asked of [undefined, EMPTY, octets("CN=client")]) {
      expect(external(asked, "CN=client")).toEqual([{ send: "sasl-outcome", code: 0, bytes: undefined }, { done: "EXTERNAL", user: "CN=client" }]);
    }
    expect(external(octets("CN=admin"), "CN=client")).toEqual(REFUSED);
    expect(external(Uint8Array.of(0xff), "CN=client")).toEqual(REFUSED);
    for (const nobody of [false, true, ""]) expect(external(undefined, nobody)).toEqual(REFUSED);
  });

  test("a mechanism of several rounds, with additional data at its end", () => {
    const one = scripted(
      { type: "need", need: "random", octets: 18 }, { type: "send", bytes: octets("challenge") },
      { type: "need", need: "hmac", hash: "SHA-256", key: EMPTY, data: EMPTY }, { type: "done", user: "u", additionalData: octets("v=x") },
    );
    expect(seen(one.handleFrame(init("SCRIPTED", octets("n,,n=u,r=x"))))).toEqual([{ need: "random" }]);
    expect(seen(one.answer(octets("nonce")))).toEqual([{ send: "sasl-challenge", bytes: "challenge" }]);
    expect(seen(one.handleFrame({ type: "sasl-response", response: octets("p") }))).toEqual([{ need: "hmac" }]);
    expect(seen(one.answer(octets("code")))).toEqual([{ send: "sasl-outcome", code: 0, bytes: "v=x" }, { done: "SCRIPTED", user: "u" }]);
  });
});

describe("B53 what is wrong with PLAIN looks the same from outside", () => {
  const wrongPassword = (): string => {
    const one = server();
    one.handleFrame(init("PLAIN", octets("\0guest\0wrong")));
    return failure(one.answer(false));
  };

  test.each<[string, Bytes]>([
    ["no octets", EMPTY],
    ["one field", octets("guest")],
    ["two fields", octets("\0guest")],
    ["four fields", octets("\0guest\0p\0")],
    ["five fields", octets("\0guest\0p\0q\0r")],
    ["an empty user", octets("\0\0p")],
    ["an empty password", octets("\0guest\0")],
    ["a user that is not UTF-8", Uint8Array.of(0, 0xff, 0, 0x70)],
    ["a password that is not UTF-8", Uint8Array.of(0, 0x75, 0, 0xc0, 0x80)],
    ["an authorization identity that is not UTF-8", Uint8Array.of(0xed, 0xa0, 0x80, 0, 0x75, 0, 0x70)],
    ["another authorization identity", octets("root\0guest\0p")],
  ])("%s", (_what, response) => {
    const actions = server().handleFrame(init("PLAIN", response));
    expect(seen(actions)).toEqual(REFUSED);
    expect(failure(actions)).toBe(wrongPassword());

    const asked = server();
    asked.handleFrame(init("PLAIN"));
    const later = asked.handleFrame({ type: "sasl-response", response });
    expect(seen(later)).toEqual(REFUSED);
    expect(failure(later)).toBe(wrongPassword());
  });

  test("only true lets in", () => {
    for (const answer of [false, "true", EMPTY]) {
      const one = server();
      one.handleFrame(init("PLAIN", octets("\0u\0p")));
      expect(seen(one.answer(answer))).toEqual(REFUSED);
    }
  });
});

describe("B47 mechanisms that are not offered", () => {
  test.each(["constructor", "__proto__", "toString", "hasOwnProperty", "plain", "", "SCRAM-SHA-256"])("%s: outcome auth", (mechanism) => {
    expect(seen(server().handleFrame(init(mechanism)))).toEqual([{ fail: "mechanism-refused", retryable: false, outcome: 1 }]);
  });

  test("a name of a million characters makes a short text", () => {
    const actions = server().handleFrame(init("M".repeat(1_000_000)));
    expect(seen(actions)).toEqual([{ fail: "mechanism-refused", retryable: false, outcome: 1 }]);
    expect(failure(actions).length).toBeLessThan(200);
  });
});

describe("every cell of the table", () => {
  const SEND: ServerStep = { type: "send", bytes: octets("c") };
  const steps: readonly ServerStep[] = [SEND, { type: "need", need: "authenticate", mechanism: "SCRIPTED", user: "u", password: "p" }, { type: "done", user: "u" }];
  const RESPONSE: SaslPerformative = { type: "sasl-response", response: octets("r") };
  const challenged = (): ServerNegotiation => {
    const one = scripted(...steps);
    one.handleFrame(init("SCRIPTED"));
    return one;
  };
  const deciding = (): ServerNegotiation => {
    const one = challenged();
    one.handleFrame(RESPONSE);
    return one;
  };
  const states = {
    waiting: () => scripted(...steps),
    challenged,
    deciding,
    "ended well": () => {
      const one = deciding();
      one.answer(true);
      return one;
    },
    "ended badly": () => {
      const one = challenged();
      one.handleFrame(undefined);
      return one;
    },
  };
  const events: Readonly<Record<string, Performative | SaslPerformative | undefined>> = {
    "sasl-init": init("SCRIPTED"),
    "sasl-response": RESPONSE,
    "sasl-mechanisms": { type: "sasl-mechanisms", mechanisms: ["PLAIN"] },
    "sasl-challenge": { type: "sasl-challenge", challenge: EMPTY },
    "sasl-outcome": { type: "sasl-outcome", code: 0 },
    "an AMQP performative": { type: "open", containerId: "c" },
    "an empty frame": undefined,
  };
  const legal: Readonly<Record<string, unknown>> = {
    "waiting: sasl-init": [{ send: "sasl-challenge", bytes: "c" }],
    "challenged: sasl-response": [{ need: "authenticate", user: "u", password: "p" }],
  };
  const cells = Object.entries(states).flatMap(([state, make]) => Object.entries(events).map(([event, frame]) => [`${state}: ${event}`, make, frame] as const));

  test.each(cells)("B49 B51 B52 %s", (cell, make, frame) => {
    const one = make();
    expect(seen(one.handleFrame(frame))).toEqual(legal[cell] ?? DROPPED);
    if (legal[cell] === undefined) {
      expect(seen(one.handleFrame(init("SCRIPTED")))).toEqual(DROPPED);
      expect(one.answer(true)).toEqual([]);
    }
  });

  test.each(Object.entries(states))("an answer in the state %s", (state, make) => {
    expect(seen(make().answer(true))).toEqual(
      state === "deciding" ? [{ send: "sasl-outcome", code: 0, bytes: undefined }, { done: "SCRIPTED", user: "u" }] : [],
    );
  });

  test.each(Object.entries(states))("giving up in the state %s", (state, make) => {
    expect(seen(make().abandon(new Error("database")))).toEqual(state === "deciding" ? [{ fail: "sasl-failed", retryable: true, outcome: 4 }] : []);
  });
});

describe("limits and faults", () => {
  test("no mechanisms is a ConfigError", () => {
    expect(() => new ServerNegotiation(new Map())).toThrow(ConfigError);
  });

  test("what cannot be decoded drops the socket, with its cause", () => {
    const cause = new Error("bytes");
    const [action] = server().handleUndecodable(cause);
    expect(action).toMatchObject({ type: "fail", outcome: undefined, error: { code: "sasl-failed", cause } });
  });

  test("B57 no more than ten challenges", () => {
    const one = scripted(...Array.from({ length: 20 }, (): ServerStep => ({ type: "send", bytes: EMPTY })));
    one.handleFrame(init("SCRIPTED"));
    for (let round = 1; round < 10; round++) expect(seen(one.handleFrame({ type: "sasl-response", response: EMPTY }))).toEqual([{ send: "sasl-challenge", bytes: "" }]);
    expect(seen(one.handleFrame({ type: "sasl-response", response: EMPTY }))).toEqual(REFUSED);
  });
});
