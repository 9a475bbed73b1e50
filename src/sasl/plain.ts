/** PLAIN (RFC 4616): user and password in clear text, so that TLS has to hide them. */

import { ConfigError } from "../errors.ts";
import { withSecret } from "../frames/secret.ts";
import { readUtf8, utf8Length, writeUtf8 } from "#platform";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import type { Answer, ClientMechanism, ClientStep, ServerMechanism, ServerStep } from "./mechanism.ts";

/** The client's side. */
export class PlainClient implements ClientMechanism {
  readonly name = "PLAIN";
  readonly #user: string;
  readonly #password: string;

  /** @throws ConfigError config where the user is empty or either holds U+0000, which separates them. */
  constructor(user: string, password: string) {
    if (user === "") throw config("the user is empty, which PLAIN cannot express");
    if (user.includes("\0") || password.includes("\0")) throw config("user or password contains U+0000, which PLAIN cannot express");
    this.#user = user;
    this.#password = password;
  }

  start(): ClientStep {
    const userLength = utf8Length(this.#user);
    const bytes: Bytes = new Uint8Array(2 + userLength + utf8Length(this.#password));
    writeUtf8(bytes, 1, this.#user);
    writeUtf8(bytes, 2 + userLength, this.#password);
    return withSecret({ type: "send" } as const, "bytes", bytes);
  }

  challenge(): ClientStep {
    return { type: "fail", reason: "PLAIN has no challenge" };
  }

  finish(): { readonly type: "done" } {
    return { type: "done" };
  }
}

/** The server's side: it takes the message apart, the driver says whether user and password are right. */
export class PlainServer implements ServerMechanism {
  readonly name = "PLAIN";
  #user: string | undefined;

  start(initialResponse: Bytes | undefined): ServerStep {
    return initialResponse === undefined ? { type: "send", bytes: EMPTY } : this.response(initialResponse);
  }

  response(data: Bytes): ServerStep {
    const parts = split(data);
    if (parts === undefined) return REFUSAL;
    this.#user = parts.user;
    return withSecret({ type: "need", need: "authenticate", mechanism: this.name, user: parts.user } as const, "password", parts.password);
  }

  answer(answer: Answer): ServerStep {
    return answer === true ? { type: "done", user: this.#user } : REFUSAL;
  }
}

// One text for every cause: whoever guesses learns nothing from it (B53).
const REFUSAL: ServerStep = Object.freeze({ type: "fail", reason: "user and password were refused" });

// authzid NUL authcid NUL passwd; the authorization identity may be left out, and must not be somebody else's.
function split(data: Bytes): { user: string; password: string } | undefined {
  const first = data.indexOf(0);
  const second = first < 0 ? -1 : data.indexOf(0, first + 1);
  if (second < 0 || data.indexOf(0, second + 1) >= 0) return undefined;
  try {
    const asked = readUtf8(data, 0, first);
    const user = readUtf8(data, first + 1, second);
    const password = readUtf8(data, second + 1, data.length);
    if (user === "" || password === "" || (asked !== "" && asked !== user)) return undefined;
    return { user, password };
  } catch {
    return undefined;
  }
}

function config(message: string): ConfigError {
  return new ConfigError(message, { code: "config", scope: "connection" });
}
