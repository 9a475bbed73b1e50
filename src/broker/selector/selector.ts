/** Selectors: the conditions of JMS (a subset of SQL-92) on the headers and properties of a message. */

import { DecodeError } from "../../container/public.ts";
import { SelectorError } from "./error.ts";
import type { Facts, Read } from "./names.ts";
import { parse } from "./parser.ts";

/** The characters that a selector may have. */
export const MAX_SELECTOR = 16_384;

/** A condition that a message meets or not. */
export class Selector {
  readonly text: string;
  readonly #condition: Read;

  /** @throws SelectorError */
  constructor(text: string) {
    this.text = text;
    if (text.length > MAX_SELECTOR) throw new SelectorError(text, MAX_SELECTOR, `a selector has at most ${MAX_SELECTOR} characters`);
    this.#condition = parse(text);
  }

  /** Whether the condition is true; neither false nor unknown is. A message whose fields cannot be decoded meets none. */
  matches(facts: Facts): boolean {
    try {
      return this.#condition(facts) === true;
    } catch (error) {
      if (error instanceof DecodeError) return false;
      throw error;
    }
  }
}
