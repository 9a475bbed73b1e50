/**
 * OAUTHBEARER (RFC 7628) and XOAUTH2, its predecessor: a bearer token as it is, so that TLS has to hide it. A server that refuses
 * the token says why in a challenge, which the client answers before it gets the outcome.
 */

import { ConfigError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import { withSecret } from "../frames/secret.ts";
import { readUtf8 } from "#platform";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import type { Answer, ClientMechanism, ClientStep, Finish, ServerMechanism, ServerStep } from "./mechanism.ts";
import { utf8 } from "./script.ts";

/** Where and as whom a token is shown. */
export interface TokenPlace {
  /** The host that was connected to, as it stands in the url. */
  readonly host: string;
  readonly port: number;
  /** Whom the token is for, where that is known. */
  readonly user: string | undefined;
}

abstract class TokenClient implements ClientMechanism {
  abstract readonly name: string;
  protected readonly place: TokenPlace;
  refusal: string | undefined;

  constructor(place: TokenPlace) {
    this.place = place;
  }

  start(): ClientStep {
    return { type: "need", need: "token" };
  }

  answer(answer: Answer): ClientStep {
    if (typeof answer !== "string" || !isToken(answer)) return { type: "fail", reason: "the token is not one word of printable ASCII" };
    return withSecret({ type: "send" } as const, "bytes", utf8(this.message(answer)));
  }

  challenge(data: Bytes): ClientStep {
    this.refusal = readRefusal(data);
    return { type: "send", bytes: this.dummy };
  }

  finish(): Finish {
    return this.refusal === undefined ? { type: "done" } : { type: "fail", reason: `the server refused the token (${this.refusal}) and then said ok` };
  }

  protected abstract message(token: string): string;
  protected abstract readonly dummy: Bytes;
}

/** OAUTHBEARER, the client's side. */
export class OAuthBearerClient extends TokenClient {
  readonly name = "OAUTHBEARER";
  protected readonly dummy = Uint8Array.of(1);

  protected message(token: string): string {
    const { host, port, user } = this.place;
    const on = user === undefined ? "" : `a=${user.replaceAll("=", "=3D").replaceAll(",", "=2C")}`;
    return `n,${on},\x01host=${host}\x01port=${port}\x01auth=Bearer ${token}\x01\x01`;
  }
}

/** XOAUTH2, the client's side. */
export class XOAuth2Client extends TokenClient {
  readonly name = "XOAUTH2";
  protected readonly dummy = EMPTY;

  protected message(token: string): string {
    return `user=${this.place.user ?? ""}\x01auth=Bearer ${token}\x01\x01`;
  }
}

/** The server's side of both: it takes the message apart, the driver says whose token it is. */
export class TokenServer implements ServerMechanism {
  readonly name: "OAUTHBEARER" | "XOAUTH2";
  #user: string | undefined;
  #refused = false;

  constructor(name: "OAUTHBEARER" | "XOAUTH2") {
    this.name = name;
  }

  start(initialResponse: Bytes | undefined): ServerStep {
    return initialResponse === undefined ? { type: "send", bytes: EMPTY } : this.response(initialResponse);
  }

  response(data: Bytes): ServerStep {
    if (this.#refused) return REFUSAL;
    const read = this.name === "OAUTHBEARER" ? readOAuthBearer(data) : readXOAuth2(data);
    if (read === undefined) return this.#refuse("invalid_request");
    this.#user = read.user;
    return withSecret({ type: "need", need: "authenticate-token", mechanism: this.name, user: read.user } as const, "token", read.token);
  }

  answer(answer: Answer): ServerStep {
    if (answer === true) return { type: "done", user: this.#user };
    return typeof answer === "string" && answer !== "" ? { type: "done", user: answer } : this.#refuse("invalid_token");
  }

  /** XOAUTH2's clients do not all know the challenge that tells of the refusal: they get the outcome at once. */
  #refuse(status: string): ServerStep {
    if (this.name === "XOAUTH2") return REFUSAL;
    this.#refused = true;
    return { type: "send", bytes: utf8(JSON.stringify({ status })) };
  }
}

const REFUSAL: ServerStep = Object.freeze({ type: "fail", reason: "the token was refused" });

/** b64token (RFC 6750) and whatever else servers hand out: what ends it is a control character or blank. */
const TOKEN = /^[\x21-\x7e]+$/;

/** Whether a text can be a bearer token of these mechanisms. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Checks what a message of either could not express. @throws ConfigError config */
export function checkTokenUser(user: string | undefined): void {
  if (user !== undefined && /[\x00-\x1f\x7f]/.test(user)) {
    throw new ConfigError("the user has a control character in it, which no token mechanism can express", { code: "config", scope: "connection" });
  }
}

interface ReadToken {
  readonly user: string | undefined;
  readonly token: string;
}

function readOAuthBearer(data: Bytes): ReadToken | undefined {
  const text = textOf(data);
  const parts = text === undefined ? null : /^[ny],(?:a=([^,\x01]*))?,\x01((?:[A-Za-z]+=[^\x00\x01]*\x01)+)\x01$/.exec(text);
  const auth = parts?.[2]?.split("\x01").find((pair) => pair.startsWith("auth="));
  const token = readBearer(auth?.slice(5));
  const asked = parts?.[1];
  if (token === undefined || (asked !== undefined && /=(?!2C|3D)/.test(asked))) return undefined;
  return { user: asked === undefined || asked === "" ? undefined : asked.replaceAll("=2C", ",").replaceAll("=3D", "="), token };
}

function readXOAuth2(data: Bytes): ReadToken | undefined {
  const parts = /^user=([^\x00\x01]*)\x01auth=([^\x00\x01]*)\x01\x01$/.exec(textOf(data) ?? "");
  const token = readBearer(parts?.[2]);
  return token === undefined ? undefined : { user: parts?.[1] === "" ? undefined : parts?.[1], token };
}

function readBearer(value: string | undefined): string | undefined {
  const token = /^bearer +(\S+)$/i.exec(value ?? "")?.[1];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}

/** What the JSON of the challenge says, in a form that can stand in an error (RFC 7628, section 3.2.2). */
function readRefusal(data: Bytes): string {
  try {
    const { status, scope } = JSON.parse(textOf(data) ?? "") as { status?: unknown; scope?: unknown };
    const why = typeof status === "string" && status !== "" ? printable(status) : "no status";
    return typeof scope === "string" && scope !== "" ? `${why}, scope ${printable(scope)}` : why;
  } catch {
    return "no reason that can be read";
  }
}

function textOf(bytes: Bytes): string | undefined {
  try {
    return readUtf8(bytes, 0, bytes.length);
  } catch {
    return undefined;
  }
}
