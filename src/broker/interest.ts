/** Which messages a consumer wants: those that meet its selectors and, on request, do not come from its own connection. */

import { Message } from "../container/public.ts";
import type { Facts } from "./selector/names.ts";
import type { Selector } from "./selector/selector.ts";

/** What is asked of a message. */
export interface Interest {
  readonly selectors: readonly Selector[];
  /** Whose messages are not wanted. */
  readonly notFrom: object | undefined;
}

/** Everything. */
export const EVERYTHING: Interest = { selectors: [], notFrom: undefined };

/** Interests with the same key want the same. */
export function keyOf(interest: Interest): string | undefined {
  return interest.notFrom === undefined ? JSON.stringify(interest.selectors.map(({ text }) => text)) : undefined;
}

/**
 * Looks at messages for selectors. The last message looked at is kept decoded, since several selectors are asked about each that comes;
 * the message itself stays as it came, so that it is still sent on byte for byte.
 */
export class Examiner implements Facts {
  message: Message = new Message();
  failures = 0;
  #of: Message | undefined = undefined;

  /** @param origin who sent the message */
  isWanted(interest: Interest, message: Message, failures: number, origin: object | undefined): boolean {
    if (interest.notFrom !== undefined && interest.notFrom === origin) return false;
    if (interest.selectors.length === 0) return true;
    if (this.#of !== message) {
      this.#of = message;
      this.message = Message.fromWire(message.wire, message.wireStart, message.wireEnd, EXACT);
    }
    this.failures = failures;
    for (const selector of interest.selectors) if (!selector.matches(this)) return false;
    return true;
  }

  /** Keeps nothing of what it has looked at. */
  forget(): void {
    this.#of = undefined;
    this.message = new Message();
  }
}

const EXACT = { typed: true };
