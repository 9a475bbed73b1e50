/** Scripted mechanisms and short forms for the tests of the negotiations. */

import { inspect } from "node:util";
import type { SaslAction } from "../../src/sasl/action.ts";
import type { Answer, ClientMechanism, ClientStep, Finish, ServerMechanism, ServerStep } from "../../src/sasl/mechanism.ts";
import type { Bytes } from "../../src/util/bytes.ts";

/** Octets of ASCII or any other text. */
export const octets = (text: string): Bytes => new Uint8Array(new TextEncoder().encode(text));

/** The text of octets. */
export const textOf = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : new TextDecoder().decode(bytes));

/** Actions with what is hidden in them made visible, for comparison; an error shows as its code, retryable and message. */
export function seen(actions: readonly SaslAction[]): unknown[] {
  return actions.map((action) => {
    switch (action.type) {
      case "send": {
        const { frame } = action;
        switch (frame.type) {
          case "sasl-init": return { send: frame.type, mechanism: frame.mechanism, hostname: frame.hostname, bytes: textOf(frame.initialResponse) };
          case "sasl-response": return { send: frame.type, bytes: textOf(frame.response) };
          case "sasl-challenge": return { send: frame.type, bytes: textOf(frame.challenge) };
          case "sasl-outcome": return { send: frame.type, code: frame.code, bytes: textOf(frame.additionalData) };
          default: return { send: frame.type, mechanisms: frame.mechanisms };
        }
      }
      case "need": return action.need === "authenticate" ? { need: action.need, user: action.user, password: action.password } : { need: action.need };
      case "done": return { done: action.mechanism, user: action.user };
      case "fail": return { fail: action.error.code, retryable: action.error.retryable, outcome: action.outcome?.code };
    }
  });
}

/** The text of the one `fail` among the actions. */
export function failure(actions: readonly SaslAction[]): string {
  const last = actions.at(-1);
  if (last?.type !== "fail") throw new Error(`not a failure: ${inspect(actions)}`);
  return last.error.message;
}

/** Everything that a log could show of a value. */
export function shown(value: unknown): string {
  const error = value instanceof Error ? `${value.stack} ${JSON.stringify({ ...value })}` : "";
  return `${inspect(value, { depth: 10, getters: true })} ${JSON.stringify(value)} ${String(value)} ${error}`;
}

/** A client's mechanism that takes the given steps, one for each call, and keeps what it was told. */
export class ScriptedClient implements ClientMechanism {
  readonly name = "SCRIPTED";
  readonly told: unknown[] = [];
  readonly #steps: ClientStep[];
  readonly #finish: Finish;

  constructor(steps: readonly ClientStep[], finish: Finish = { type: "done" }) {
    this.#steps = [...steps];
    this.#finish = finish;
  }

  start(): ClientStep {
    return this.#next("start");
  }

  challenge(data: Bytes): ClientStep {
    return this.#next(textOf(data));
  }

  answer(answer: Answer): ClientStep {
    return this.#next(answer);
  }

  finish(additionalData: Bytes | undefined): Finish {
    this.told.push(textOf(additionalData));
    return this.#finish;
  }

  #next(told: unknown): ClientStep {
    this.told.push(told);
    return this.#steps.shift() ?? { type: "fail", reason: "the script is at its end" };
  }
}

/** A server's mechanism that takes the given steps, one for each call, and keeps what it was told. */
export class ScriptedServer implements ServerMechanism {
  readonly name = "SCRIPTED";
  readonly told: unknown[] = [];
  readonly #steps: ServerStep[];

  constructor(steps: readonly ServerStep[]) {
    this.#steps = [...steps];
  }

  start(initialResponse: Bytes | undefined): ServerStep {
    return this.#next(textOf(initialResponse));
  }

  response(data: Bytes): ServerStep {
    return this.#next(textOf(data));
  }

  answer(answer: Answer): ServerStep {
    return this.#next(answer);
  }

  #next(told: unknown): ServerStep {
    this.told.push(told);
    return this.#steps.shift() ?? { type: "fail", reason: "the script is at its end" };
  }
}
