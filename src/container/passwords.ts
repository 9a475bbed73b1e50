/**
 * A listener's look into its `passwords`. A user that there is not gets a record like one that there is: a salt that stays his, and
 * the iterations that others have, so that the exchange with him goes the same way up to its end.
 */

import { hmac, randomBytes } from "#platform";
import { ConfigError } from "../errors.ts";
import type { AmqpError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import { withSecret } from "../frames/secret.ts";
import type { ListenOptionsBase } from "../options/listen.ts";
import type { ScramCredentials } from "../options/sasl.ts";
import type { Hash, ScramRecord } from "../sasl/mechanism.ts";
import { MAX_ITERATIONS, MIN_ITERATIONS, SCRAM_HASHES } from "../sasl/scram.ts";
import { OCTETS, utf8 } from "../sasl/script.ts";
import { keysOf } from "../sasl/scram-server.ts";
import type { Bytes } from "../util/bytes.ts";
import { copyBytes } from "../util/bytes.ts";
import { equalSecrets } from "../util/equal-secrets.ts";
import { complete } from "./answers.ts";
import { DEFAULT_ITERATIONS, SALT_OCTETS } from "./scram-credentials.ts";

type Lookup = NonNullable<ListenOptionsBase["passwords"]>;

export class Passwords {
  readonly #lookup: Lookup;
  readonly #onError: (error: AmqpError) => void;
  /** Makes salts that stay the same for a user for as long as this listener lives. */
  readonly #pepper = randomBytes(32);
  /** What it took to check a password by PLAIN. */
  #cost: { readonly hash: Hash; readonly iterations: number } | undefined = undefined;
  /** What the records of those that there are look like, by mechanism. */
  readonly #shapes = new Map<string, { readonly iterations: number; readonly saltOctets: number }>();

  constructor(lookup: Lookup, onError: (error: AmqpError) => void) {
    this.#lookup = lookup;
    this.#onError = onError;
  }

  /** For SCRAM. */
  async record(mechanism: string, hash: Hash, user: string, remoteAddress: string): Promise<ScramRecord> {
    const found = await this.#lookup(user, { remoteAddress, mechanism });
    // Made for everybody, so that it takes the same time.
    const salt = await hmac("SHA-512", this.#pepper, utf8(`${mechanism} ${user}`));
    if (typeof found === "object" && found !== null) {
      const wrong = misfit(found, mechanism, OCTETS[hash]);
      if (wrong === undefined) {
        const { iterations } = found;
        this.#shapes.set(mechanism, { iterations, saltOctets: found.salt.length });
        return record(true, copyBytes(found.salt), iterations, { storedKey: copyBytes(found.storedKey), serverKey: copyBytes(found.serverKey) });
      }
      this.#onError(new ConfigError(`option "passwords" answered ${wrong} for the user "${printable(user)}", who was refused`, { code: "config", scope: "container" }));
    } else if (typeof found === "string" && found !== "") {
      return record(true, salt.slice(0, SALT_OCTETS), DEFAULT_ITERATIONS, { password: found });
    }
    const { iterations, saltOctets } = this.#shapes.get(mechanism) ?? { iterations: DEFAULT_ITERATIONS, saltOctets: SALT_OCTETS };
    return record(false, salt.slice(0, saltOctets), iterations, { storedKey: randomBytes(OCTETS[hash]), serverKey: randomBytes(OCTETS[hash]) });
  }

  /** For PLAIN. */
  async check(user: string, password: string, remoteAddress: string): Promise<boolean> {
    const found = await this.#lookup(user, { remoteAddress, mechanism: "PLAIN" });
    if (typeof found === "object" && found !== null) {
      const hash = SCRAM_HASHES.get(found.mechanism);
      if (hash === undefined) return false;
      this.#cost = { hash, iterations: found.iterations };
      const keys = await complete(keysOf(hash, { secret: { password }, salt: copyBytes(found.salt), iterations: found.iterations }));
      return equalSecrets(keys.storedKey, found.storedKey);
    }
    // Who is unknown costs what others cost.
    if (found === undefined && this.#cost !== undefined) await complete(keysOf(this.#cost.hash, { secret: { password }, salt: this.#pepper, iterations: this.#cost.iterations }));
    const known = typeof found === "string" && found !== "";
    // Codes of the two are as long as each other, so that comparing them tells nothing of either's length.
    const [one, other] = await Promise.all([known ? found : "", password].map((text) => hmac("SHA-256", this.#pepper, utf8(text))));
    return equalSecrets(one as Bytes, other as Bytes) && known;
  }
}

function record(known: boolean, salt: Bytes, iterations: number, secret: ScramRecord["secret"]): ScramRecord {
  return withSecret({ known, salt, iterations }, "secret", secret);
}

/** What about stored credentials keeps this mechanism from using them. */
function misfit(found: ScramCredentials, mechanism: string, octets: number): string | undefined {
  const { iterations, salt, storedKey, serverKey } = found;
  if (found.mechanism !== mechanism) return `credentials for ${printable(String(found.mechanism))} to a peer that uses ${mechanism}`;
  if (!Number.isInteger(iterations) || iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) return `an iteration count that is not one from ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`;
  const bytes = [salt, storedKey, serverKey].every((one) => one instanceof Uint8Array) && salt.length > 0 && salt.length <= 64;
  if (!bytes || storedKey.length !== octets || serverKey.length !== octets) return "credentials without salt and keys of the right length";
  return undefined;
}
