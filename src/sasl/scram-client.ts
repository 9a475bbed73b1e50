/** SCRAM (RFC 5802, RFC 7677), the client's side: the password never leaves, and the server has to prove that it knows it. */

import { ConfigError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import { withSecret } from "../frames/secret.ts";
import { readUtf8 } from "#platform";
import { toBase64 } from "../util/base64.ts";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import { equalSecrets } from "../util/equal-secrets.ts";
import type { Answer, ClientMechanism, ClientStep, Failure, Finish, Hash } from "./mechanism.ts";
import { saslprep } from "./saslprep.ts";
import {
  GS2_HEADER, MAX_ITERATIONS, MIN_ITERATIONS, NONCE_OCTETS, SCRAM_HASHES, clientKey, isNonce, readAttributes, readCount, readOctets, saltedPassword,
  serverKey, storedKey, xor,
} from "./scram.ts";
import type { Script } from "./script.ts";
import { ScriptRunner, hmac, random, utf8 } from "./script.ts";

/** The client's side. */
export class ScramClient implements ClientMechanism {
  readonly name: string;
  readonly #runner: ScriptRunner<ClientStep>;
  readonly #hash: Hash;
  readonly #user: string;
  readonly #password: string;
  /** What the server must send in the end; there when our proof is sent. */
  #expected: Bytes | undefined;
  #verified = false;
  refusal: string | undefined;

  /** @throws ConfigError config where the user is empty, or either has a character that SASLprep prohibits. */
  constructor(name: string, user: string, password: string) {
    this.name = name;
    this.#hash = SCRAM_HASHES.get(name) as Hash;
    this.#user = prepared("user", user, name);
    if (this.#user === "") throw config(`the user is empty, which ${name} cannot express`);
    this.#password = prepared("password", password, name);
    this.#runner = new ScriptRunner(this.#exchange());
  }

  start(): ClientStep {
    return this.#runner.start();
  }

  challenge(data: Bytes): ClientStep {
    return this.#expected === undefined ? this.#runner.go(data) : this.#serverFinal(data);
  }

  answer(answer: Answer): ClientStep {
    return this.#runner.go(answer);
  }

  finish(additionalData: Bytes | undefined): Finish {
    if (this.#verified) return { type: "done" };
    if (this.#expected === undefined) return fail("the server said ok before the exchange was complete");
    if (additionalData === undefined) return fail("the server said ok without its server signature, so it has not proved that it knows the password");
    const step = this.#serverFinal(additionalData);
    return step.type === "fail" ? step : { type: "done" };
  }

  *#exchange(): Script<ClientStep> {
    const hash = this.#hash;
    const nonce = toBase64(yield* random(NONCE_OCTETS));
    const clientFirst = `n=${this.#user.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
    const serverFirst = textOf(yield { type: "send", bytes: utf8(GS2_HEADER + clientFirst) });
    if (serverFirst === undefined) return fail("the server's first message is not UTF-8");
    const read = readServerFirst(serverFirst, nonce);
    if (typeof read === "string") return fail(read);

    const clientFinal = `c=${toBase64(utf8(GS2_HEADER))},r=${read.nonce}`;
    const authMessage = utf8(`${clientFirst},${serverFirst},${clientFinal}`);
    const salted = yield* saltedPassword(hash, this.#password, read.salt, read.iterations);
    const key = yield* clientKey(hash, salted);
    const signature = yield* hmac(hash, yield* storedKey(hash, key), authMessage);
    const expected = yield* hmac(hash, yield* serverKey(hash, salted), authMessage);
    this.#expected = expected;
    return withSecret({ type: "send" } as const, "bytes", utf8(`${clientFinal},p=${toBase64(xor(key, signature))}`));
  }

  /** `v=` or `e=`, whether it comes as a last challenge or with the outcome. */
  #serverFinal(data: Bytes): { readonly type: "send"; readonly bytes: Bytes } | Failure {
    const text = textOf(data) ?? "";
    if (text.startsWith("e=")) {
      this.refusal = printable(text.slice(2));
      return fail(`the server says ${this.refusal}`);
    }
    if (this.#verified) return fail("the server sent another challenge after its server signature");
    const [signature] = readAttributes(text, "v") ?? [];
    const octets = signature === undefined ? undefined : readOctets(signature);
    if (octets === undefined) return fail("the server's last message has no server signature");
    if (!equalSecrets(octets, this.#expected as Bytes)) return fail("the server signature is wrong: it does not know the password, or is somebody else");
    this.#verified = true;
    return { type: "send", bytes: EMPTY };
  }
}

interface ServerFirst {
  readonly nonce: string;
  readonly salt: Bytes;
  readonly iterations: number;
}

/** What is wrong, or what the message says (B54, B55). */
function readServerFirst(text: string, ours: string): ServerFirst | string {
  if (text.startsWith("m=")) return "the server demands an extension that is not known";
  if (text.startsWith("e=")) return `the server says ${printable(text.slice(2))}`;
  const [nonce, salt64, count] = readAttributes(text, "r", "s", "i") ?? [];
  if (nonce === undefined || salt64 === undefined || count === undefined) return "the server's first message has not nonce, salt and iteration count";
  if (!nonce.startsWith(ours) || nonce.length === ours.length || !isNonce(nonce)) return "the server's nonce does not extend ours";
  const salt = readOctets(salt64);
  if (salt === undefined) return "the server's salt is not base64";
  const iterations = readCount(count);
  if (iterations === undefined) return "the server's iteration count is not a number";
  if (iterations < MIN_ITERATIONS) return `the server asks for ${iterations} iterations; fewer than ${MIN_ITERATIONS} protect a password badly`;
  if (iterations > MAX_ITERATIONS) return `the server asks for ${iterations} iterations; ${MAX_ITERATIONS} are the most that are computed for it`;
  return { nonce, salt, iterations };
}

function textOf(answer: Answer): string | undefined {
  if (!(answer instanceof Uint8Array)) return undefined;
  try {
    return readUtf8(answer, 0, answer.length);
  } catch {
    return undefined;
  }
}

function prepared(what: string, text: string, name: string): string {
  const result = saslprep(text);
  if (result === undefined) throw config(`the ${what} has a character that ${name} cannot express (RFC 4013, section 2.3)`);
  return result;
}

function fail(reason: string): Failure {
  return { type: "fail", reason };
}

function config(message: string): ConfigError {
  return new ConfigError(message, { code: "config", scope: "connection" });
}
