/**
 * The client's side of the SASL negotiation (§5.3.2). `choose` runs when the mechanisms come; `answering` is the time
 * in which the driver fulfils a need of the mechanism, `concluding` that in which the mechanism makes up its mind about an ok.
 *
 * | state | sasl-mechanisms | sasl-challenge | sasl-outcome | anything else |
 * |---|---|---|---|---|
 * | waiting | send sasl-init -> exchanging | X | X | X |
 * | exchanging | X | send sasl-response, at most 10 times | ok -> done, else fail | X |
 * | answering | X | X | ok: X, else fail | X |
 * | concluding | X | X | X | X |
 * | ended | X | X | X | X |
 *
 * X ends it with `fail`: the socket is dropped (B46, B49, B51, B52).
 */

import { SaslError } from "../errors.ts";
import type { Performative, SaslInit, SaslPerformative } from "../frames/performatives.ts";
import { withSecret } from "../frames/secret.ts";
import type { Bytes } from "../util/bytes.ts";
import type { SaslAction } from "./action.ts";
import { MAX_ROUNDS } from "./action.ts";
import type { Answer, ClientMechanism, ClientStep, Finish } from "./mechanism.ts";
import { SaslCode, breach, outcomeError } from "./outcome.ts";

type State = "waiting" | "exchanging" | "answering" | "concluding" | "ended";
type Move = "choose" | "respond" | "conclude";

const TABLE: Readonly<Record<State, Partial<Record<SaslPerformative["type"], Move>>>> = {
  waiting: { "sasl-mechanisms": "choose" },
  exchanging: { "sasl-challenge": "respond", "sasl-outcome": "conclude" },
  answering: { "sasl-outcome": "conclude" },
  concluding: {},
  ended: {},
};

export interface ClientNegotiationOptions {
  /** Picks a mechanism among the peer's; what it throws ends the negotiation. */
  readonly choose: (offered: readonly string[]) => ClientMechanism;
  /** For sasl-init: the host that is asked for. */
  readonly hostname?: string | undefined;
  /** Challenges at most. @default 10 */
  readonly maxRounds?: number | undefined;
}

/** One authentication, seen from the client. */
export class ClientNegotiation {
  readonly #options: ClientNegotiationOptions;
  #state: State = "waiting";
  #mechanism: ClientMechanism | undefined;
  #initialised = false;
  #rounds = 0;

  constructor(options: ClientNegotiationOptions) {
    this.#options = options;
  }

  /** What a frame of type 1 held; undefined for an empty one. */
  handleFrame(frame: Performative | SaslPerformative | undefined): readonly SaslAction[] {
    if (frame === undefined) return this.#fail(breach("the peer sent an empty SASL frame"));
    switch (frame.type) {
      case "sasl-mechanisms":
        return this.#move(frame.type, "choose") ?? this.#choose(frame.mechanisms);
      case "sasl-challenge":
        return this.#move(frame.type, "respond") ?? this.#respond(frame.challenge);
      case "sasl-outcome":
        return this.#move(frame.type, "conclude") ?? this.#conclude(frame.code, frame.additionalData);
      default:
        return this.#fail(unexpected(frame.type, this.#state));
    }
  }

  /** A frame of type 1 whose body cannot be read. */
  handleUndecodable(error: Error): readonly SaslAction[] {
    return this.#fail(breach(`authentication failed: the peer sent ${error.message}`, error));
  }

  /** What the last `need` asked for; nothing happens if the negotiation has ended meanwhile. */
  answer(answer: Answer): readonly SaslAction[] {
    if (this.#state === "concluding") return this.#finish(this.#mechanism!.answer!(answer) as Finish);
    if (this.#state !== "answering") return [];
    this.#state = "exchanging";
    return this.#follow(this.#mechanism!.answer!(answer));
  }

  /** The last `need` cannot be fulfilled. */
  abandon(cause: unknown): readonly SaslAction[] {
    if (this.#state !== "answering" && this.#state !== "concluding") return [];
    const { name } = this.#mechanism!;
    const why = cause instanceof Error ? cause.message : String(cause);
    return this.#fail(new SaslError(`authentication with ${name} failed on this side: ${why}`, {
      code: "auth-failed", scope: "connection", retryable: (cause as { retryable?: unknown } | undefined)?.retryable === true, cause,
    }));
  }

  #move(event: SaslPerformative["type"], expected: Move): readonly SaslAction[] | undefined {
    return TABLE[this.#state][event] === expected ? undefined : this.#fail(unexpected(event, this.#state));
  }

  #choose(offered: readonly string[]): readonly SaslAction[] {
    if (offered.length === 0) return this.#fail(breach("authentication failed: the peer offers no SASL mechanism"));
    try {
      this.#mechanism = this.#options.choose(offered);
    } catch (error) {
      return this.#fail(error instanceof SaslError ? error : refused(error));
    }
    this.#state = "exchanging";
    return this.#follow(this.#mechanism.start());
  }

  #respond(challenge: Bytes): readonly SaslAction[] {
    const { maxRounds = MAX_ROUNDS } = this.#options;
    if (++this.#rounds > maxRounds) return this.#fail(breach(`authentication failed: the peer sent more than ${maxRounds} challenges`));
    return this.#follow(this.#mechanism!.challenge(challenge));
  }

  #conclude(code: number, additionalData: Bytes | undefined): readonly SaslAction[] {
    const { name, refusal } = this.#mechanism!;
    if (code !== SaslCode.ok) return this.#fail(outcomeError(code, name, refusal));
    if (this.#state === "answering") return this.#fail(breach(`the peer said ok before ${name} was complete`));
    return this.#finish(this.#mechanism!.finish(additionalData));
  }

  #finish(step: Finish): readonly SaslAction[] {
    const { name } = this.#mechanism!;
    if (step.type === "fail") return this.#fail(untrusted(name, step.reason));
    this.#state = step.type === "need" ? "concluding" : "ended";
    return step.type === "need" ? [step] : [{ type: "done", mechanism: name, user: undefined }];
  }

  #follow(step: ClientStep): readonly SaslAction[] {
    switch (step.type) {
      case "need":
        this.#state = "answering";
        return [step];
      case "fail":
        return this.#fail(untrusted(this.#mechanism!.name, step.reason));
      case "done":
        return this.#send(undefined);
      case "send":
        return this.#send(step.bytes);
    }
  }

  #send(bytes: Bytes | undefined): readonly SaslAction[] {
    if (this.#initialised) {
      return [{ type: "send", frame: withSecret({ type: "sasl-response" } as const, "response", bytes ?? new Uint8Array(0)) }];
    }
    this.#initialised = true;
    const { hostname } = this.#options;
    const init: SaslInit = { type: "sasl-init", mechanism: this.#mechanism!.name, hostname };
    return [{ type: "send", frame: bytes === undefined ? init : withSecret(init, "initialResponse", bytes) }];
  }

  #fail(error: SaslError): readonly SaslAction[] {
    this.#state = "ended";
    return [{ type: "fail", error, outcome: undefined }];
  }
}

function unexpected(event: string, state: State): SaslError {
  return breach(`the peer sent ${event} ${state === "ended" ? "after authentication had ended" : `while the client was ${state}`}`);
}

function untrusted(mechanism: string, reason: string): SaslError {
  return new SaslError(`authentication with ${mechanism} failed: ${reason}`, { code: "auth-failed", scope: "connection", origin: "remote" });
}

function refused(error: unknown): SaslError {
  const text = error instanceof Error ? error.message : String(error);
  return new SaslError(`no mechanism could be chosen: ${text}`, { code: "mechanism-refused", scope: "connection", cause: error });
}
