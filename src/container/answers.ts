/** Fulfils what a step of a SASL mechanism needs of the platform; derivations never hold up the event loop. */

import { digest, hmac, pbkdf2, randomBytes } from "#platform";
import { SaslError } from "../errors.ts";
import type { Answer, Need } from "../sasl/mechanism.ts";
import type { Part } from "../sasl/script.ts";

/** The answer to a need that any driver can fulfil. @throws SaslError sasl-failed for the others */
export async function answerNeed(need: Need): Promise<Answer> {
  switch (need.need) {
    case "random": return randomBytes(need.octets);
    case "hash": return digest(need.hash, need.data);
    case "hmac": return hmac(need.hash, need.key, need.data);
    case "pbkdf2": return pbkdf2(need.hash, need.password, need.salt, need.iterations, need.octets);
    case "call": return { called: await need.call() };
    default: throw new SaslError(`${need.need} cannot be had on this side`, { code: "sasl-failed", scope: "connection" });
  }
}

/** Runs a part of an exchange outside of one. */
export async function complete<T>(part: Part<T>): Promise<T> {
  let step = part.next(false);
  while (step.done !== true) step = part.next(await answerNeed(step.value));
  return step.value;
}
