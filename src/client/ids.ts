/** Names that are unique in the world: container ids and link names. */

import { v4 } from "uuid";

/** A fresh UUID as text. */
export function freshId(): string {
  return v4();
}
