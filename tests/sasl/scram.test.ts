/** SCRAM: the vectors of its RFCs on both sides, what a client and a server refuse (B54-B56), and that no step shows a secret. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { scramCredentials } from "../../src/container/scram-credentials.ts";
import { ConfigError } from "../../src/errors.ts";
import type { ClientStep, Finish, ScramRecord, ServerStep } from "../../src/sasl/mechanism.ts";
import { saslprep } from "../../src/sasl/saslprep.ts";
import { ScramClient } from "../../src/sasl/scram-client.ts";
import { ScramServer } from "../../src/sasl/scram-server.ts";
import { fromBase64, toBase64 } from "../../src/util/base64.ts";
import type { Bytes } from "../../src/util/bytes.ts";
import { caught } from "../frames/support.ts";
import { settle } from "./drive.ts";
import { octets, shown, textOf } from "./support.ts";

interface Vector {
  readonly mechanism: string;
  readonly user: string;
  readonly password: string;
  readonly nonce: string;
  readonly clientFirst: string;
  readonly serverFirst: string;
  readonly clientFinal: string;
  readonly serverFinal: string;
}

/** RFC 5802, section 5. */
const SHA1: Vector = {
  mechanism: "SCRAM-SHA-1", user: "user", password: "pencil", nonce: "fyko+d2lbbFgONRv9qkxdawL",
  clientFirst: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
  serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
  clientFinal: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
  serverFinal: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};
/** RFC 7677, section 3. */
const SHA256: Vector = {
  mechanism: "SCRAM-SHA-256", user: "user", password: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO",
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

// No RFC has vectors for SHA-512, and the nonces above are not ones that our server makes. The following are by Python's hashlib:
//   salted = hashlib.pbkdf2_hmac(h, password, salt, i); ck = hmac.new(salted, b"Client Key", h).digest(); sk = hashlib.new(h, ck).digest()
//   proof = xor(ck, hmac.new(sk, auth_message, h).digest()); v = hmac.new(hmac.new(salted, b"Server Key", h).digest(), auth_message, h).digest()
// with client nonce base64(00..11), server nonce base64(64..75), salt 00..0f; it reproduces the two vectors above.
const OURS = "AAECAwQFBgcICQoLDA0ODxAR";
const BOTH = `${OURS}ZGVmZ2hpamtsbW5vcHFyc3R1`;
const FIRST = `r=${BOTH},s=AAECAwQFBgcICQoLDA0ODw==,i=`;
const python = (mechanism: string, proof: string, signature: string, rest: Partial<Vector> & { i?: number } = {}): Vector => ({
  mechanism, user: "user", password: "pencil", nonce: OURS, clientFirst: `n,,n=user,r=${OURS}`, serverFirst: `${FIRST}${rest.i ?? 4096}`,
  clientFinal: `c=biws,r=${BOTH},p=${proof}`, serverFinal: `v=${signature}`, ...rest,
});
const MADE: readonly Vector[] = [
  python("SCRAM-SHA-1", "eG2YEOgLLa6Kheltw6hOp5WXYr8=", "FbnGPmOQz14M6pqRpmup1x5L350="),
  python("SCRAM-SHA-256", "jwTTi/hfL6HPjUj8J2k2OeDqGRiicpR6sH9Rc+cviBo=", "AZ4kMELbm1e3Rdj2L2CWvUkUbEdHsrtSTLK9n2N0pF8="),
  python("SCRAM-SHA-512", "hi/16axZEeHrHgwUPEWhxuhNxW7mFUZJrGhq9Ujej/zCokeujaPxl9hsvXhaaKlhjeVHlxztcE/vouQQxOY4oA==",
    "U2OaMHdlw6ZwZiq4Iqszcs7OxYaOltexBmMhGMjAlR+qDlBgUnO6KUqzHY4iSUanpResE9tzQBq9gtKqG0wkvQ=="),
  // prepared by SASLprep and escaped: "Jürgen,=" with the password "p ss IX"
  python("SCRAM-SHA-512", "k0zmL6O30HbnoCmBnqBy6Y+zHTMgoEtHltI5H73gqFX74Wx/7L8/c1WpT8E3CcNMEK1VrvdXMXwDzS2CoTPNeQ==",
    "0RXssnopRrmvAdtgtCGNxTDtrTHBo5DoEMx5Ji0Wlp1xXWpwL9LISLSviQQFwkmpWhNW5xGLCiyQcKDcBDzp6g==",
    { user: "J\u00fcr\u00adgen,=", password: "p\u00a0s\u00ads \u2168", clientFirst: `n,,n=J\u00fcrgen=2C=3D,r=${OURS}`, i: 5000 }),
];

const text = (step: ClientStep | ServerStep): string | undefined => (step.type === "send" ? textOf(step.bytes) : undefined);

/** A client that has sent its first message. */
async function begun(vector: Vector): Promise<ScramClient> {
  const client = new ScramClient(vector.mechanism, vector.user, vector.password);
  const first = await settle<ClientStep>(client, client.start(), (need) => (need.need === "random" ? fromBase64(vector.nonce)! : undefined));
  expect(text(first)).toBe(vector.clientFirst);
  return client;
}

/** A client that has sent its proof. */
async function proved(vector: Vector): Promise<ScramClient> {
  const client = await begun(vector);
  const final = await settle<ClientStep>(client, client.challenge(octets(vector.serverFirst)));
  expect(text(final)).toBe(vector.clientFinal);
  return client;
}

describe("A the client's side", () => {
  test.each([["RFC 5802, section 5", SHA1], ["RFC 7677, section 3", SHA256], ...MADE.map((one) => [`Python, ${one.mechanism}, user ${one.user}`, one] as const)])(
    "%s: every message, and the server signature in a last challenge or with the outcome", async (_what, vector) => {
      const byChallenge = await proved(vector);
      expect(byChallenge.challenge(octets(vector.serverFinal))).toEqual({ type: "send", bytes: new Uint8Array(0) });
      expect(byChallenge.finish(undefined)).toEqual({ type: "done" });
      const byOutcome = await proved(vector);
      expect(byOutcome.finish(octets(vector.serverFinal))).toEqual({ type: "done" });
    },
  );

  test("its nonce is 18 random octets", async () => {
    const client = new ScramClient("SCRAM-SHA-256", "u", "p");
    const first = await settle<ClientStep>(client, client.start());
    expect(text(first)).toMatch(/^n,,n=u,r=[A-Za-z0-9+/]{24}$/);
    const other = new ScramClient("SCRAM-SHA-256", "u", "p");
    expect(text(await settle<ClientStep>(other, other.start()))).not.toBe(text(first));
  });

  test("the derivation is asked for with what the server named, and not before the message was judged", async () => {
    const client = await begun(SHA256);
    expect(client.challenge(octets(SHA256.serverFirst))).toMatchObject({ type: "need", need: "pbkdf2", hash: "SHA-256", iterations: 4096, octets: 32 });
  });

  test.each(["", "\u0000", "a\u0007", "\ue000", "\ud800", "\ufff9"])("a user or password that SCRAM cannot express is a ConfigError that does not show it: %j", (wrong) => {
    const errors = [caught(() => new ScramClient("SCRAM-SHA-256", wrong, "s3cret"))];
    if (wrong !== "") errors.push(caught(() => new ScramClient("SCRAM-SHA-256", "u", `s3cret${wrong}`)));
    for (const error of errors) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(shown(error)).not.toContain("s3cret");
    }
  });
});

describe("Q.scram B54 B55 what a client does not go on with, before it has derived anything", () => {
  const [nonce, salt] = [`${OURS}x`, "s=QSXCR+Q6sek8bf92"];
  test.each<[string, string, RegExp]>([
    ["B54 another nonce", `r=other,${salt},i=4096`, /nonce does not extend ours/],
    ["B54 our nonce and nothing more", `r=${OURS},${salt},i=4096`, /nonce does not extend ours/],
    ["B54 a nonce that is not printable", `r=${nonce}\u0001,${salt},i=4096`, /nonce does not extend ours/],
    ["B54 a mandatory extension first", `m=ext,r=${nonce},${salt},i=4096`, /extension/],
    ["B54 a mandatory extension later", `r=${nonce},${salt},i=4096,m=ext`, /nonce, salt and iteration count/],
    ["B54 no salt", `r=${nonce},i=4096`, /nonce, salt and iteration count/],
    ["B54 an empty salt", `r=${nonce},s=,i=4096`, /salt is not base64/],
    ["B54 a salt that is not base64", `r=${nonce},s=a?==,i=4096`, /salt is not base64/],
    ["B54 a salt without its padding", `r=${nonce},s=AAE,i=4096`, /salt is not base64/],
    ["B54 a salt with stray bits", `r=${nonce},s=AAF=,i=4096`, /salt is not base64/],
    ["B54 i=0", `r=${nonce},${salt},i=0`, /not a number/],
    ["B54 i=-1", `r=${nonce},${salt},i=-1`, /not a number/],
    ["B54 i=abc", `r=${nonce},${salt},i=abc`, /not a number/],
    ["B54 i=4096.5", `r=${nonce},${salt},i=4096.5`, /not a number/],
    ["B54 i=1e5", `r=${nonce},${salt},i=1e5`, /not a number/],
    ["B54 i=04096", `r=${nonce},${salt},i=04096`, /not a number/],
    ["B54 no count", `r=${nonce},${salt}`, /nonce, salt and iteration count/],
    ["B54 the wrong order", `${salt},r=${nonce},i=4096`, /nonce, salt and iteration count/],
    ["B54 an error of the server's", "e=unknown-user", /the server says unknown-user/],
    ["B54 nothing", "", /nonce, salt and iteration count/],
    ["B55 i=1", `r=${nonce},${salt},i=1`, /fewer than 4096/],
    ["B55 i=4095", `r=${nonce},${salt},i=4095`, /fewer than 4096/],
    ["B55 i=600001", `r=${nonce},${salt},i=600001`, /600000 are the most/],
    ["B55 i=4294967295", `r=${nonce},${salt},i=4294967295`, /600000 are the most/],
    ["B55 more digits than any count has", `r=${nonce},${salt},i=${"9".repeat(400)}`, /not a number/],
  ])("%s", async (_what, message, reason) => {
    const client = await begun(MADE[1]!);
    expect(client.challenge(octets(message))).toEqual({ type: "fail", reason: expect.stringMatching(reason) });
  });

  test("B54 octets that are not UTF-8", async () => {
    const client = await begun(MADE[1]!);
    expect(client.challenge(Uint8Array.of(0x72, 0x3d, 0xff))).toMatchObject({ type: "fail" });
  });

  test.each([4_096, 600_000])("B55 i=%i and an optional extension are taken", async (i) => {
    const client = await begun(MADE[1]!);
    expect(client.challenge(octets(`r=${nonce},${salt},i=${i},x=whatever`))).toMatchObject({ type: "need", need: "pbkdf2", iterations: i });
  });
});

describe("Q.scram B56 an ok that the server has not earned", () => {
  const right = SHA256.serverFinal;
  test.each<[string, string | undefined, RegExp]>([
    ["no signature", undefined, /without its server signature/],
    ["an empty message", "", /no server signature/],
    ["an empty signature", "v=", /no server signature/],
    ["not base64", "v=???", /no server signature/],
    ["a signature with one bit changed", right.replace("v=6", "v=7"), /signature is wrong/],
    ["a signature that is cut short", `v=${toBase64(fromBase64(right.slice(2))!.slice(0, 31))}`, /signature is wrong/],
    ["the client's own proof sent back", `v=${SHA256.clientFinal.slice(SHA256.clientFinal.indexOf("p=") + 2)}`, /signature is wrong/],
    ["a mandatory extension", `m=x,${right}`, /no server signature/],
    ["an error", "e=other-error", /the server says other-error/],
  ])("%s: in the outcome and in a challenge", async (_what, message, reason) => {
    const byOutcome = await proved(SHA256);
    expect(byOutcome.finish(message === undefined ? undefined : octets(message))).toEqual({ type: "fail", reason: expect.stringMatching(reason) });
    if (message === undefined) return;
    const byChallenge = await proved(SHA256);
    expect(byChallenge.challenge(octets(message))).toEqual({ type: "fail", reason: expect.stringMatching(reason) });
  });

  test("ok right after the first message", async () => {
    const client = await begun(SHA256);
    expect(client.finish(octets(right))).toEqual({ type: "fail", reason: expect.stringContaining("before the exchange was complete") });
  });

  test("another challenge after the signature", async () => {
    const client = await proved(SHA256);
    client.challenge(octets(right));
    expect(client.challenge(octets(right))).toMatchObject({ type: "fail" });
  });
});

// ---------------------------------------------------------------- the server's side

const SALT = Uint8Array.from({ length: 16 }, (_, i) => i);
const THEIRS = Uint8Array.from({ length: 18 }, (_, i) => 100 + i);
const record = (password: string, more: Partial<ScramRecord> = {}): ScramRecord => ({ known: true, salt: SALT, iterations: 4096, secret: { password }, ...more });

/** A server's side with a chosen nonce and record. */
function serving(mechanism: string, kept: ScramRecord): { server: ScramServer; asked: string[]; say: (message: string | Bytes) => Promise<ServerStep> } {
  const server = new ScramServer(mechanism);
  const asked: string[] = [];
  let first = true;
  return {
    server, asked,
    say: (message) => {
      const bytes = typeof message === "string" ? octets(message) : message;
      const step = first ? server.start(bytes) : server.response(bytes);
      first = false;
      return settle<ServerStep>(server, step, (need) => {
        if (need.need === "random") return THEIRS;
        if (need.need !== "scram-record") return undefined;
        asked.push(need.user);
        return kept;
      });
    },
  };
}

describe("A the server's side", () => {
  test.each(MADE.map((one) => [one.mechanism, one.user, one] as const))("%s, user %s: every message, from a password and from what was kept of it", async (_name, _user, vector) => {
    const iterations = Number(vector.serverFirst.split("i=")[1]);
    const kept = await scramCredentials(vector.password, { mechanism: vector.mechanism as "SCRAM-SHA-1", iterations, salt: SALT });
    for (const secret of [{ password: vector.password }, { storedKey: kept.storedKey as Bytes, serverKey: kept.serverKey as Bytes }]) {
      const { say, asked } = serving(vector.mechanism, record("", { iterations, secret }));
      expect(text(await say(vector.clientFirst))).toBe(vector.serverFirst);
      const end = await say(vector.clientFinal);
      expect(end).toMatchObject({ type: "done", user: asked[0] });
      expect(textOf(end.type === "done" ? end.additionalData : undefined)).toBe(vector.serverFinal);
      expect(asked).toEqual([saslprep(vector.user)]);
    }
  });

  test("the keys that are kept are those of RFC 5802 and RFC 7677", async () => {
    const sha1 = await scramCredentials("pencil", { mechanism: "SCRAM-SHA-1", salt: fromBase64("QSXCR+Q6sek8bf92") });
    expect([toBase64(sha1.storedKey), toBase64(sha1.serverKey)]).toEqual(["6dlGYMOdZcOPutkcNY8U2g7vK9Y=", "D+CSWLOshSulAsxiupA+qs2/fTE="]);
    const sha256 = await scramCredentials("pencil", { salt: fromBase64("W22ZaJ0SNY7soEsUEjb6gQ==") });
    expect(sha256).toMatchObject({ mechanism: "SCRAM-SHA-256", iterations: 4096 });
    expect([toBase64(sha256.storedKey), toBase64(sha256.serverKey)]).toEqual(["WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=", "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="]);
  });

  test("without options the salt is random, and nothing of the password is in what is kept", async () => {
    const [one, other] = [await scramCredentials("canary-pw"), await scramCredentials("canary-pw")];
    expect(one.salt).toHaveLength(16);
    expect(toBase64(one.salt)).not.toBe(toBase64(other.salt));
    expect(shown(one)).not.toContain("canary-pw");
  });

  test.each([["", undefined], ["a\u0000", undefined], ["p", { iterations: 1 }], ["p", { salt: new Uint8Array(7) }], ["p", { mechanism: "SCRAM-MD5" }], ["p", { iteration: 5000 }]])(
    "scramCredentials(%j, %j) is a ConfigError", async (password, options) => {
      await expect(scramCredentials(password, options as never)).rejects.toBeInstanceOf(ConfigError);
    },
  );

  test("a client that leaves the first message out is asked for it", async () => {
    const server = new ScramServer("SCRAM-SHA-256");
    expect(server.start(undefined)).toEqual({ type: "send", bytes: new Uint8Array(0) });
    expect(server.response(octets(MADE[1]!.clientFirst))).toMatchObject({ need: "random" });
  });

  test.each<[string, string | Bytes]>([
    ["nothing", ""],
    ["no header", `n=user,r=${OURS}`],
    ["channel binding", `p=tls-unique,,n=user,r=${OURS}`],
    ["an extension that is mandatory", `n,,m=x,n=user,r=${OURS}`],
    ["no nonce", "n,,n=user"],
    ["an empty nonce", "n,,n=user,r="],
    ["a nonce with a blank", "n,,n=user,r=a b"],
    ["no user", `n,,n=,r=${OURS}`],
    ["a wrong escape", `n,,n=us=2der,r=${OURS}`],
    ["somebody else's identity", `n,a=root,n=user,r=${OURS}`],
    ["octets that are not UTF-8", Uint8Array.of(0x6e, 0x2c, 0x2c, 0x6e, 0x3d, 0xff)],
  ])("B54 a first message with %s is refused, and nobody is looked up", async (_what, message) => {
    const { say, asked } = serving("SCRAM-SHA-256", record("pencil"));
    expect(await say(message)).toMatchObject({ type: "fail" });
    expect(asked).toEqual([]);
  });

  test.each(["n,a=user,", "y,,"])("a header %s that asks for nothing else is taken, and bound", async (header) => {
    const { say } = serving("SCRAM-SHA-256", record("pencil"));
    expect(text(await say(`${header}n=user,r=${OURS}`))).toBe(MADE[1]!.serverFirst);
    // c= is of another header
    expect(await say(MADE[1]!.clientFinal)).toMatchObject({ type: "fail" });
  });

  test.each<[string, string]>([
    ["another proof", MADE[1]!.clientFinal.replace("p=j", "p=k")],
    ["a proof of another length", MADE[1]!.clientFinal.replace(/p=.*/, "p=AAAA")],
    ["a proof that is not base64", MADE[1]!.clientFinal.replace("p=j", "p=?")],
    ["no proof", `c=biws,r=${BOTH}`],
    ["another nonce", MADE[1]!.clientFinal.replace("r=AA", "r=BB")],
    ["another binding", MADE[1]!.clientFinal.replace("c=biws", "c=eSws")],
    ["nothing", ""],
  ])("a last message with %s is refused", async (_what, message) => {
    const { say } = serving("SCRAM-SHA-256", record("pencil"));
    await say(MADE[1]!.clientFirst);
    expect(await say(message)).toMatchObject({ type: "fail" });
    expect(await say(MADE[1]!.clientFinal)).toMatchObject({ type: "fail" });
  });

  test("B53 an unknown user is refused like a wrong password, even with a proof that fits what was made up for him", async () => {
    const { say } = serving("SCRAM-SHA-256", record("pencil", { known: false }));
    expect(text(await say(MADE[1]!.clientFirst))).toBe(MADE[1]!.serverFirst);
    const unknown = await say(MADE[1]!.clientFinal);
    const wrong = serving("SCRAM-SHA-256", record("pen"));
    await wrong.say(MADE[1]!.clientFirst);
    expect(await wrong.say(MADE[1]!.clientFinal)).toEqual(unknown);
    expect(unknown).toMatchObject({ type: "fail" });
  });
});

test("any user and password: what our client sends, our server takes, and only with the same password", async () => {
  const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((one) => (saslprep(one) ?? "") !== "");
  await fc.assert(fc.asyncProperty(word, word, word, async (user, password, other) => {
    const client = new ScramClient("SCRAM-SHA-1", user, password);
    const right = serving("SCRAM-SHA-1", record(password));
    const wrong = serving("SCRAM-SHA-1", record(other));
    const first = await settle<ClientStep>(client, client.start());
    if (first.type !== "send") throw new Error("nothing was sent");
    const challenge = await right.say(first.bytes);
    await wrong.say(first.bytes);
    const final = await settle<ClientStep>(client, client.challenge((challenge as { bytes: Bytes }).bytes));
    if (final.type !== "send") throw new Error("no proof was sent");
    const end = await right.say(final.bytes);
    expect(end).toMatchObject({ type: "done", user: saslprep(user) });
    expect(client.finish((end as { additionalData: Bytes }).additionalData) satisfies Finish).toEqual({ type: "done" });
    if (saslprep(password) !== saslprep(other)) expect(await wrong.say(final.bytes)).toMatchObject({ type: "fail" });
  }), { numRuns: 15 });
});

describe("SASLprep (RFC 4013, section 3)", () => {
  test.each<[string, string | undefined]>([
    ["I\u00adX", "IX"], ["user", "user"], ["USER", "USER"], ["\u00aa", "a"], ["\u2168", "IX"], ["\u0007", undefined],
    ["a\u3000b", "a b"], ["e\u0301", "\u00e9"], ["\u{1f600}", "\u{1f600}"], ["\u{e0001}", undefined], ["\u{10ffff}", undefined], ["\ufdd0", undefined], ["", ""],
  ])("%j becomes %j", (text, prepared) => {
    expect(saslprep(text)).toBe(prepared);
  });
});

describe("base64 (RFC 4648, section 10)", () => {
  test.each([["", ""], ["f", "Zg=="], ["fo", "Zm8="], ["foo", "Zm9v"], ["foob", "Zm9vYg=="], ["fooba", "Zm9vYmE="], ["foobar", "Zm9vYmFy"]])("%s", (plain, coded) => {
    expect(toBase64(octets(plain))).toBe(coded);
    expect(textOf(fromBase64(coded))).toBe(plain);
  });

  test.each(["Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "Zm9_", "=AAA", "Zg==Zg=="])("%j is none", (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });

  test("every octet", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      expect([...fromBase64(toBase64(bytes))!]).toEqual([...bytes]);
    }));
  });
});

test("Q.secrets no step and no need of either side shows password or keys", async () => {
  const password = "canary-2718281828";
  const client = new ScramClient("SCRAM-SHA-256", "u", password);
  const seen: unknown[] = [client];
  const watch = (need: unknown): undefined => { seen.push(need); };
  const first = await settle<ClientStep>(client, client.start(), watch);
  const server = new ScramServer("SCRAM-SHA-256");
  seen.push(server);
  const kept = record(password, { secret: { password } });
  Object.defineProperty(kept, "secret", { enumerable: false });
  const challenge = await settle<ServerStep>(server, server.start((first as { bytes: Bytes }).bytes), (need) => {
    seen.push(need);
    return need.need === "scram-record" ? kept : undefined;
  });
  const final = await settle<ClientStep>(client, client.challenge((challenge as { bytes: Bytes }).bytes), watch);
  seen.push(final, await settle<ServerStep>(server, server.response((final as { bytes: Bytes }).bytes), watch));
  expect(seen.length).toBeGreaterThan(10);
  const traces = [password, [...octets(password)].slice(0, 6).join(", "), [...octets(password)].slice(0, 6).join(","), "63616e617279"];
  for (const value of seen) for (const trace of traces) expect(shown(value)).not.toContain(trace);
});
