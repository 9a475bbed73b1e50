/** Q: no error, inspect or JSON output of anything on the way of a password shows it, as text or as octets. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ConfigError } from "../../src/errors.ts";
import { readPerformative, writeFrame } from "../../src/frames/codec.ts";
import { printable } from "../../src/frames/printable.ts";
import { chooseMechanism, createClientMechanism } from "../../src/sasl/choose.ts";
import { ClientNegotiation } from "../../src/sasl/client-negotiation.ts";
import { PlainClient, PlainServer } from "../../src/sasl/plain.ts";
import { ServerNegotiation } from "../../src/sasl/server-negotiation.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { ByteReader } from "../../src/wire/decode.ts";
import { caught } from "../frames/support.ts";
import { octets, seen, shown, textOf } from "./support.ts";

const PASSWORD = "canary-3141592";
// How inspect and JSON print octets: with commas, blanks, or as keys and values.
const OCTETS = [...octets(PASSWORD)];
const TRACES = [PASSWORD, OCTETS.slice(0, 6).join(", "), OCTETS.slice(0, 6).join(","), `"7":${OCTETS[0]},"8":${OCTETS[1]}`, "63616e617279"];

function expectHidden(...values: readonly unknown[]): void {
  for (const value of values) for (const trace of TRACES) expect(shown(value)).not.toContain(trace);
}

describe("Q.secrets", () => {
  test("the client's side: mechanism, step, negotiation, actions, frame", () => {
    const mechanism = createClientMechanism("PLAIN", { type: "password", user: "u", password: PASSWORD }, { host: "h", port: 1 });
    const step = mechanism.start();
    expect(step.type === "send" && textOf(step.bytes)).toBe(`\0u\0${PASSWORD}`);
    const client = new ClientNegotiation({ choose: () => mechanism });
    const actions = client.handleFrame({ type: "sasl-mechanisms", mechanisms: ["PLAIN"] });
    expect(seen(actions)).toMatchObject([{ bytes: `\0u\0${PASSWORD}` }]);
    const refusal = client.handleFrame({ type: "sasl-outcome", code: 1 });
    expectHidden(mechanism, step, client, actions, { ...actions[0] }, refusal, refusal[0]?.type === "fail" && refusal[0].error);
  });

  test("the server's side: frame as read, negotiation, need, actions", () => {
    const w = new ByteWriter();
    writeFrame(w, 1, 0, { type: "sasl-init", mechanism: "PLAIN", initialResponse: octets(`\0u\0${PASSWORD}`) });
    const init = readPerformative(new ByteReader(w.toBytes(), 8));
    const mechanism = new PlainServer();
    const server = new ServerNegotiation(new Map([["PLAIN", () => mechanism]]));
    const need = server.handleFrame(init);
    expect(seen(need)).toEqual([{ need: "authenticate", user: "u", password: PASSWORD }]);
    expectHidden(init, { ...init }, need, mechanism, server, server.answer(false));
  });

  test("errors of what PLAIN cannot express name neither user nor password", () => {
    for (const [user, password] of [["", PASSWORD], [`u\0`, PASSWORD], ["u", `${PASSWORD}\0`]] as const) {
      const error = caught(() => new PlainClient(user, password));
      expect(error).toBeInstanceOf(ConfigError);
      expectHidden(error);
    }
  });

  test("PLAIN is refused before anything secret is touched (B48)", () => {
    const error = caught(() => chooseMechanism({ offered: ["PLAIN"], credentials: "password", certificate: false, secure: false, allowInsecureMechs: false }));
    expectHidden(error);
  });

  test("responses, challenges and additional data as read", () => {
    for (const frame of [
      { type: "sasl-response", response: octets(PASSWORD) } as const,
      { type: "sasl-challenge", challenge: octets(PASSWORD) } as const,
      { type: "sasl-outcome", code: 0, additionalData: octets(PASSWORD) } as const,
    ]) {
      const w = new ByteWriter();
      writeFrame(w, 1, 0, frame);
      expectHidden(readPerformative(new ByteReader(w.toBytes(), 8)));
    }
  });

  test("what PlainClient sends, PlainServer takes apart", () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).filter((one) => !one.includes("\0"));
    fc.assert(fc.property(text, text, (user, password) => {
      const step = new PlainClient(user, password).start();
      if (step.type !== "send") throw new Error("nothing was sent");
      expect(new PlainServer().start(step.bytes)).toMatchObject({ need: "authenticate", user, password });
    }));
  });
});

describe("Q.server-text", () => {
  test("controls, separators, marks of direction and half pairs are replaced, the rest is kept", () => {
    expect(printable("a\u0000b\u001b[31m\u007f\u0085\u2028\u202e\u2066c")).toBe("a\ufffdb\ufffd[31m\ufffd\ufffd\ufffd\ufffd\ufffdc");
    expect(printable("ok \ud83d\ude00 größe")).toBe("ok \ud83d\ude00 größe");
    expect(printable("\ud83d")).toBe("\ufffd");
  });

  test("long text is cut, and says so", () => {
    expect(printable("x".repeat(64))).toBe("x".repeat(64));
    expect(printable("x".repeat(65))).toBe(`${"x".repeat(64)}…`);
    expect(printable("x".repeat(9), 3)).toBe("xxx…");
    expect(printable(`${"x".repeat(63)}\ud83d\ude00`)).toBe(`${"x".repeat(63)}\ufffd…`);
  });
});
