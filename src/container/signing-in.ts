/** The connecting side of authentication: who we are in this attempt, and the negotiation that says so. */

import { ClientNegotiation } from "../sasl/client-negotiation.ts";
import { ConfigError, SaslError } from "../errors.ts";
import { withSecret } from "../frames/secret.ts";
import type { Credentials, CredentialsContext } from "../options/connect.ts";
import type { ResolvedConnect } from "../options/resolve-connect.ts";
import { userAt } from "../options/resolve-connect.ts";
import type { SaslClientContext } from "../options/sasl.ts";
import { Secret } from "../options/secret.ts";
import type { ParsedUrl } from "../options/url.ts";
import type { ClientCredentials } from "../sasl/choose.ts";
import { chooseMechanism, createClientMechanism } from "../sasl/choose.ts";
import type { Answer, ClientMechanism, Need } from "../sasl/mechanism.ts";
import { isToken } from "../sasl/tokens.ts";
import type { ByteDuplex } from "../transport/byte-duplex.ts";
import { answerNeed } from "./answers.ts";
import { CustomClient } from "./custom-mechanisms.ts";

/** Who we are in one attempt. */
export interface Identity {
  readonly user: string | undefined;
  readonly password: Secret<string> | undefined;
  readonly token: Secret<string> | undefined;
  /** Milliseconds as of `Date.now()`; undefined is never. */
  readonly expiresAt: number | undefined;
}

/** Asks whoever knows: `credentials` before `token`, that before `user` and `password`, and they before the url. @throws SaslError auth-failed */
export async function identityFor(url: ParsedUrl, options: ResolvedConnect, context: CredentialsContext): Promise<Identity> {
  const { credentials, token } = options;
  if (credentials !== undefined) return readCredentials(await asked("credentials", context, credentials), context.url);
  if (typeof token === "function") return { ...NOBODY, user: options.user, token: readToken(await asked("token", context, token), "token", context.url) };
  if (token !== undefined) return { ...NOBODY, user: options.user, token };
  const own = userAt(options, url);
  return own === undefined ? NOBODY : { ...NOBODY, user: own.user, password: own.password ?? new Secret("") };
}

/** The negotiation of one attempt, and what fulfils its needs. */
export interface SigningIn {
  readonly sasl: ClientNegotiation | undefined;
  answer(need: Need): Promise<Answer>;
}

/** Prepares SASL for a transport that is there. @throws SaslError mechanism-refused for a token that `cbs` would send in clear text, auth-failed without one */
export function signIn(identity: Identity, url: ParsedUrl, shown: string, options: ResolvedConnect, duplex: ByteDuplex): SigningIn {
  const { cbs, mechanisms, allowedMechs } = options;
  const allowInsecureMechs = options.allowInsecureMechs ?? duplex.loopback;
  if (cbs !== undefined) checkCbs(identity, duplex.secure || allowInsecureMechs);
  const { cert, pfx } = options.tls.reveal();
  // A token that goes to the peer's node is not there for SASL.
  const credentials: ClientCredentials = cbs === undefined ? credentialsOf(identity) : { type: "none" };
  const choose = (offered: readonly string[]): ClientMechanism => {
    const name = chooseMechanism({
      offered, credentials: credentials.type, certificate: duplex.secure && (cert !== undefined || pfx !== undefined), secure: duplex.secure,
      allowInsecureMechs, allowedMechs, custom: [...mechanisms.keys()],
    });
    const make = mechanisms.get(name);
    return make === undefined ? createClientMechanism(name, credentials, url) : new CustomClient(name, make(contextOf(identity, url, shown, duplex.secure)));
  };
  return {
    sasl: options.saslEnabled ? new ClientNegotiation({ hostname: options.virtualHost ?? url.host, maxRounds: options.limits.maxSaslRounds, choose }) : undefined,
    answer: async (need) => (need.need === "token" ? tokenOf(identity) : answerNeed(need)),
  };
}

const NOBODY: Identity = { user: undefined, password: undefined, token: undefined, expiresAt: undefined };

function credentialsOf({ user, password, token }: Identity): ClientCredentials {
  if (token !== undefined) return { type: "token", user };
  return user === undefined || password === undefined ? { type: "none" } : { type: "password", user, password: password.reveal() };
}

function checkCbs({ token }: Identity, mayReveal: boolean): void {
  if (token === undefined) throw new SaslError("the credentials function answered no token, which is what option \"cbs\" sends", { code: "auth-failed", scope: "connection" });
  if (mayReveal) return;
  throw new SaslError("cbs refused on unencrypted connection: use TLS, or set allowInsecureMechs to send the token in clear text", { code: "mechanism-refused", scope: "connection" });
}

function tokenOf({ token }: Identity): string {
  const text = token?.reveal() ?? "";
  if (isToken(text)) return text;
  throw new ConfigError("the token must be one word of printable ASCII", { code: "config", scope: "connection" });
}

function contextOf({ user, password, token }: Identity, url: ParsedUrl, shown: string, secure: boolean): SaslClientContext {
  const context = { url: shown, hostname: url.host, secure, user };
  return withSecret(withSecret(context, "password", password?.reveal()), "token", token?.reveal());
}

/** Calls the user's function; its throw is a failed attempt, that may be made again unless it says otherwise. */
async function asked<T>(option: string, context: CredentialsContext, ask: (context: CredentialsContext) => T | Promise<T>): Promise<T> {
  try {
    return await ask(context);
  } catch (error) {
    throw new SaslError(`the ${option} function failed for ${context.url}: ${error instanceof Error ? error.message : String(error)}`, {
      code: "auth-failed", scope: "connection", retryable: (error as { retryable?: unknown } | undefined)?.retryable !== false, cause: error,
    });
  }
}

function readCredentials(given: Credentials, url: string): Identity {
  const { user, password, token, expiresAt } = (given ?? {}) as { user?: unknown; password?: unknown; token?: unknown; expiresAt?: unknown };
  if (user !== undefined && typeof user !== "string") throw useless("credentials", url, "a user that is no text");
  const expiry = readExpiry(expiresAt, url);
  if (token !== undefined) return { user, password: undefined, token: readToken(token, "credentials", url), expiresAt: expiry };
  if (user === undefined || user === "" || typeof password !== "string") throw useless("credentials", url, "neither a user and password nor a token");
  return { user, password: new Secret(password), token: undefined, expiresAt: expiry };
}

function readToken(token: unknown, option: string, url: string): Secret<string> {
  if (typeof token !== "string" || token === "") throw useless(option, url, "a token that is no text, or empty");
  return new Secret(token);
}

function readExpiry(expiresAt: unknown, url: string): number | undefined {
  if (expiresAt === undefined) return undefined;
  const time = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  if (typeof time !== "number" || Number.isNaN(time)) throw useless("credentials", url, "an expiresAt that is neither a Date nor milliseconds");
  return time;
}

function useless(option: string, url: string, what: string): SaslError {
  return new SaslError(`the ${option} function answered ${what} for ${url}`, { code: "auth-failed", scope: "connection" });
}
