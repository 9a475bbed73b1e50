/** Mechanisms that programs bring along, made to look like the built-in ones: each of their functions is called by the driver. */

import type { SaslClient, SaslMessage, SaslServer, SaslServerStep } from "../options/sasl.ts";
import type { Answer, ClientMechanism, ClientStep, Finish, Need, ServerMechanism, ServerStep } from "../sasl/mechanism.ts";
import { utf8 } from "../sasl/script.ts";
import { withSecret } from "../frames/secret.ts";
import type { Bytes } from "../util/bytes.ts";
import { copyBytes } from "../util/bytes.ts";

/** The client's side. */
export class CustomClient implements ClientMechanism {
  readonly name: string;
  readonly #made: SaslClient;
  #finishing = false;

  constructor(name: string, made: SaslClient) {
    this.name = name;
    this.#made = made;
  }

  start(): ClientStep {
    return call(() => this.#made.start());
  }

  challenge(data: Bytes): ClientStep {
    return call(() => this.#made.challenge(data));
  }

  answer(answer: Answer): ClientStep {
    if (this.#finishing) return { type: "done" };
    const message = bytesOf((answer as { called: SaslMessage }).called);
    return message === undefined ? { type: "done" } : withSecret({ type: "send" } as const, "bytes", message);
  }

  finish(additionalData: Bytes | undefined): Finish {
    this.#finishing = true;
    return call(() => this.#made.finish?.(additionalData));
  }
}

/** The server's side. */
export class CustomServer implements ServerMechanism {
  readonly name: string;
  readonly #made: SaslServer;

  constructor(name: string, made: SaslServer) {
    this.name = name;
    this.#made = made;
  }

  start(initialResponse: Bytes | undefined): ServerStep {
    return call(() => this.#made.start(initialResponse));
  }

  response(data: Bytes): ServerStep {
    return call(() => this.#made.response(data));
  }

  answer(answer: Answer): ServerStep {
    const said = (answer as { called: SaslServerStep | null | undefined }).called;
    if (typeof said !== "object" || said === null) return { type: "fail", reason: "it was refused" };
    if ("challenge" in said) return withSecret({ type: "send" } as const, "bytes", bytesOf(said.challenge) ?? new Uint8Array(0));
    const done = { type: "done", user: said.user } as const;
    const data = bytesOf(said.additionalData);
    return data === undefined ? done : withSecret(done, "additionalData", data);
  }
}

function call(task: () => unknown): Need {
  return withSecret({ type: "need", need: "call" } as const, "call", task);
}

function bytesOf(message: SaslMessage): Bytes | undefined {
  if (typeof message === "string") return utf8(message);
  return message === undefined ? undefined : copyBytes(message);
}
