/** EXTERNAL (RFC 4422, appendix A): who the client is was shown by other means, here by its TLS certificate. */

import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import { readUtf8 } from "#platform";
import type { ClientMechanism, ClientStep, ServerMechanism, ServerStep } from "./mechanism.ts";

/** The client's side: asks for no other identity than the one shown. */
export class ExternalClient implements ClientMechanism {
  readonly name = "EXTERNAL";

  start(): ClientStep {
    return { type: "send", bytes: EMPTY };
  }

  challenge(data: Bytes): ClientStep {
    if (data.length > 0) return { type: "fail", reason: "EXTERNAL has no challenge but the empty one" };
    return { type: "send", bytes: EMPTY };
  }

  finish(): { readonly type: "done" } {
    return { type: "done" };
  }
}

/** The server's side. */
export class ExternalServer implements ServerMechanism {
  readonly name = "EXTERNAL";
  readonly #user: string | undefined;

  /** @param user who the verified client certificate names; undefined if there is none, which refuses. */
  constructor(user: string | undefined) {
    this.#user = user;
  }

  // Clients that have nothing to say leave the initial response out rather than empty; asking again would gain nothing.
  start(initialResponse: Bytes | undefined): ServerStep {
    const user = this.#user;
    if (user === undefined || user === "") return { type: "fail", reason: "EXTERNAL without a verified client certificate" };
    const asked = initialResponse ?? EMPTY;
    if (asked.length > 0 && decode(asked) !== user) return { type: "fail", reason: "EXTERNAL for another than the certificate's user" };
    return { type: "done", user };
  }

  response(): ServerStep {
    return { type: "fail", reason: "EXTERNAL has no challenge to respond to" };
  }
}

function decode(bytes: Bytes): string | undefined {
  try {
    return readUtf8(bytes, 0, bytes.length);
  } catch {
    return undefined;
  }
}
