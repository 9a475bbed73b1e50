/**
 * The tags of a sender's deliveries: numbers of four octets by a counter, unless the caller chose. Tags that were chosen are
 * kept for as long as they are in use, whether their deliveries wait or are sent: each is to be unique until its delivery is
 * settled (§2.6.12). Numbers need no entry.
 */

import { numberTag } from "../engine/sender.ts";
import { ConfigError } from "../errors.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import { checkedTag, tagKey } from "./tags.ts";

/** Where tags by the counter are found, which one of four octets could be. */
interface Sent {
  readonly size: number;
  has(tag: Uint8Array): boolean;
}

export class SenderTags {
  readonly #generate: (() => unknown) | undefined;
  /** undefined before the first. */
  #chosen: Set<string> | undefined = undefined;
  #number = 0;

  /** @param generate the caller's own, where it has one */
  constructor(generate: (() => unknown) | undefined) {
    this.#generate = generate;
  }

  /** Gives a delivery its tag, or looks at the one that was chosen for it. @throws ConfigError config, invalid-state */
  choose(delivery: ClientOutgoing, sent: Sent): void {
    if (delivery.tagBytes === undefined && this.#generate === undefined) {
      delivery.tagNumber = this.#number = (this.#number + 1) >>> 0;
      if (this.#chosen !== undefined) this.#passChosen(delivery, this.#chosen);
      return;
    }
    const tag = delivery.tagBytes ??= checkedTag((this.#generate as () => unknown)());
    // Nobody is told about one that leaves settled, so that it cannot be mistaken.
    if (delivery.presettled || !(this.#chosen?.has(tagKey(tag)) === true || (tag.length === 4 && sent.size !== 0 && sent.has(tag)))) return;
    const shown = Array.from(tag, (octet) => octet.toString(16).padStart(2, "0")).join("");
    throw new ConfigError(`send(): the tag ${shown} is in use: its delivery is not settled`, { code: "invalid-state", scope: "delivery" });
  }

  /** Whether a tag that was chosen is in use. */
  uses(tag: Uint8Array): boolean {
    return this.#chosen?.has(tagKey(tag)) === true;
  }

  /** The delivery waits or is sent: its tag is in use. */
  keep({ tagBytes, presettled }: ClientOutgoing): void {
    if (tagBytes !== undefined && !presettled) (this.#chosen ??= new Set()).add(tagKey(tagBytes));
  }

  /** The delivery is settled, or never left. */
  free({ tagBytes }: ClientOutgoing): void {
    if (tagBytes !== undefined) this.#chosen?.delete(tagKey(tagBytes));
  }

  /** Numbers that the caller has chosen as tags are passed over. */
  #passChosen(delivery: ClientOutgoing, chosen: ReadonlySet<string>): void {
    while (chosen.has(tagKey(numberTag(this.#number)))) delivery.tagNumber = this.#number = (this.#number + 1) >>> 0;
  }
}
