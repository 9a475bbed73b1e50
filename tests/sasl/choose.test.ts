/** The client's order of mechanisms: protocol.md A, robustness.md Q "Mechanism choice", "Downgrade", B48. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, SaslError } from "../../src/errors.ts";
import type { MechanismChoice } from "../../src/sasl/choose.ts";
import { checkAllowed, chooseMechanism, createClientMechanism } from "../../src/sasl/choose.ts";
import { caught } from "../frames/support.ts";

const PASSWORD: MechanismChoice = { offered: ["ANONYMOUS", "PLAIN", "EXTERNAL"], credentials: "password", certificate: false, secure: true, allowInsecureMechs: false };
const NOTHING: MechanismChoice = { ...PASSWORD, credentials: "none" };
const PLACE = { host: "h", port: 1 };
const TOKEN: MechanismChoice = { ...PASSWORD, credentials: "token" };

describe("A Q.mechanism the strongest that fits", () => {
  test.each<[string, MechanismChoice, string]>([
    ["user and password: PLAIN, whatever the peer's order", PASSWORD, "PLAIN"],
    ["user, password and a certificate: PLAIN, for EXTERNAL is offered to everybody on TLS", { ...PASSWORD, certificate: true }, "PLAIN"],
    ["nothing: ANONYMOUS", NOTHING, "ANONYMOUS"],
    ["nothing, without TLS: ANONYMOUS", { ...NOTHING, secure: false }, "ANONYMOUS"],
    ["a certificate alone: EXTERNAL", { ...NOTHING, certificate: true }, "EXTERNAL"],
    ["EXTERNAL alone allowed, with a password", { ...PASSWORD, allowedMechs: ["EXTERNAL"] }, "EXTERNAL"],
    ["EXTERNAL alone allowed, with nothing", { ...NOTHING, allowedMechs: ["EXTERNAL"] }, "EXTERNAL"],
    ["EXTERNAL among others allowed, with a password", { ...PASSWORD, allowedMechs: ["EXTERNAL", "PLAIN"] }, "PLAIN"],
    ["a certificate, ANONYMOUS asked for by name", { ...NOTHING, certificate: true, allowedMechs: ["ANONYMOUS"] }, "ANONYMOUS"],
    ["a certificate, both asked for by name", { ...NOTHING, certificate: true, allowedMechs: ["ANONYMOUS", "EXTERNAL"] }, "EXTERNAL"],
    ["PLAIN without TLS where insecure mechanisms are allowed", { ...PASSWORD, secure: false, allowInsecureMechs: true }, "PLAIN"],
    ["unknown mechanisms in the peer's list are passed over", { ...PASSWORD, offered: ["__proto__", "constructor", "X-OTHER", "PLAIN"] }, "PLAIN"],
    ["the same mechanism twice in the peer's list", { ...PASSWORD, offered: ["PLAIN", "PLAIN"] }, "PLAIN"],
    ["S02 user and password: the strongest SCRAM, whatever the peer's order", { ...PASSWORD, offered: ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"] }, "SCRAM-SHA-512"],
    ["SCRAM-SHA-256 before SCRAM-SHA-1", { ...PASSWORD, offered: ["SCRAM-SHA-1", "PLAIN", "SCRAM-SHA-256"] }, "SCRAM-SHA-256"],
    ["SCRAM-SHA-1 before PLAIN", { ...PASSWORD, offered: ["PLAIN", "SCRAM-SHA-1"] }, "SCRAM-SHA-1"],
    ["SCRAM without TLS, where PLAIN may not be", { ...PASSWORD, secure: false, offered: ["PLAIN", "SCRAM-SHA-1"] }, "SCRAM-SHA-1"],
    ["PLAIN where the configuration allows nothing stronger", { ...PASSWORD, offered: ["SCRAM-SHA-512", "PLAIN"], allowedMechs: ["PLAIN"] }, "PLAIN"],
    ["variants with channel binding are unknown, not taken for what they extend", { ...PASSWORD, offered: ["SCRAM-SHA-256-PLUS", "PLAIN"] }, "PLAIN"],
    ["a token: OAUTHBEARER before XOAUTH2", { ...TOKEN, offered: ["XOAUTH2", "PLAIN", "OAUTHBEARER"] }, "OAUTHBEARER"],
    ["a token: XOAUTH2 where it is all there is", { ...TOKEN, certificate: true, offered: ["EXTERNAL", "PLAIN", "SCRAM-SHA-512", "XOAUTH2"] }, "XOAUTH2"],
    ["a token without TLS where insecure mechanisms are allowed", { ...TOKEN, secure: false, allowInsecureMechs: true, offered: ["XOAUTH2"] }, "XOAUTH2"],
  ])("%s", (_what, choice, expected) => {
    expect(chooseMechanism(choice)).toBe(expected);
    const credentials = choice.credentials === "password" ? { type: "password", user: "u", password: "p" } as const
      : choice.credentials === "token" ? { type: "token", user: "u" } as const : { type: "none" } as const;
    expect(createClientMechanism(expected, credentials, PLACE).name).toBe(expected);
  });
});

describe("Q.mechanism Q.downgrade what is refused", () => {
  test.each<[string, MechanismChoice]>([
    ["B48 a password and only ANONYMOUS offered: no downgrade", { ...PASSWORD, offered: ["ANONYMOUS"] }],
    ["a password and only ANONYMOUS allowed: no downgrade", { ...PASSWORD, allowedMechs: ["ANONYMOUS"] }],
    ["a token and only PLAIN, ANONYMOUS and EXTERNAL offered", TOKEN],
    ["a token with a certificate", { ...TOKEN, certificate: true }],
    ["a password and only token mechanisms offered", { ...PASSWORD, offered: ["OAUTHBEARER", "XOAUTH2"] }],
    ["nothing and only SCRAM offered", { ...NOTHING, offered: ["SCRAM-SHA-256"] }],
    ["a token with PLAIN alone allowed", { ...TOKEN, offered: ["OAUTHBEARER", "PLAIN"], allowedMechs: ["PLAIN"] }],
    ["nothing and only PLAIN offered", { ...NOTHING, offered: ["PLAIN"] }],
    ["nothing and only EXTERNAL offered, without a certificate", { ...NOTHING, offered: ["EXTERNAL"] }],
    ["a certificate and only ANONYMOUS offered: no downgrade", { ...NOTHING, certificate: true, offered: ["ANONYMOUS"] }],
    ["PLAIN not allowed", { ...PASSWORD, allowedMechs: ["EXTERNAL", "ANONYMOUS"] }],
    ["names differ in case", { ...PASSWORD, offered: ["plain"] }],
    ["names that every object has", { ...PASSWORD, offered: ["__proto__", "constructor", "toString"] }],
    ["nothing offered", { ...PASSWORD, offered: [] }],
  ])("%s", (_what, choice) => {
    const error = caught(() => chooseMechanism(choice));
    expect(error).toBeInstanceOf(SaslError);
    expect(error).toMatchObject({ code: "mechanism-refused", retryable: false, scope: "connection" });
    for (const name of choice.offered) expect((error as Error).message).toContain(name);
  });

  test("Q.plain B48 PLAIN without TLS", () => {
    const error = caught(() => chooseMechanism({ ...PASSWORD, secure: false }));
    expect(error).toBeInstanceOf(SaslError);
    expect(error).toMatchObject({ code: "mechanism-refused", message: expect.stringContaining("PLAIN refused on unencrypted connection") });
  });

  test.each(["OAUTHBEARER", "XOAUTH2"])("Q.plain B48 a token by %s without TLS", (name) => {
    expect(caught(() => chooseMechanism({ ...TOKEN, secure: false, offered: [name, "PLAIN", "ANONYMOUS"] }))).toMatchObject({
      name: "SaslError", code: "mechanism-refused",
      message: `${name} refused on unencrypted connection: use TLS, or set allowInsecureMechs to send the token in clear text`,
    });
  });

  test("Q.mechanism the text lists what is offered and what is allowed", () => {
    expect(() => chooseMechanism({ ...PASSWORD, offered: ["X-A", "X-B"], allowedMechs: ["PLAIN"] }))
      .toThrow("the peer offers X-A, X-B; allowed are PLAIN, and with a user and password PLAIN can be used");
    expect(() => chooseMechanism({ ...NOTHING, offered: ["PLAIN"] }))
      .toThrow("the peer offers PLAIN; all are allowed, and with no credentials ANONYMOUS can be used");
    expect(() => chooseMechanism(TOKEN)).toThrow("with a token OAUTHBEARER, XOAUTH2 can be used");
  });

  test("B47 a list of many long names with control characters makes a short, printable text", () => {
    const offered = Array.from({ length: 500 }, (_, i) => `\u0000\u001b${"M".repeat(5000)}${i}`);
    const { message } = caught(() => chooseMechanism({ ...PASSWORD, offered })) as Error;
    expect(message.length).toBeLessThan(700);
    expect(message).toContain("and 490 more");
     
    expect(message).not.toMatch(/[\x00-\x1f]/);
  });
});

describe("allowedMechs", () => {
  test.each(["GSSAPI", "X-OWN", "plain", "constructor", "__proto__", ""])("A %s is not built in: a ConfigError that names custom mechanisms", (name) => {
    const error = caught(() => checkAllowed(["PLAIN", name]));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ code: "config", message: expect.stringContaining("custom mechanisms") });
    expect(() => chooseMechanism({ ...PASSWORD, allowedMechs: [name] })).toThrow(ConfigError);
    expect(() => createClientMechanism(name, { type: "none" }, PLACE)).toThrow(ConfigError);
  });

  test("none allowed can never work", () => {
    expect(() => checkAllowed([])).toThrow(ConfigError);
    expect(() => checkAllowed(undefined)).not.toThrow();
  });
});

describe("mechanisms of the user's own", () => {
  const OWN: MechanismChoice = { ...PASSWORD, offered: ["PLAIN", "X-B", "SCRAM-SHA-512", "X-A"], custom: ["X-A", "X-B"] };

  test("stand first, in their order, whatever the credentials", () => {
    expect(chooseMechanism(OWN)).toBe("X-A");
    expect(chooseMechanism({ ...OWN, credentials: "none" })).toBe("X-A");
    expect(chooseMechanism({ ...OWN, offered: ["X-B", "PLAIN"] })).toBe("X-B");
    expect(chooseMechanism({ ...OWN, secure: false, offered: ["X-B", "PLAIN"] })).toBe("X-B");
    expect(chooseMechanism({ ...OWN, offered: ["PLAIN"] })).toBe("PLAIN");
    expect(chooseMechanism({ ...OWN, allowedMechs: ["SCRAM-SHA-512"] })).toBe("SCRAM-SHA-512");
  });

  test("may be named in allowedMechs, GSSAPI too, and may stand for one that is built in", () => {
    expect(() => checkAllowed(["GSSAPI", "PLAIN"], ["GSSAPI"])).not.toThrow();
    expect(chooseMechanism({ ...OWN, offered: ["GSSAPI"], custom: ["GSSAPI"], allowedMechs: ["GSSAPI"] })).toBe("GSSAPI");
    expect(chooseMechanism({ ...OWN, credentials: "none", offered: ["PLAIN", "ANONYMOUS"], custom: ["PLAIN"] })).toBe("PLAIN");
  });
});
