/**
 * The server's side of the SASL negotiation (§5.3.2). `deciding` is the time in which the driver fulfils a need of the
 * mechanism, such as the look at user and password.
 *
 * | state | sasl-init | sasl-response | anything else | answer |
 * |---|---|---|---|---|
 * | waiting | challenge -> challenged, need -> deciding, or outcome -> ended | X | X | - |
 * | challenged | X | as sasl-init, at most 10 challenges | X | - |
 * | deciding | X | X | X | as sasl-init |
 * | ended | X | X | X | - |
 *
 * X ends it with `fail` and no outcome: the socket is dropped (B49, B51, B52).
 */

import { ConfigError, SaslError } from "../errors.ts";
import type { Performative, SaslInit, SaslOutcome, SaslPerformative } from "../frames/performatives.ts";
import { printable } from "../frames/printable.ts";
import { withSecret } from "../frames/secret.ts";
import type { SaslAction } from "./action.ts";
import { MAX_ROUNDS } from "./action.ts";
import type { Answer, ServerMechanism, ServerStep } from "./mechanism.ts";
import { SaslCode, breach } from "./outcome.ts";

type State = "waiting" | "challenged" | "deciding" | "ended";
type Move = "begin" | "continue";

const TABLE: Readonly<Record<State, Partial<Record<SaslPerformative["type"], Move>>>> = {
  waiting: { "sasl-init": "begin" },
  challenged: { "sasl-response": "continue" },
  deciding: {},
  ended: {},
};

/** One authentication, seen from the server. */
export class ServerNegotiation {
  readonly #mechanisms: ReadonlyMap<string, () => ServerMechanism>;
  #state: State = "waiting";
  #mechanism: ServerMechanism | undefined;
  readonly #maxRounds: number;
  #rounds = 0;

  /** @param mechanisms by name, in decreasing order of preference. @param maxRounds challenges at most. @throws ConfigError config if there is no mechanism. */
  constructor(mechanisms: ReadonlyMap<string, () => ServerMechanism>, maxRounds = MAX_ROUNDS) {
    this.#maxRounds = maxRounds;
    if (mechanisms.size === 0) throw new ConfigError("a listener needs at least one SASL mechanism", { code: "config", scope: "connection" });
    this.#mechanisms = mechanisms;
  }

  /** The first thing to send, after the SASL header. */
  start(): readonly SaslAction[] {
    return [{ type: "send", frame: { type: "sasl-mechanisms", mechanisms: [...this.#mechanisms.keys()] } }];
  }

  /** What a frame of type 1 held; undefined for an empty one. */
  handleFrame(frame: Performative | SaslPerformative | undefined): readonly SaslAction[] {
    if (frame === undefined) return this.#drop(breach("the peer sent an empty SASL frame"));
    switch (frame.type) {
      case "sasl-init":
        return this.#move(frame.type, "begin") ?? this.#begin(frame);
      case "sasl-response":
        return this.#move(frame.type, "continue") ?? this.#follow(this.#mechanism!.response(frame.response));
      default:
        return this.#drop(unexpected(frame.type, this.#state));
    }
  }

  /** A frame of type 1 whose body cannot be read. */
  handleUndecodable(error: Error): readonly SaslAction[] {
    return this.#drop(breach(`authentication failed: the peer sent ${error.message}`, error));
  }

  /** What the last `need` asked for; nothing happens if the negotiation has ended meanwhile. */
  answer(answer: Answer): readonly SaslAction[] {
    if (this.#state !== "deciding") return [];
    return this.#follow(this.#mechanism!.answer!(answer));
  }

  /** The last `need` cannot be fulfilled, the user database being out of reach, say: outcome sys-temp. */
  abandon(cause: unknown): readonly SaslAction[] {
    if (this.#state !== "deciding") return [];
    const { name } = this.#mechanism!;
    return this.#end(SaslCode.sysTemp, new SaslError(`a peer could not be authenticated with ${name}: the check itself failed`, {
      code: "sasl-failed", scope: "connection", retryable: true, cause,
    }));
  }

  #move(event: SaslPerformative["type"], expected: Move): readonly SaslAction[] | undefined {
    return TABLE[this.#state][event] === expected ? undefined : this.#drop(unexpected(event, this.#state));
  }

  #begin(init: SaslInit): readonly SaslAction[] {
    const create = this.#mechanisms.get(init.mechanism);
    if (create === undefined) {
      return this.#end(SaslCode.auth, new SaslError(
        `a peer asked for the SASL mechanism "${printable(init.mechanism)}"; offered are ${[...this.#mechanisms.keys()].join(", ")}`,
        { code: "mechanism-refused", scope: "connection", origin: "remote" },
      ));
    }
    this.#mechanism = create();
    return this.#follow(this.#mechanism.start(init.initialResponse));
  }

  #follow(step: ServerStep): readonly SaslAction[] {
    const { name } = this.#mechanism!;
    switch (step.type) {
      case "need":
        this.#state = "deciding";
        return [step];
      case "fail":
        return this.#refuse(step.reason);
      case "send":
        if (++this.#rounds > this.#maxRounds) return this.#refuse(`not complete after ${this.#maxRounds} challenges`);
        this.#state = "challenged";
        return [{ type: "send", frame: withSecret({ type: "sasl-challenge" } as const, "challenge", step.bytes) }];
      case "done": {
        this.#state = "ended";
        const ok: SaslOutcome = { type: "sasl-outcome", code: SaslCode.ok };
        const frame = step.additionalData === undefined ? ok : withSecret(ok, "additionalData", step.additionalData);
        return [{ type: "send", frame }, { type: "done", mechanism: name, user: step.user }];
      }
    }
  }

  #refuse(reason: string): readonly SaslAction[] {
    return this.#end(SaslCode.auth, new SaslError(`a peer failed to authenticate with ${this.#mechanism!.name}: ${reason}`, {
      code: "auth-failed", scope: "connection", origin: "remote",
    }));
  }

  #end(code: SaslCode, error: SaslError): readonly SaslAction[] {
    this.#state = "ended";
    return [{ type: "fail", error, outcome: { type: "sasl-outcome", code } }];
  }

  #drop(error: SaslError): readonly SaslAction[] {
    this.#state = "ended";
    return [{ type: "fail", error, outcome: undefined }];
  }
}

function unexpected(event: string, state: State): SaslError {
  return breach(`the peer sent ${event} ${state === "ended" ? "after authentication had ended" : `while the server was ${state}`}`);
}
