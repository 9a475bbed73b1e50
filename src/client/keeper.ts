/**
 * The seam between the links of the listening side and whoever keeps those whose peers may come back for them (protocol.md B.1): container/
 * knows which link belongs to whom; a link and a request of the peer's see only this.
 */

import type { AmqpError } from "../errors.ts";
import type { Source, Target } from "../frames/terminus.ts";

/** Who keeps a link. */
export interface LinkKeeper {
  /** Its attachment is lost. Answers whether it is kept: then it is suspended, and has another host. */
  keeps(link: object, error: AmqpError | undefined): boolean;
  /** It is over. */
  left(link: object): void;
}

/** What is known of a link that the peer attaches. */
export interface Claim<Link extends object> {
  /** What our end's terminus may promise of what the peer asks for. */
  granted<T extends Source | Target>(terminus: T): T;
  /** It is attached, with this terminus at our end. */
  accepted(link: Link, terminus: Source | Target | null): void;
  /** It will not be attached: what waited for it is over. */
  refused(): void;
  /** Nobody answers any more: what waited for it waits on. */
  dropped(): void;
}
