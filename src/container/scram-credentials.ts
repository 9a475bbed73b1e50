/** What a listener can keep of a password instead of the password itself. */

import { randomBytes } from "#platform";
import { ConfigError } from "../errors.ts";
import { check } from "../options/check.ts";
import type { ScramCredentials, ScramMechanism, ScramOptions } from "../options/sasl.ts";
import { scramSchema } from "../options/schemas.ts";
import type { Hash } from "../sasl/mechanism.ts";
import { saslprep } from "../sasl/saslprep.ts";
import { SCRAM_HASHES } from "../sasl/scram.ts";
import { keysOf } from "../sasl/scram-server.ts";
import { copyBytes } from "../util/bytes.ts";
import { complete } from "./answers.ts";

/**
 * Derives what a listener's `passwords` may answer with, and a database may keep, in place of a password (RFC 5802, section 3).
 * It is for one mechanism: keep several, or name that one in the listener's `allowedMechs`.
 *
 * @throws ConfigError config for an empty password, one that SASLprep prohibits, and options that cannot be.
 */
export async function scramCredentials(password: string, options?: ScramOptions): Promise<ScramCredentials> {
  const { mechanism = "SCRAM-SHA-256", iterations = DEFAULT_ITERATIONS, salt = randomBytes(SALT_OCTETS) } = options === undefined ? {} : check(scramSchema, options, WHERE);
  if (typeof password !== "string" || password === "" || saslprep(password) === undefined) {
    throw new ConfigError(`${WHERE}: the password must be a text that is not empty and has no control characters`, { code: "config", scope: "container" });
  }
  const own = copyBytes(salt);
  const keys = await complete(keysOf(SCRAM_HASHES.get(mechanism) as Hash, { secret: { password }, salt: own, iterations }));
  return { mechanism: mechanism as ScramMechanism, iterations, salt: own, ...keys };
}

/** What a client computes at the least for a stored password (RFC 7677, section 4). */
export const DEFAULT_ITERATIONS = 4_096;
/** Octets of a salt that nobody chose. */
export const SALT_OCTETS = 16;

const WHERE = "scramCredentials()";
