/**
 * The tags of a sender that its caller chose and that are in use, whether their deliveries wait or are sent: each is to be
 * unique until its delivery is settled (§2.6.12). Tags by the counter are numbers of four octets and need no entry.
 */

import { ConfigError } from "../errors.ts";
import { tagKey } from "./tags.ts";

/** What is looked at besides. */
interface Sent {
  readonly size: number;
  has(tag: Uint8Array): boolean;
}

export class GivenTags {
  readonly #used = new Set<string>();

  /** @param sent where tags by the counter are found, which one of four octets could be. @throws ConfigError invalid-state */
  check(tag: Uint8Array, sent: Sent): void {
    if (!this.#used.has(tagKey(tag)) && (tag.length !== 4 || sent.size === 0 || !sent.has(tag))) return;
    const shown = Array.from(tag, (octet) => octet.toString(16).padStart(2, "0")).join("");
    throw new ConfigError(`send(): the tag ${shown} is in use: its delivery is not settled`, { code: "invalid-state", scope: "delivery" });
  }

  add(tag: Uint8Array): void {
    this.#used.add(tagKey(tag));
  }

  delete(tag: Uint8Array): void {
    this.#used.delete(tagKey(tag));
  }

  /** Whether the counter's next number was chosen by the caller meanwhile. */
  has(tag: Uint8Array): boolean {
    return this.#used.size !== 0 && this.#used.has(tagKey(tag));
  }
}
