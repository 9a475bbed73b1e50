/** What the filters of a source (3.5.8) ask for, as far as this broker knows them: the Apache selector and no-local filters. */

import { Described } from "../container/public.ts";
import type { ErrorInit } from "../container/public.ts";
import { SelectorError } from "./selector/error.ts";
import { Selector } from "./selector/selector.ts";

/** The filters of one source. */
export interface Filters {
  /** All of them must be met. */
  readonly selectors: readonly Selector[];
  /** Without the messages of the same connection. */
  readonly noLocal: boolean;
  /** Those that are applied, to be echoed; the others are left out, which tells the peer. */
  readonly applied: Readonly<Record<string, unknown>>;
}

const SELECTOR: ReadonlySet<string | bigint> = new Set<string | bigint>(["apache.org:selector-filter:string", 0x0000_468c_0000_0004n]);
const NO_LOCAL: ReadonlySet<string | bigint> = new Set<string | bigint>(["apache.org:no-local-filter:list", 0x0000_468c_0000_0003n]);

/** Reads the filters of a source; of a selector that is none, why the link is to be refused. */
export function readFilters(filter: Readonly<Record<string, unknown>>): Filters | ErrorInit {
  const selectors: Selector[] = [];
  const applied: [string, unknown][] = [];
  let noLocal = false;
  for (const [name, one] of Object.entries(filter)) {
    if (!(one instanceof Described)) continue;
    if (NO_LOCAL.has(one.descriptor)) {
      noLocal = true;
    } else if (SELECTOR.has(one.descriptor)) {
      const text: unknown = one.value;
      if (typeof text !== "string") return { condition: "amqp:invalid-field", description: "a selector is a text" };
      try {
        // An empty one is none.
        if (text.trim() !== "") selectors.push(new Selector(text));
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error;
        return { condition: "amqp:invalid-field", description: error.message };
      }
    } else {
      continue;
    }
    applied.push([name, one]);
  }
  return { selectors, noLocal, applied: Object.fromEntries(applied) };
}
