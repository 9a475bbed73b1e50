/**
 * A mechanism of several steps written down in one piece: a generator yields each step, and goes on with what the peer or the
 * driver answered it with.
 */

import { withSecret } from "../frames/secret.ts";
import { utf8Length, writeUtf8 } from "#platform";
import type { Bytes } from "../util/bytes.ts";
import type { Answer, Failure, Hash, Need } from "./mechanism.ts";

/** A generator of steps whose last one it returns. */
export type Script<Step> = Generator<Step, Step, Answer>;

/** What a script uses on its way: it needs something of the driver and has a result. */
export type Part<T> = Generator<Need, T, Answer>;

/** Runs a script step by step. */
export class ScriptRunner<Step extends { readonly type: string }> {
  readonly #script: Script<Step | Failure>;

  constructor(script: Script<Step | Failure>) {
    this.#script = script;
  }

  /** The first step. */
  start(): Step | Failure {
    return this.#script.next(NOTHING).value;
  }

  /** The step after `answer`. */
  go(answer: Answer): Step | Failure {
    const { value } = this.#script.next(answer) as { value: Step | undefined };
    return value ?? { type: "fail", reason: "the exchange is over" };
  }
}

/** Random octets. */
export function* random(octets: number): Part<Bytes> {
  return bytesOf(yield { type: "need", need: "random", octets });
}

/** The digest of `data`, which may be a key. */
export function* hash(name: Hash, data: Bytes): Part<Bytes> {
  return bytesOf(yield withSecret({ type: "need", need: "hash", hash: name } as const, "data", data));
}

/** The authentication code of `data`. */
export function* hmac(name: Hash, key: Bytes, data: Bytes): Part<Bytes> {
  return bytesOf(yield withSecret(withSecret({ type: "need", need: "hmac", hash: name } as const, "key", key), "data", data));
}

/** A key of as many octets as the hash has, derived from a password. */
export function* pbkdf2(name: Hash, password: string, salt: Bytes, iterations: number): Part<Bytes> {
  const octets = OCTETS[name];
  return bytesOf(yield withSecret({ type: "need", need: "pbkdf2", hash: name, salt, iterations, octets } as const, "password", password));
}

/** Text as UTF-8. */
export function utf8(text: string): Bytes {
  const bytes: Bytes = new Uint8Array(utf8Length(text));
  writeUtf8(bytes, 0, text);
  return bytes;
}

/** Octets of a digest. */
export const OCTETS: Readonly<Record<Hash, number>> = { "SHA-1": 20, "SHA-256": 32, "SHA-512": 64 };

const NOTHING = false;

function bytesOf(answer: Answer): Bytes {
  if (answer instanceof Uint8Array) return answer;
  throw new TypeError("a driver answered a need for octets with something else");
}
