/** Where errors go that nobody takes: one warning of the process for each code, so that none is silent and none a flood. */

import type { AmqpError } from "../errors.ts";
import { warn } from "#platform";

/** A fresh receiver of errors that warns once for each code. */
export function warnOnce(): (error: AmqpError) => void {
  const seen = new Set<string>();
  return (error) => {
    if (seen.has(error.code)) return;
    seen.add(error.code);
    warn(`${error.message} (further ${error.code} errors are not shown; the container's onError gets them all)`, `LEPTONMQ_${error.code.toUpperCase().replace(/-/g, "_")}`);
  };
}
