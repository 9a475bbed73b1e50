/**
 * Which mechanism a client uses: the strongest by its own order that its credentials fit, the peer offers and the
 * configuration allows (§5.3.3.1). The peer's order is only its preference. Credentials never become ANONYMOUS.
 *
 * | mechanism | credentials | in clear text |
 * |---|---|---|
 * | the user's own, in the order in which they are given | any | their own business |
 * | EXTERNAL | a client certificate and nothing else, or any if it alone is allowed | no |
 * | SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1 | user and password | no |
 * | PLAIN | user and password | yes |
 * | OAUTHBEARER, XOAUTH2 | token | yes |
 * | ANONYMOUS | none; a certificate if ANONYMOUS is among the allowed | no |
 */

import { ConfigError, SaslError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import { AnonymousClient } from "./anonymous.ts";
import { ExternalClient } from "./external.ts";
import type { ClientMechanism } from "./mechanism.ts";
import { PlainClient } from "./plain.ts";
import { SCRAM_HASHES } from "./scram.ts";
import { ScramClient } from "./scram-client.ts";
import { OAuthBearerClient, XOAuth2Client, checkTokenUser } from "./tokens.ts";

/** What a connection attempt authenticates with; a token itself is asked for when it is needed. */
export type ClientCredentials =
  | { readonly type: "none" }
  | { readonly type: "password"; readonly user: string; readonly password: string }
  | { readonly type: "token"; readonly user: string | undefined };

/** What the choice depends on. */
export interface MechanismChoice {
  /** The peer's list. */
  readonly offered: readonly string[];
  readonly credentials: ClientCredentials["type"];
  /** Whether a TLS client certificate is shown to the peer. */
  readonly certificate: boolean;
  /** Whether the transport is encrypted. */
  readonly secure: boolean;
  /** Whether secrets may cross a transport in clear text; by default on loopback only, which the caller decides. */
  readonly allowInsecureMechs: boolean;
  /** The names to choose among. @default all */
  readonly allowedMechs?: readonly string[] | undefined;
  /** Names of mechanisms of the user's own; one of a built-in mechanism stands for that. @default none */
  readonly custom?: readonly string[] | undefined;
}

/** The host and port that were connected to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

interface Candidate {
  readonly name: string;
  /** Whether the credentials at hand are what it needs. */
  fits(choice: MechanismChoice): boolean;
  /** What it sends as it is. */
  readonly clearText?: "password" | "token" | undefined;
  create(credentials: ClientCredentials, place: Place): ClientMechanism;
}

const isAlone = (name: string, allowed: readonly string[] | undefined): boolean => allowed?.length === 1 && allowed[0] === name;

/** Strongest first. */
const CANDIDATES: readonly Candidate[] = [
  {
    name: "EXTERNAL",
    fits: (choice) => (choice.certificate && choice.credentials === "none") || isAlone("EXTERNAL", choice.allowedMechs),
    create: () => new ExternalClient(),
  },
  ...[...SCRAM_HASHES.keys()].map((name): Candidate => ({
    name,
    fits: (choice) => choice.credentials === "password",
    create: (credentials) => {
      const { user, password } = passwordOf(credentials, name);
      return new ScramClient(name, user, password);
    },
  })),
  {
    name: "PLAIN",
    fits: (choice) => choice.credentials === "password",
    clearText: "password",
    create: (credentials) => {
      const { user, password } = passwordOf(credentials, "PLAIN");
      return new PlainClient(user, password);
    },
  },
  tokenCandidate("OAUTHBEARER", OAuthBearerClient),
  tokenCandidate("XOAUTH2", XOAuth2Client),
  {
    name: "ANONYMOUS",
    fits: (choice) => choice.credentials === "none" && (!choice.certificate || (choice.allowedMechs?.includes("ANONYMOUS") ?? false)),
    create: () => new AnonymousClient(),
  },
];

const BY_NAME: ReadonlyMap<string, Candidate> = new Map(CANDIDATES.map((one) => [one.name, one]));

/** The names of what is built in, strongest first; a server offers them in this order. */
export const BUILT_IN: readonly string[] = [...BY_NAME.keys()];

/**
 * The name of the mechanism to use.
 * @throws SaslError mechanism-refused where none fits; it lists what is offered and what is allowed.
 * @throws ConfigError config where `allowedMechs` names a mechanism that is not known here.
 */
export function chooseMechanism(choice: MechanismChoice): string {
  const custom = choice.custom ?? [];
  checkAllowed(choice.allowedMechs, custom);
  const candidates = [...custom.map((name) => ({ name, clearText: undefined, fits: () => true })), ...CANDIDATES.filter((one) => !custom.includes(one.name))];
  const fitting = candidates.filter((one) => one.fits(choice) && (choice.allowedMechs?.includes(one.name) ?? true));
  const offered = fitting.filter((one) => choice.offered.includes(one.name));
  const chosen = offered.find((one) => one.clearText === undefined || choice.secure || choice.allowInsecureMechs);
  if (chosen !== undefined) return chosen.name;
  const refused = offered[0];
  if (refused !== undefined) {
    throw refusal(`${refused.name} refused on unencrypted connection: use TLS, or set allowInsecureMechs to send the ${refused.clearText} in clear text`);
  }
  throw refusal(`no SASL mechanism fits: the peer offers ${list(choice.offered)}; ${reason(choice, fitting.map((one) => one.name))}`);
}

/** The client's side of the mechanism that `chooseMechanism` named, for one authentication. @throws ConfigError config */
export function createClientMechanism(name: string, credentials: ClientCredentials, place: Place): ClientMechanism {
  const candidate = BY_NAME.get(name);
  if (candidate === undefined) throw unknownMechanism(name);
  return candidate.create(credentials, place);
}

/** Checks the names in `allowedMechs` before anything is connected. @throws ConfigError config */
export function checkAllowed(allowedMechs: readonly string[] | undefined, custom: readonly string[] = []): void {
  if (allowedMechs === undefined) return;
  if (allowedMechs.length === 0) {
    throw new ConfigError("allowedMechs is empty: no mechanism could ever be used", { code: "config", scope: "connection" });
  }
  for (const name of allowedMechs) if (!BY_NAME.has(name) && !custom.includes(name)) throw unknownMechanism(name);
}

function tokenCandidate(name: string, Client: new (place: Place & { user: string | undefined }) => ClientMechanism): Candidate {
  return {
    name,
    fits: (choice) => choice.credentials === "token",
    clearText: "token",
    create: (credentials, { host, port }) => {
      if (credentials.type !== "token") throw new ConfigError(`${name} needs a token`, { code: "config", scope: "connection" });
      checkTokenUser(credentials.user);
      return new Client({ host, port, user: credentials.user });
    },
  };
}

function passwordOf(credentials: ClientCredentials, name: string): { readonly user: string; readonly password: string } {
  if (credentials.type === "password") return credentials;
  throw new ConfigError(`${name} needs a user and a password`, { code: "config", scope: "connection" });
}

function unknownMechanism(name: string): ConfigError {
  return new ConfigError(
    `the SASL mechanism "${printable(name)}" is not built in (built in: ${BUILT_IN.join(", ")}); `
    + "others must be supplied as custom mechanisms, in option \"mechanisms\"",
    { code: "config", scope: "connection" },
  );
}

function reason(choice: MechanismChoice, fitting: readonly string[]): string {
  const allowed = choice.allowedMechs === undefined ? "all are allowed" : `allowed are ${list(choice.allowedMechs)}`;
  const what = choice.credentials === "password" ? "a user and password"
    : choice.credentials === "token" ? "a token"
    : choice.certificate ? "a client certificate alone"
    : "no credentials";
  const usable = fitting.length === 0 ? "none can be used" : `${fitting.join(", ")} can be used`;
  return `${allowed}, and with ${what} ${usable}`;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => printable(name, 32)).join(", ");
  return names.length > MAX_LISTED ? `${shown} and ${names.length - MAX_LISTED} more` : shown;
}

const MAX_LISTED = 10;

function refusal(message: string): SaslError {
  return new SaslError(message, { code: "mechanism-refused", scope: "connection" });
}
