/** OAUTHBEARER and XOAUTH2: the messages of RFC 7628 and of rhea, and how a refusal is told. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../src/errors.ts";
import { createClientMechanism } from "../../src/sasl/choose.ts";
import { ClientNegotiation } from "../../src/sasl/client-negotiation.ts";
import type { ClientStep, ServerMechanism, ServerStep } from "../../src/sasl/mechanism.ts";
import { ServerNegotiation } from "../../src/sasl/server-negotiation.ts";
import { OAuthBearerClient, TokenServer, XOAuth2Client } from "../../src/sasl/tokens.ts";
import { EMPTY } from "../../src/util/bytes.ts";
import { caught } from "../frames/support.ts";
import { settle } from "./drive.ts";
import { failure, octets, seen, shown, textOf } from "./support.ts";

const TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
const PLACE = { host: "server.example.com", port: 143, user: "user@example.com" };
/** RFC 7628, section 4.1. */
const RFC = `n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${TOKEN}\x01\x01`;

const message = async (client: OAuthBearerClient | XOAuth2Client, token = TOKEN): Promise<string | undefined> => {
  const step = await settle<ClientStep>(client, client.start(), (need) => (need.need === "token" ? token : undefined));
  return step.type === "send" ? textOf(step.bytes) : undefined;
};

describe("J09 the client's side", () => {
  test("OAUTHBEARER sends what RFC 7628, section 4.1, shows", async () => {
    expect(await message(new OAuthBearerClient(PLACE))).toBe(RFC);
    expect(await message(new OAuthBearerClient({ ...PLACE, user: undefined }))).toBe(RFC.replace("a=user@example.com", ""));
    expect(await message(new OAuthBearerClient({ ...PLACE, user: "a,b=c" }))).toMatch(/^n,a=a=2Cb=3Dc,\x01/);
  });

  test("XOAUTH2 sends what rhea sends", async () => {
    expect(await message(new XOAuth2Client(PLACE))).toBe(`user=user@example.com\x01auth=Bearer ${TOKEN}\x01\x01`);
    expect(await message(new XOAuth2Client({ ...PLACE, user: undefined }))).toBe(`user=\x01auth=Bearer ${TOKEN}\x01\x01`);
  });

  test.each(["", "two words", "a\x01b", "a\n", "größe"])("a token that no header could hold is refused, and not shown: %j", async (token) => {
    const step = await settle<ClientStep>(new OAuthBearerClient(PLACE), new OAuthBearerClient(PLACE).start(), (need) => (need.need === "token" ? token : undefined));
    expect(step).toMatchObject({ type: "fail" });
    if (token !== "") expect(shown(step)).not.toContain(token);
  });

  test("a user with a control character is a ConfigError", () => {
    expect(caught(() => createClientMechanism("XOAUTH2", { type: "token", user: "a\x01auth=Bearer x" }, PLACE))).toBeInstanceOf(ConfigError);
    expect(caught(() => createClientMechanism("OAUTHBEARER", { type: "password", user: "u", password: "p" }, PLACE))).toBeInstanceOf(ConfigError);
  });

  test.each<[string, string, string]>([
    ["OAUTHBEARER", "\x01", "RFC 7628, section 3.2.3"],
    ["XOAUTH2", "", "an empty response"],
  ])("%s answers the challenge that tells why (%j, %s), and the error has status and scope", (name, dummy) => {
    const client = new ClientNegotiation({ choose: () => createClientMechanism(name, { type: "token", user: undefined }, PLACE) });
    expect(seen(client.handleFrame({ type: "sasl-mechanisms", mechanisms: [name] }))).toEqual([{ need: "token" }]);
    client.answer(TOKEN);
    const challenge = octets('{"status":"invalid_token","scope":"orders\\u0007","openid-configuration":"https://example.com/x"}');
    expect(seen(client.handleFrame({ type: "sasl-challenge", challenge }))).toEqual([{ send: "sasl-response", bytes: dummy }]);
    const end = client.handleFrame({ type: "sasl-outcome", code: 1 });
    expect(seen(end)).toEqual([{ fail: "auth-failed", retryable: false, outcome: undefined }]);
    expect(failure(end)).toContain(`the peer refused the credentials (${name}, invalid_token, scope orders\ufffd)`);
  });

  test("a refusal that is no JSON is told as such, and an ok after it is not believed", () => {
    const client = new ClientNegotiation({ choose: () => createClientMechanism("OAUTHBEARER", { type: "token", user: undefined }, PLACE) });
    client.handleFrame({ type: "sasl-mechanisms", mechanisms: ["OAUTHBEARER"] });
    client.answer(TOKEN);
    client.handleFrame({ type: "sasl-challenge", challenge: Uint8Array.of(0xff) });
    expect(failure(client.handleFrame({ type: "sasl-outcome", code: 0 }))).toContain("refused the token (no reason that can be read) and then said ok");
  });

  test("a token that cannot be had is an error of this side, with its cause", () => {
    const cause = new Error("vault");
    const client = new ClientNegotiation({ choose: () => createClientMechanism("OAUTHBEARER", { type: "token", user: undefined }, PLACE) });
    client.handleFrame({ type: "sasl-mechanisms", mechanisms: ["OAUTHBEARER"] });
    const [action] = client.abandon(cause);
    expect(action).toMatchObject({ type: "fail", error: { code: "auth-failed", origin: "local", cause } });
    expect(client.abandon(cause)).toEqual([]);
  });
});

describe("J09 the server's side", () => {
  const serving = (name: "OAUTHBEARER" | "XOAUTH2"): ServerNegotiation => new ServerNegotiation(new Map<string, () => ServerMechanism>([[name, () => new TokenServer(name)]]));
  const first = (name: "OAUTHBEARER" | "XOAUTH2", text: string): ServerStep => new TokenServer(name).start(octets(text));

  test("takes the messages apart", () => {
    expect(first("OAUTHBEARER", RFC)).toMatchObject({ need: "authenticate-token", user: "user@example.com", token: TOKEN });
    expect(first("OAUTHBEARER", `y,,\x01auth=bearer   ${TOKEN}\x01\x01`)).toMatchObject({ user: undefined, token: TOKEN });
    expect(first("OAUTHBEARER", `n,a=a=2Cb,\x01auth=Bearer t\x01\x01`)).toMatchObject({ user: "a,b", token: "t" });
    expect(first("XOAUTH2", `user=u\x01auth=Bearer ${TOKEN}\x01\x01`)).toMatchObject({ need: "authenticate-token", user: "u", token: TOKEN });
    expect(first("XOAUTH2", `user=\x01auth=Bearer t\x01\x01`)).toMatchObject({ user: undefined, token: "t" });
  });

  test("who it is: what the check says, or, with true, who the peer says it is", () => {
    for (const [answer, user] of [["alice", "alice"], [true, "user@example.com"]] as const) {
      const one = serving("OAUTHBEARER");
      one.handleFrame({ type: "sasl-init", mechanism: "OAUTHBEARER", initialResponse: octets(RFC) });
      expect(seen(one.answer(answer))).toEqual([{ send: "sasl-outcome", code: 0, bytes: undefined }, { done: "OAUTHBEARER", user }]);
    }
  });

  test("OAUTHBEARER tells of the refusal in a challenge, and gives the outcome after the client's answer to it", () => {
    const one = serving("OAUTHBEARER");
    one.handleFrame({ type: "sasl-init", mechanism: "OAUTHBEARER", initialResponse: octets(RFC) });
    expect(seen(one.answer(false))).toEqual([{ send: "sasl-challenge", bytes: '{"status":"invalid_token"}' }]);
    expect(seen(one.handleFrame({ type: "sasl-response", response: Uint8Array.of(1) }))).toEqual([{ fail: "auth-failed", retryable: false, outcome: 1 }]);
  });

  test("XOAUTH2 gives the outcome at once", () => {
    const one = serving("XOAUTH2");
    one.handleFrame({ type: "sasl-init", mechanism: "XOAUTH2", initialResponse: octets("user=u\x01auth=Bearer t\x01\x01") });
    expect(seen(one.answer(false))).toEqual([{ fail: "auth-failed", retryable: false, outcome: 1 }]);
  });

  test.each(["", "n,,\x01\x01", "n,,\x01auth=Basic dTpw\x01\x01", "n,,\x01auth=Bearer \x01\x01", "n,,\x01auth=Bearer a b\x01\x01", "p=x,,\x01auth=Bearer t\x01\x01", "n,a=b=x,\x01auth=Bearer t\x01\x01", "n,,\x01auth=Bearer t\x01"])(
    "a message that is none (%j) is refused without a check, and the next one too", (text) => {
      const one = new TokenServer("OAUTHBEARER");
      const step = one.start(octets(text));
      expect(step.type === "send" && textOf(step.bytes)).toBe('{"status":"invalid_request"}');
      expect(one.response(octets(RFC))).toMatchObject({ type: "fail" });
    },
  );

  test("a client that leaves the message out is asked for it", () => {
    const one = new TokenServer("XOAUTH2");
    expect(one.start(undefined)).toEqual({ type: "send", bytes: EMPTY });
    expect(one.response(octets("user=u\x01auth=Bearer t\x01\x01"))).toMatchObject({ need: "authenticate-token", token: "t" });
    expect(one.response(Uint8Array.of(0xff))).toMatchObject({ type: "fail" });
  });
});

test("Q.secrets no step shows the token", async () => {
  const token = "canary-token-161803";
  const client = new OAuthBearerClient(PLACE);
  const step = await settle<ClientStep>(client, client.start(), (need) => (need.need === "token" ? token : undefined));
  const server = new TokenServer("OAUTHBEARER");
  const need = server.start((step as { bytes: Uint8Array<ArrayBuffer> }).bytes);
  expect(need).toMatchObject({ token });
  for (const value of [client, step, server, need, { ...need }]) {
    for (const trace of [token, [...octets(token)].slice(0, 8).join(", "), [...octets(token)].slice(0, 8).join(",")]) expect(shown(value)).not.toContain(trace);
  }
});
