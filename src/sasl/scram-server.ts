/**
 * SCRAM (RFC 5802, RFC 7677), the server's side. A user that there is not is answered like one that there is, with a salt of his
 * own and up to the end, so that nobody learns from it who has an account. The server signature goes with the outcome.
 */

import { readUtf8 } from "#platform";
import { fromBase64, toBase64 } from "../util/base64.ts";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import { equalSecrets } from "../util/equal-secrets.ts";
import { withSecret } from "../frames/secret.ts";
import type { Answer, Failure, Hash, ScramRecord, ServerMechanism, ServerStep } from "./mechanism.ts";
import { saslprep } from "./saslprep.ts";
import { NONCE_OCTETS, SCRAM_HASHES, clientKey, isNonce, readAttributes, saltedPassword, serverKey, storedKey, xor } from "./scram.ts";
import type { Part, Script } from "./script.ts";
import { OCTETS, ScriptRunner, hash, hmac, random, utf8 } from "./script.ts";

/** The server's side. */
export class ScramServer implements ServerMechanism {
  readonly name: string;
  readonly #hash: Hash;
  #runner: ScriptRunner<ServerStep> | undefined;

  constructor(name: string) {
    this.name = name;
    this.#hash = SCRAM_HASHES.get(name) as Hash;
  }

  start(initialResponse: Bytes | undefined): ServerStep {
    return initialResponse === undefined ? { type: "send", bytes: EMPTY } : this.response(initialResponse);
  }

  response(data: Bytes): ServerStep {
    if (this.#runner !== undefined) return this.#runner.go(data);
    this.#runner = new ScriptRunner(this.#exchange(data));
    return this.#runner.start();
  }

  answer(answer: Answer): ServerStep {
    return (this.#runner as ScriptRunner<ServerStep>).go(answer);
  }

  *#exchange(data: Bytes): Script<ServerStep> {
    const first = readClientFirst(data);
    if (typeof first === "string") return fail(first);
    const nonce = first.nonce + toBase64(yield* random(NONCE_OCTETS));
    const record = recordOf(yield { type: "need", need: "scram-record", mechanism: this.name, hash: this.#hash, user: first.user });
    const serverFirst = `r=${nonce},s=${toBase64(record.salt)},i=${record.iterations}`;
    const final = readClientFinal(yield { type: "send", bytes: utf8(serverFirst) }, OCTETS[this.#hash]);
    if (typeof final === "string") return fail(final);
    if (final.nonce !== nonce || final.header !== first.header) return fail("the client's last message does not belong to its first one");

    const authMessage = utf8(`${first.bare},${serverFirst},${final.withoutProof}`);
    const keys = yield* keysOf(this.#hash, record);
    const signature = yield* hmac(this.#hash, keys.storedKey, authMessage);
    const shown = yield* hash(this.#hash, xor(final.proof, signature));
    const right = equalSecrets(shown, keys.storedKey);
    if (!right || !record.known) return REFUSAL;
    const proof = yield* hmac(this.#hash, keys.serverKey, authMessage);
    return withSecret({ type: "done", user: first.user } as const, "additionalData", utf8(`v=${toBase64(proof)}`));
  }
}

/** One text for every cause that has to do with user and password. */
const REFUSAL: ServerStep = Object.freeze({ type: "fail", reason: "user and password were refused" });

/** From the password, or as they were kept. */
export function* keysOf(name: Hash, { secret, salt, iterations }: Pick<ScramRecord, "secret" | "salt" | "iterations">): Part<{ readonly storedKey: Bytes; readonly serverKey: Bytes }> {
  if (!("password" in secret)) return secret;
  const salted = yield* saltedPassword(name, saslprep(secret.password) ?? secret.password, salt, iterations);
  return { storedKey: yield* storedKey(name, yield* clientKey(name, salted)), serverKey: yield* serverKey(name, salted) };
}

interface ClientFirst {
  readonly header: string;
  readonly bare: string;
  readonly user: string;
  readonly nonce: string;
}

function readClientFirst(data: Bytes): ClientFirst | string {
  const text = textOf(data);
  const parts = text === undefined ? null : /^([ny],(?:a=([^,]*))?,)(.*)$/s.exec(text);
  if (parts === null) return "the client's first message makes no sense, or wants channel binding";
  const [, header = "", asked, bare = ""] = parts;
  const [name, nonce] = readAttributes(bare, "n", "r") ?? [];
  if (name === undefined || nonce === undefined || !isNonce(nonce)) return "the client's first message has no user and nonce";
  const user = readName(name);
  const onBehalfOf = asked === undefined ? user : readName(asked);
  if (user === undefined || user === "" || onBehalfOf !== user) return "user and password were refused";
  return { header, bare, user, nonce };
}

interface ClientFinal {
  readonly header: string;
  readonly nonce: string;
  readonly proof: Bytes;
  readonly withoutProof: string;
}

function readClientFinal(answer: Answer, octets: number): ClientFinal | string {
  const text = answer instanceof Uint8Array ? textOf(answer) : undefined;
  const at = text?.lastIndexOf(",p=") ?? -1;
  if (text === undefined || at < 0) return "the client's last message has no proof";
  const withoutProof = text.slice(0, at);
  const proof = fromBase64(text.slice(at + 3));
  const [binding = "", nonce = ""] = readAttributes(withoutProof, "c", "r") ?? [];
  const header = fromBase64(binding);
  if (header === undefined || proof?.length !== octets) return "the client's last message makes no sense";
  return { header: textOf(header) ?? "", nonce, proof, withoutProof };
}

/** A saslname: "=2C" is a comma and "=3D" an equals sign; any other "=" is wrong. */
function readName(text: string): string | undefined {
  return /=(?!2C|3D)/.test(text) ? undefined : text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

function textOf(bytes: Bytes): string | undefined {
  try {
    return readUtf8(bytes, 0, bytes.length);
  } catch {
    return undefined;
  }
}

function recordOf(answer: Answer): ScramRecord {
  if (typeof answer === "object" && "salt" in answer) return answer;
  throw new TypeError("a driver answered a need for a SCRAM record with something else");
}

function fail(reason: string): Failure {
  return { type: "fail", reason };
}
