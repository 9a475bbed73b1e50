/** Signing in through the public door, both sides: what is offered, chosen, sent and refused. */

import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { ConfigError, connect, ConnectionError, Container, scramCredentials } from "../../src/index.ts";
import type { AmqpError, Connection, ConnectOptions, ListenOptions, PeerIdentity, SaslClient, SaslServer } from "../../src/index.ts";
import { Passwords } from "../../src/container/passwords.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Script } from "../../src/testing/script.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { failure, until } from "../client/support.ts";
import { ONCE, afterwards, answerClosing, serve, within } from "../protocol/harness.ts";
import { certificates } from "../transport/certificates.ts";

const text = (bytes: unknown): string => new TextDecoder().decode(bytes as Uint8Array);
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);

interface Door {
  readonly url: string;
  readonly errors: AmqpError[];
  /** Connects; answers who the listener took us for. */
  enter(options: ConnectOptions, url?: string): Promise<PeerIdentity | undefined>;
}

/** A listener of ours and what comes in at it. */
async function door(listen: ListenOptions, clock?: ManualClock): Promise<Door> {
  const errors: AmqpError[] = [];
  const server = new Container({ onError: (error) => errors.push(error), clock });
  const client = new Container({ onError: () => {} });
  afterwards(async () => {
    await client.close({ timeout: 500 }).catch(() => {});
    await server.close({ timeout: 0 }).catch(() => {});
  });
  const listener = await server.listen({ port: 0, ...listen });
  const connections = listener[Symbol.asyncIterator]();
  return {
    url: listener.url, errors,
    enter: async (options, url = listener.url) => {
      const connection = await client.connect(url, { ...ONCE, ...options });
      const { value } = await within(connections.next(), "the connection on the other side");
      await connection.close();
      return (value as Connection).identity;
    },
  };
}

/** The first cause of a connection that cannot be made. */
async function cause(promise: Promise<unknown>): Promise<AmqpError> {
  const error = await failure(promise);
  return error instanceof ConnectionError ? error.errors[0] ?? error : error as AmqpError;
}

/** A client that goes through SASL by hand. */
async function byHand(url: string, script: (peer: Script, offered: unknown) => Promise<void>): Promise<void> {
  const peer = await ScriptedPeer.connect(url, async (one) => {
    one.sendHeader("sasl");
    await one.expectHeader("sasl");
    await script(one, (await one.expect("sasl-mechanisms")).fields["saslServerMechanisms"]);
  });
  afterwards(() => peer.close());
  await peer.done;
}

const offeredBy = async (listen: ListenOptions): Promise<unknown> => {
  let seen: unknown;
  await byHand((await door(listen)).url, async (peer, offered) => {
    seen = offered;
    peer.drop();
  });
  return seen;
};

describe("P03 what a listener offers", () => {
  test.each<[string, ListenOptions, string | string[]]>([
    ["nothing to ask: ANONYMOUS", {}, ["ANONYMOUS"]],
    ["authenticate: PLAIN", { authenticate: () => true }, ["PLAIN"]],
    ["passwords: by strength", { passwords: () => "p" }, ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]],
    ["tokens", { authenticateToken: () => true }, ["OAUTHBEARER", "XOAUTH2"]],
    ["all", { passwords: () => "p", authenticateToken: () => true, mechanisms: { "X-OWN": () => ({ start: () => false, response: () => false }) } },
      ["X-OWN", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "OAUTHBEARER", "XOAUTH2"]],
    ["what allowedMechs says, as text, in its order", { passwords: () => "p", allowedMechs: "PLAIN SCRAM-SHA-256" }, ["PLAIN", "SCRAM-SHA-256"]],
    ["and as a list", { passwords: () => "p", allowedMechs: ["SCRAM-SHA-1", "ANONYMOUS"] }, ["SCRAM-SHA-1", "ANONYMOUS"]],
  ])("%s", async (_what, listen, expected) => {
    expect(await offeredBy(listen)).toEqual(expected);
  });

  test.each<[string, ListenOptions, RegExp]>([
    ["GSSAPI", { allowedMechs: "GSSAPI" }, /"GSSAPI" is not built in .*custom mechanisms, in option "mechanisms"/],
    ["PLAIN without anybody to ask", { allowedMechs: "PLAIN" }, /PLAIN, which needs option "authenticate" or "passwords"/],
    ["SCRAM without passwords", { allowedMechs: "SCRAM-SHA-256", authenticate: () => true }, /needs option "passwords"/],
    ["tokens without a check", { allowedMechs: ["OAUTHBEARER"] }, /needs option "authenticateToken"/],
    ["EXTERNAL without certificates", { allowedMechs: ["EXTERNAL"] }, /needs option "tls.requestCert"/],
    ["none", { allowedMechs: [] }, /allowedMechs is empty/],
    ["a mechanism in small letters", { mechanisms: { scram: () => ({ start: () => false, response: () => false }) } }, /in capitals/],
    ["a misspelt option", { password: () => "x" } as ListenOptions, /did you mean "passwords"/],
  ])("%s is a ConfigError before anything is listened on", async (_what, listen, message) => {
    const container = new Container();
    const error = await failure(container.listen({ port: 0, ...listen }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
    await container.close();
  });
});

describe("P03 SCRAM and PLAIN by stored passwords", () => {
  test.each(["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"] as const)("S02 %s, from the password and from what is kept of it", async (mechanism) => {
    const kept = await scramCredentials("pässword, =", { mechanism: mechanism === "PLAIN" ? "SCRAM-SHA-256" : mechanism, iterations: 5_000 });
    for (const found of ["pässword, =", kept]) {
      const asked: unknown[] = [];
      const { enter, errors } = await door({ passwords: async (user, context) => { asked.push([user, context]); return user === "anna" ? found : undefined; } });
      expect(await enter({ user: "anna", password: "pässword, =", allowedMechs: mechanism })).toEqual({ mechanism, user: "anna", certificate: undefined });
      expect(asked).toEqual([["anna", { remoteAddress: "127.0.0.1", mechanism }]]);
      for (const wrong of [{ user: "anna", password: "password" }, { user: "eve", password: "pässword, =" }, { user: "anna", password: "" }]) {
        const error = await cause(connect((await door({ passwords: (user) => (user === "anna" ? found : undefined) })).url, { ...ONCE, ...wrong, allowedMechs: mechanism }));
        expect(error).toMatchObject({ name: "SaslError", code: "auth-failed", origin: "remote", retryable: false });
      }
      expect(errors).toEqual([]);
    }
  });

  test("the strongest is used by itself", async () => {
    const { enter } = await door({ passwords: () => "p" });
    expect(await enter({ user: "u", password: "p" })).toMatchObject({ mechanism: "SCRAM-SHA-512", user: "u" });
  });

  test("authenticate is asked for PLAIN where both are given", async () => {
    const { enter } = await door({ passwords: () => "p", authenticate: (user, password) => user === "u" && password === "other" });
    expect(await enter({ user: "u", password: "other", allowedMechs: "PLAIN" })).toMatchObject({ mechanism: "PLAIN" });
    expect(await enter({ user: "u", password: "p", allowedMechs: "SCRAM-SHA-256" })).toMatchObject({ mechanism: "SCRAM-SHA-256" });
  });

  test("B53 an unknown user gets a message of the same shape, with a salt that stays his, and the same outcome", async () => {
    const kept = await scramCredentials("p", { mechanism: "SCRAM-SHA-256", iterations: 9_999, salt: new Uint8Array(20).fill(7) });
    const { url } = await door({ passwords: (user) => (user === "known" ? kept : undefined), allowedMechs: "SCRAM-SHA-256" });
    const first = async (user: string): Promise<{ salt: string; count: string; outcome: unknown }> => {
      let found: { salt: string; count: string; outcome: unknown } | undefined;
      await byHand(url, async (peer) => {
        peer.send("sasl-init", { mechanism: "SCRAM-SHA-256", initialResponse: utf8(`n,,n=${user},r=clientnonce`) });
        const message = text((await peer.expect("sasl-challenge")).fields["challenge"]);
        const [, nonce = "", salt = "", count = ""] = /^r=(clientnonce[A-Za-z0-9+/]{24}),s=([A-Za-z0-9+/=]+),i=(\d+)$/.exec(message) ?? [];
        peer.send("sasl-response", { response: utf8(`c=biws,r=${nonce},p=${Buffer.alloc(32).toString("base64")}`) });
        const outcome = await peer.expect("sasl-outcome");
        found = { salt, count, outcome: outcome.fields };
        await peer.untilEof();
      });
      return found!;
    };
    const known = await first("known");
    const [nobody, again, other] = [await first("nobody"), await first("nobody"), await first("somebody")];
    expect(known).toMatchObject({ salt: Buffer.alloc(20, 7).toString("base64"), count: "9999", outcome: { code: 1 } });
    expect(nobody).toEqual({ salt: expect.stringMatching(/^.{28}$/), count: "9999", outcome: known.outcome });
    expect(again.salt).toBe(nobody.salt);
    expect(other.salt).not.toBe(nobody.salt);
  });

  test("Q.listener B53 the outcome comes a fixed time after the peer's last word, however long the check took", async () => {
    for (const takes of [0, 100]) {
      const clock = new ManualClock();
      let asked = false;
      const { url } = await door({
        authenticate: () => {
          asked = true;
          return new Promise((resolve) => clock.setTimer(takes, () => resolve(false)));
        },
      }, clock);
      await byHand(url, async (peer) => {
        peer.send("sasl-init", { mechanism: "PLAIN", initialResponse: utf8("\0u\0p") });
        await until(() => asked);
        await clock.advance(249);
        expect(peer.frames().filter(({ name }) => name === "sasl-outcome")).toEqual([]);
        await clock.advance(1);
        await peer.expect("sasl-outcome", { code: 1 });
        peer.drop();
      });
    }
  });

  test("B53 PLAIN against stored credentials costs as much for an unknown user", async () => {
    const kept = await scramCredentials("p", { iterations: 600_000 });
    const passwords = new Passwords((user) => (user === "known" ? kept : undefined), () => {});
    const cost = async (user: string): Promise<number> => {
      const begun = performance.now();
      expect(await passwords.check(user, "guess", "127.0.0.1")).toBe(false);
      return performance.now() - begun;
    };
    const known = await cost("known");
    // a derivation is hundreds of milliseconds, a look-up alone less than one
    expect(await cost("unknown")).toBeGreaterThan(known / 10);
  });

  test("stored credentials of another mechanism, or that are none: refused like a wrong password, and told to onError", async () => {
    const kept = await scramCredentials("p", { mechanism: "SCRAM-SHA-1" });
    for (const [found, says] of [[kept, /credentials for SCRAM-SHA-1 to a peer that uses SCRAM-SHA-512/], [{ ...kept, mechanism: "SCRAM-SHA-512" }, /salt and keys of the right length/],
      [{ ...kept, mechanism: "SCRAM-SHA-512", iterations: 1 }, /iteration count/]] as const) {
      const { url, errors } = await door({ passwords: () => found as typeof kept });
      expect(await cause(connect(url, { ...ONCE, user: "u", password: "p" }))).toMatchObject({ code: "auth-failed" });
      await until(() => errors.length === 2);
      expect(errors[0]).toMatchObject({ name: "ConfigError", message: expect.stringMatching(says) });
      expect(errors[1]).toMatchObject({ name: "SaslError", code: "auth-failed" });
    }
  });

  test("a look-up that fails is the outcome sys-temp, and the client may try again", async () => {
    const broken = new Error("database away");
    const { url, errors } = await door({ passwords: () => Promise.reject(broken) });
    for (const allowedMechs of ["SCRAM-SHA-256", "PLAIN"]) {
      expect(await cause(connect(url, { ...ONCE, user: "u", password: "p", allowedMechs }))).toMatchObject({ name: "SaslError", code: "sasl-failed", retryable: true });
    }
    await until(() => errors.length === 2);
    expect(errors[0]).toMatchObject({ code: "sasl-failed", cause: broken });
  });
});

describe("Q.scram B56 SCRAM, the client against a server that does not know the password", () => {
  const attack = async (end: (script: Script) => Promise<void>): Promise<AmqpError> => {
    const peer = await serve(async (script) => {
      script.reply(await script.expectHeader("sasl"));
      script.send("sasl-mechanisms", { saslServerMechanisms: ["PLAIN", "SCRAM-SHA-256"] });
      const init = await script.expect("sasl-init", { mechanism: "SCRAM-SHA-256" });
      const nonce = /r=(.*)$/.exec(text(init.fields["initialResponse"]))?.[1];
      script.send("sasl-challenge", { challenge: utf8(`r=${nonce}server,s=QSXCR+Q6sek8bf92,i=4096`) });
      expect(text((await script.expect("sasl-response")).fields["response"])).toMatch(/^c=biws,r=.*server,p=[A-Za-z0-9+/]{43}=$/);
      await end(script);
      await script.expectEof();
    });
    const error = await cause(connect(peer.url, { ...ONCE, user: "u", password: "canary-pw" }));
    await peer.done;
    expect(`${error.message} ${error.stack}`).not.toContain("canary-pw");
    return error;
  };

  test.each<[string, (script: Script) => Promise<void>, RegExp]>([
    ["an ok without a signature", async (script) => script.send("sasl-outcome", { code: 0 }), /server signature/],
    ["an ok with a wrong one", async (script) => script.send("sasl-outcome", { code: 0, additionalData: utf8(`v=${Buffer.alloc(32).toString("base64")}`) }), /server signature is wrong/],
    ["a wrong one in a challenge", async (script) => script.send("sasl-challenge", { challenge: utf8("v=AAAA") }), /server signature is wrong/],
    ["an error in a challenge", async (script) => script.send("sasl-challenge", { challenge: utf8("e=invalid-proof") }), /the server says invalid-proof/],
  ])("%s: auth-failed, and it leaves", async (_what, end, message) => {
    const error = await attack(end);
    expect(error).toMatchObject({ name: "SaslError", code: "auth-failed" });
    expect(error.message).toMatch(message);
  });
});

describe("J09 tokens", () => {
  const finish = async (script: Script): Promise<void> => {
    script.send("sasl-outcome", { code: 0 });
    script.reply(await script.expectHeader("amqp"));
    script.reply(await script.expect("open"));
    await answerClosing(script);
  };
  const initOf = async (options: ConnectOptions, mechanisms: readonly string[]): Promise<string> => {
    let init = "";
    const peer = await serve(async (script) => {
      script.reply(await script.expectHeader("sasl"));
      script.send("sasl-mechanisms", { saslServerMechanisms: mechanisms });
      const { fields } = await script.expect("sasl-init");
      init = `${String(fields["mechanism"])} ${text(fields["initialResponse"])}`;
      await finish(script);
    });
    await (await connect(peer.url.replace("//", "//url:url-pw@"), { ...ONCE, ...options })).close();
    await peer.done;
    return init.replaceAll("\x01", "|").replaceAll("\0", "~").replace(/port=\d+/, "port=N");
  };

  test("S02 credentials stands before token, token before user and password, they before the url", async () => {
    const all: ConnectOptions = { user: "u", password: "p", token: () => "t-function", credentials: async () => ({ token: "t-credentials", user: "c" }) };
    const offered = ["XOAUTH2", "PLAIN", "OAUTHBEARER", "ANONYMOUS"];
    expect(await initOf(all, offered)).toBe("OAUTHBEARER n,a=c,|host=127.0.0.1|port=N|auth=Bearer t-credentials||");
    expect(await initOf({ ...all, credentials: undefined }, offered)).toBe("OAUTHBEARER n,a=u,|host=127.0.0.1|port=N|auth=Bearer t-function||");
    expect(await initOf({ token: "t-text" }, offered)).toBe("OAUTHBEARER n,,|host=127.0.0.1|port=N|auth=Bearer t-text||");
    expect(await initOf({ ...all, credentials: undefined, token: undefined }, offered)).toBe("PLAIN ~u~p");
    expect(await initOf({}, offered)).toBe("PLAIN ~url~url-pw");
    expect(await initOf({ credentials: () => ({ user: "cu", password: "cp" }), token: "t" }, offered)).toBe("PLAIN ~cu~cp");
    expect(await initOf(all, ["XOAUTH2", "PLAIN"])).toBe("XOAUTH2 user=c|auth=Bearer t-credentials||");
  });

  test("what a call says is never mixed with what the container has", async () => {
    const { url } = await door({ authenticate: (user, password) => user === "u" && password === "p" });
    const container = new Container({ connection: { token: "container's" }, onError: () => {} });
    afterwards(() => container.close());
    await (await container.connect(url, { ...ONCE, user: "u", password: "p" })).close();
    expect(await cause(container.connect(url, ONCE))).toMatchObject({ code: "mechanism-refused", message: expect.stringContaining("with a token") });
  });

  test.each(["OAUTHBEARER", "XOAUTH2"])("%s to a listener of ours: who it is, and why not", async (mechanism) => {
    const asked: unknown[] = [];
    const { enter, url } = await door({ authenticateToken: async (token, user, context) => { asked.push([token, user, context]); return token === "good" ? "alice" : token === "any" && user !== undefined; } });
    expect(await enter({ token: "good", allowedMechs: mechanism })).toEqual({ mechanism, user: "alice", certificate: undefined });
    expect(await enter({ token: () => "any", user: "bob", allowedMechs: mechanism })).toMatchObject({ user: "bob" });
    expect(asked).toEqual([["good", undefined, { remoteAddress: "127.0.0.1" }], ["any", "bob", { remoteAddress: "127.0.0.1" }]]);
    const error = await cause(connect(url, { ...ONCE, token: "canary-token", allowedMechs: mechanism }));
    expect(error).toMatchObject({ name: "SaslError", code: "auth-failed", retryable: false });
    if (mechanism === "OAUTHBEARER") expect(error.message).toContain("invalid_token");
    expect(`${error.message} ${error.stack}`).not.toContain("canary-token");
  });

  test("B50 a token of 6,000 characters is sent in one frame", async () => {
    const long = "x".repeat(6_000);
    const { enter } = await door({ authenticateToken: (token) => (token === long ? "big" : false) });
    expect(await enter({ token: long })).toMatchObject({ user: "big" });
  });

  test("B48 refused on an unencrypted connection where that is not allowed, before anything is sent", async () => {
    const peer = await serve(async (script) => {
      script.reply(await script.expectHeader("sasl"));
      script.send("sasl-mechanisms", { saslServerMechanisms: ["OAUTHBEARER", "ANONYMOUS"] });
      await script.expectEof();
    });
    expect(await cause(connect(peer.url, { ...ONCE, token: "t", allowInsecureMechs: false }))).toMatchObject({
      code: "mechanism-refused", message: expect.stringContaining("OAUTHBEARER refused on unencrypted connection"),
    });
    await peer.done;
  });

  test.each(["two words", "größe", "a\n"])("a token that no header can hold is an error of this side that does not show it: %j", async (token) => {
    const { url } = await door({ authenticateToken: () => true });
    const error = await cause(connect(url, { ...ONCE, token }));
    expect(error).toMatchObject({ name: "SaslError", code: "auth-failed", origin: "local", message: expect.stringContaining("one word of printable ASCII") });
    expect(error.message).not.toContain(token);
  });

  test("a token over TLS", async () => {
    const { server, ca } = certificates();
    const { enter } = await door({ tls: server, authenticateToken: (token) => token === "t" && "over-tls" });
    expect(await enter({ token: "t", tls: { ca }, allowInsecureMechs: false })).toMatchObject({ mechanism: "OAUTHBEARER", user: "over-tls" });
  });
});

describe("J09 credentials and token functions", () => {
  test("each attempt asks anew, with its url and number", async () => {
    const seen: unknown[] = [];
    const { url } = await door({ authenticateToken: (token) => token === "second" });
    const token = ({ url: place, attempt, signal }: { url: string; attempt: number; signal: AbortSignal }): string => {
      seen.push([place, attempt, signal.aborted]);
      return attempt === 1 ? "first" : "second";
    };
    await (await connect([url, url], { ...ONCE, token })).close();
    expect(seen).toEqual([[url, 1, false], [url, 2, false]]);
  });

  test.each([true, false, undefined])("a throw is a failed attempt, and retryable unless it says otherwise (%s)", async (retryable) => {
    const broken = Object.assign(new Error("the vault is sealed"), retryable === undefined ? {} : { retryable });
    for (const options of [{ credentials: () => { throw broken; } }, { token: () => Promise.reject(broken) }]) {
      const error = await cause(connect("amqp://127.0.0.1:1", { ...ONCE, ...options }));
      expect(error).toMatchObject({ name: "SaslError", code: "auth-failed", retryable: retryable !== false, cause: broken });
      expect(error.message).toMatch(/^the (credentials|token) function failed for amqp:\/\/127\.0\.0\.1:1: the vault is sealed$/);
    }
  });

  test.each<[string, unknown]>([
    ["nothing", undefined], ["null", null], ["a text", "canary"], ["no password", { user: "u" }], ["no user", { password: "canary" }], ["an empty user", { user: "", password: "canary" }],
    ["an empty token", { token: "" }], ["a token that is no text", { token: 5 }], ["a user that is no text", { user: 5, password: "canary" }], ["an expiry that is none", { token: "canary", expiresAt: "soon" }],
  ])("a function that answers %s is an error that says so, and shows nothing of it", async (_what, given) => {
    const error = await cause(connect("amqp://127.0.0.1:1", { ...ONCE, credentials: () => given as never }));
    expect(error).toMatchObject({ name: "SaslError", code: "auth-failed", retryable: false });
    expect(error.message).toMatch(/^the credentials function answered .* for amqp:\/\/127\.0\.0\.1:1$/);
    expect(error.message).not.toContain("canary");
  });

  test("a function that never answers is bounded by timeout and signal, and told by its own signal", async () => {
    const clock = new ManualClock();
    const container = new Container({ clock });
    let asked: AbortSignal | undefined;
    const never = ({ signal }: { signal: AbortSignal }): Promise<never> => {
      asked = signal;
      return new Promise(() => {});
    };
    const late = failure(container.connect("amqp://127.0.0.1:1", { timeout: 700, credentials: never }));
    await until(() => asked !== undefined);
    await clock.advance(700);
    expect(await late).toMatchObject({ name: "TimeoutError" });
    expect(asked?.aborted).toBe(true);
    const giveUp = new AbortController();
    const aborted = failure(container.connect("amqp://127.0.0.1:1", { signal: giveUp.signal, token: never }));
    await until(() => asked?.aborted === false);
    giveUp.abort("enough");
    expect(await aborted).toBe("enough");
    expect(asked?.aborted).toBe(true);
    await container.close();
  });
});

describe("P03 EXTERNAL", () => {
  const { server, client, ca, selfSigned } = certificates();
  const listen: ListenOptions = { tls: { ...server, ca, requestCert: true } };
  const tls = { ca, ...client };

  test("the certificate's subject is who the peer is, and its details are there on both sides", async () => {
    const { enter } = await door(listen);
    expect(await enter({ tls })).toEqual({
      mechanism: "EXTERNAL", user: "CN=client,O=Example\\, Inc",
      certificate: {
        subject: "CN=client,O=Example\\, Inc", commonName: "client", issuer: "CN=Test authority", alternativeNames: ["DNS:client"],
        serialNumber: expect.stringMatching(/^[0-9A-F]+$/), validFrom: expect.any(Date), validTo: expect.any(Date),
        fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      },
    });
  });

  test("a function maps it to a user, or refuses it", async () => {
    const asked: unknown[] = [];
    const { enter } = await door({ ...listen, authenticateCertificate: async (certificate, context) => { asked.push([certificate.commonName, context]); return certificate.commonName ?? false; } });
    expect(await enter({ tls, allowedMechs: "EXTERNAL" })).toMatchObject({ mechanism: "EXTERNAL", user: "client" });
    expect(asked).toEqual([["client", { remoteAddress: "127.0.0.1" }]]);
    const strict = await door({ ...listen, authenticateCertificate: () => false });
    expect(await cause(connect(strict.url, { ...ONCE, tls }))).toMatchObject({ name: "SaslError", code: "auth-failed" });
    const same = await door({ ...listen, authenticateCertificate: () => true });
    expect(await same.enter({ tls })).toMatchObject({ user: "CN=client,O=Example\\, Inc" });
  });

  test("a certificate that is not verified is nobody, where the listener lets it connect at all", async () => {
    const { url } = await door({ tls: { ...server, ca, requestCert: true, rejectUnauthorized: false }, passwords: () => "p" });
    expect(await cause(connect(url, { ...ONCE, tls: { ca, ...selfSigned } }))).toMatchObject({ code: "mechanism-refused" });
  });

  test("with user and password as well, those are used", async () => {
    const { enter } = await door({ ...listen, passwords: () => "p" });
    expect(await enter({ tls, user: "u", password: "p" })).toMatchObject({ mechanism: "SCRAM-SHA-512", user: "u" });
    expect(await enter({ tls, user: "u", password: "p", allowedMechs: ["EXTERNAL"] })).toMatchObject({ mechanism: "EXTERNAL" });
  });
});

describe("mechanisms of one's own", () => {
  /** CRAM-MD5 (RFC 2195), which is not built in. */
  const digest = (password: string, challenge: Uint8Array): string => createHmac("md5", password).update(challenge).digest("hex");
  const client = ({ user = "", password = "" }: { user: string | undefined; password: string | undefined }): SaslClient => ({
    start: () => undefined,
    challenge: async (challenge) => `${user} ${digest(password, challenge)}`,
  });
  const server = (passwords: Record<string, string>) => (): SaslServer => ({
    start: () => ({ challenge: "<1896.697170952@postoffice.reston.mci.net>" }),
    response: async (data) => {
      const [user = "", given] = text(data).split(" ");
      const expected = digest(passwords[user] ?? "", utf8("<1896.697170952@postoffice.reston.mci.net>"));
      return given === expected && user in passwords && { user };
    },
  });

  test("both sides, with the example of RFC 2195", async () => {
    const { enter, url } = await door({ mechanisms: { "CRAM-MD5": server({ tim: "tanstaaftanstaaf" }) }, passwords: () => "x" });
    expect(digest("tanstaaftanstaaf", utf8("<1896.697170952@postoffice.reston.mci.net>"))).toBe("b913a602c7eda7a495b4e6e7334d3890");
    const options: ConnectOptions = { user: "tim", mechanisms: { "CRAM-MD5": client } };
    expect(await enter({ ...options, password: "tanstaaftanstaaf" })).toEqual({ mechanism: "CRAM-MD5", user: "tim", certificate: undefined });
    expect(await cause(connect(url, { ...ONCE, ...options, password: "wrong" }))).toMatchObject({ name: "SaslError", code: "auth-failed" });
    expect(await enter({ ...options, password: "x", allowedMechs: "SCRAM-SHA-256" })).toMatchObject({ mechanism: "SCRAM-SHA-256" });
  });

  test("the client's side is told where it goes and as whom, with secrets that no printer shows", async () => {
    const { inspect } = await import("node:util");
    let told: unknown;
    const { url } = await door({ authenticate: () => true });
    const own = (context: unknown): SaslClient => {
      told = context;
      return { start: () => "\0me\0pw", challenge: () => undefined };
    };
    await (await connect(url, { ...ONCE, user: "me", password: "canary-pw", mechanisms: { PLAIN: own } })).close();
    expect(told).toMatchObject({ url, hostname: "127.0.0.1", secure: false, user: "me", password: "canary-pw", token: undefined });
    expect(`${inspect(told)} ${JSON.stringify(told)}`).not.toContain("canary-pw");
  });

  test("additional data of the server goes to the client's finish, which may not believe it", async () => {
    const said: unknown[] = [];
    const proving: SaslServer = { start: () => ({ user: "u", additionalData: "proof" }), response: () => false };
    const { enter, url } = await door({ mechanisms: { "X-PROOF": () => proving } });
    const checking = (expected: string) => (): SaslClient => ({
      start: async () => new Uint8Array([1]), challenge: () => undefined,
      finish: async (data) => {
        said.push(text(data));
        if (text(data) !== expected) throw new Error("the server is somebody else");
      },
    });
    expect(await enter({ mechanisms: { "X-PROOF": checking("proof") } })).toMatchObject({ mechanism: "X-PROOF", user: "u" });
    const error = await cause(connect(url, { ...ONCE, mechanisms: { "X-PROOF": checking("else") } }));
    expect(error).toMatchObject({ name: "SaslError", code: "auth-failed", message: expect.stringContaining("the server is somebody else") });
    expect(said).toEqual(["proof", "proof"]);
  });

  test("a throw of the client's is an error of this side; one of the server's is sys-temp, and told to onError", async () => {
    const broken = new Error("no smart card");
    const { url } = await door({ mechanisms: { "X-OWN": () => ({ start: () => ({ user: "u" }), response: () => false }) } });
    expect(await cause(connect(url, { ...ONCE, mechanisms: { "X-OWN": () => ({ start: () => { throw broken; }, challenge: () => undefined }) } })))
      .toMatchObject({ name: "SaslError", code: "auth-failed", origin: "local", cause: broken });
    const failing = await door({ mechanisms: { "X-OWN": () => ({ start: () => { throw broken; }, response: () => false }) } });
    expect(await cause(connect(failing.url, { ...ONCE, mechanisms: { "X-OWN": () => ({ start: () => undefined, challenge: () => undefined }) } })))
      .toMatchObject({ name: "SaslError", code: "sasl-failed", retryable: true });
    await until(() => failing.errors.length === 1);
    expect(failing.errors[0]).toMatchObject({ code: "sasl-failed", cause: broken });
  });
});

describe("S02 options that cannot work", () => {
  test.each<[ConnectOptions, RegExp]>([
    [{ allowedMechs: "GSSAPI PLAIN" }, /"GSSAPI" is not built in .*must be supplied as custom mechanisms, in option "mechanisms"/],
    [{ allowedMechs: [] }, /allowedMechs is empty/],
    [{ allowedMechs: "" }, /allowedMechs is empty/],
    [{ saslEnabled: false, user: "u", password: "p" }, /"saslEnabled" is false/],
    [{ saslEnabled: false, token: "t" }, /"saslEnabled" is false/],
    [{ token: "" }, /"token" must be a text that is not empty, or a function/],
    [{ token: 5 as never }, /"token" must be/],
    [{ mechanisms: { "lower case": () => ({ start: () => undefined, challenge: () => undefined }) } }, /"mechanisms" must be .* in capitals/],
    [{ mechanisms: { OWN: {} as never } }, /"mechanisms" must be/],
    [{ tokens: "t" } as never, /did you mean "token"/],
  ])("%j is a ConfigError at the call", (options, message) => {
    const container = new Container();
    expect(() => container.connect("amqp://127.0.0.1:1", options)).toThrow(ConfigError);
    expect(() => container.connect("amqp://127.0.0.1:1", options)).toThrow(message);
    expect(() => container.connect("amqp://u:p@127.0.0.1:1", { saslEnabled: false })).toThrow(/"saslEnabled" is false/);
    expect(container.connections.size).toBe(0);
  });
});
