/** EXTERNAL (RFC 4422, appendix A): who the client is was shown by other means, here by its TLS certificate. */

import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import { readUtf8 } from "#platform";
import type { Answer, ClientMechanism, ClientStep, ServerMechanism, ServerStep } from "./mechanism.ts";

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

/** The server's side: the driver says whom the client's certificate is for. */
export class ExternalServer implements ServerMechanism {
  readonly name = "EXTERNAL";
  #asked: Bytes = EMPTY;

  // Clients that have nothing to say leave the initial response out rather than empty; asking again would gain nothing.
  start(initialResponse: Bytes | undefined): ServerStep {
    this.#asked = initialResponse ?? EMPTY;
    return { type: "need", need: "authenticate-certificate" };
  }

  response(): ServerStep {
    return { type: "fail", reason: "EXTERNAL has no challenge to respond to" };
  }

  answer(answer: Answer): ServerStep {
    if (typeof answer !== "string" || answer === "") return { type: "fail", reason: "EXTERNAL without a client certificate that is verified and taken" };
    if (this.#asked.length > 0 && decode(this.#asked) !== answer) return { type: "fail", reason: "EXTERNAL for another than the certificate's user" };
    return { type: "done", user: answer };
  }
}

function decode(bytes: Bytes): string | undefined {
  try {
    return readUtf8(bytes, 0, bytes.length);
  } catch {
    return undefined;
  }
}
