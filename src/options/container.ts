/** The options of a container: defaults for what is made in it, and what it takes from the world around it. */

import type { AmqpError } from "../errors.ts";
import type { ConnectOptions } from "./connect.ts";
import type { Clock, Logger } from "./environment.ts";
import type { Limits } from "./limits.ts";
import type { ReceiverOptionsBase, SenderOptionsBase, SessionOptions } from "./link.ts";
import type { Timeouts } from "./timeouts.ts";

/** Options of `new Container()`. The bags are defaults; what a call gives stands before them. */
export interface ContainerOptions {
  /** The container-id that peers see (2.7.1). @default a fresh UUID */
  id?: string | undefined;
  /** Callbacks of what happens in the container: objects with `on_*` methods. */
  handlers?: object | readonly object[] | undefined;
  connection?: ConnectOptions | undefined;
  session?: SessionOptions | undefined;
  sender?: SenderOptionsBase | undefined;
  receiver?: ReceiverOptionsBase | undefined;
  timeouts?: Timeouts | undefined;
  limits?: Limits | undefined;
  /** Where exactly-once links keep what is not settled, so that a program that is started again goes on. @default none: in memory */
  store?: object | undefined;
  /** How many settled deliveries each sender with a `store` remembers by their tags, so that a repeated send is known. @default 100_000 */
  keepSettled?: number | undefined;
  /** @default the platform's monotonic clock */
  clock?: Clock | undefined;
  /** @default none: nothing is logged */
  logger?: Logger | undefined;
  /** Gets what nobody awaits and no callback takes. @default one process warning for each code */
  onError?: ((error: AmqpError) => void) | undefined;
}
