/** ANONYMOUS (RFC 4505): no credentials, only a trace text that nobody has to believe. */

import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import type { ClientMechanism, ClientStep, ServerMechanism, ServerStep } from "./mechanism.ts";

/** The client's side; its trace text is "anonymous", since some servers ask again for an empty one. */
export class AnonymousClient implements ClientMechanism {
  readonly name = "ANONYMOUS";

  start(): ClientStep {
    return { type: "send", bytes: TRACE.slice() };
  }

  challenge(data: Bytes): ClientStep {
    if (data.length > 0) return { type: "fail", reason: "ANONYMOUS has no challenge" };
    return { type: "send", bytes: EMPTY };
  }

  finish(): { readonly type: "done" } {
    return { type: "done" };
  }
}

/** The server's side: lets everybody in, as nobody. */
export class AnonymousServer implements ServerMechanism {
  readonly name = "ANONYMOUS";

  start(): ServerStep {
    return { type: "done", user: undefined };
  }

  response(): ServerStep {
    return { type: "fail", reason: "ANONYMOUS has no challenge to respond to" };
  }
}

// "anonymous" in ASCII.
const TRACE: Bytes = Uint8Array.of(0x61, 0x6e, 0x6f, 0x6e, 0x79, 0x6d, 0x6f, 0x75, 0x73);
