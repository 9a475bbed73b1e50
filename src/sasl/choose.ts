/**
 * Which mechanism a client uses: the strongest by its own order that its credentials fit, the peer offers and the
 * configuration allows (§5.3.3.1). The peer's order is only its preference. Credentials never become ANONYMOUS.
 *
 * | mechanism | credentials | in clear text |
 * |---|---|---|
 * | EXTERNAL | a client certificate and nothing else, or any if it alone is allowed | no |
 * | PLAIN | user and password | yes |
 * | ANONYMOUS | none; a certificate if ANONYMOUS is among the allowed | no |
 */

import { ConfigError, SaslError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import { AnonymousClient } from "./anonymous.ts";
import { ExternalClient } from "./external.ts";
import type { ClientMechanism } from "./mechanism.ts";
import { PlainClient } from "./plain.ts";

/** What a connection attempt authenticates with. */
export type ClientCredentials =
  | { readonly type: "none" }
  | { readonly type: "password"; readonly user: string; readonly password: string }
  | { readonly type: "token"; readonly user?: string | undefined };

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
}

interface Candidate {
  readonly name: string;
  /** Whether the credentials at hand are what it needs. */
  fits(choice: MechanismChoice): boolean;
  /** Whether it sends a secret as it is. */
  readonly clearText: boolean;
  create(credentials: ClientCredentials): ClientMechanism;
}

const isAlone = (name: string, allowed: readonly string[] | undefined): boolean => allowed?.length === 1 && allowed[0] === name;

/** Strongest first. */
const CANDIDATES: readonly Candidate[] = [
  {
    name: "EXTERNAL",
    fits: (choice) => (choice.certificate && choice.credentials === "none") || isAlone("EXTERNAL", choice.allowedMechs),
    clearText: false,
    create: () => new ExternalClient(),
  },
  {
    name: "PLAIN",
    fits: (choice) => choice.credentials === "password",
    clearText: true,
    create: (credentials) => {
      if (credentials.type !== "password") throw new ConfigError("PLAIN needs a user and a password", { code: "config", scope: "connection" });
      return new PlainClient(credentials.user, credentials.password);
    },
  },
  {
    name: "ANONYMOUS",
    fits: (choice) => choice.credentials === "none" && (!choice.certificate || (choice.allowedMechs?.includes("ANONYMOUS") ?? false)),
    clearText: false,
    create: () => new AnonymousClient(),
  },
];

const BY_NAME: ReadonlyMap<string, Candidate> = new Map(CANDIDATES.map((one) => [one.name, one]));

/**
 * The name of the mechanism to use.
 * @throws SaslError mechanism-refused where none fits; it lists what is offered and what is allowed.
 * @throws ConfigError config where `allowedMechs` names a mechanism that is not known here.
 */
export function chooseMechanism(choice: MechanismChoice): string {
  checkAllowed(choice.allowedMechs);
  const fitting = CANDIDATES.filter((one) => one.fits(choice) && (choice.allowedMechs?.includes(one.name) ?? true));
  const offered = fitting.filter((one) => choice.offered.includes(one.name));
  const chosen = offered.find((one) => !one.clearText || choice.secure || choice.allowInsecureMechs);
  if (chosen !== undefined) return chosen.name;
  const refused = offered[0];
  if (refused !== undefined) {
    throw refusal(`${refused.name} refused on unencrypted connection: use TLS, or set allowInsecureMechs to send the password in clear text`);
  }
  throw refusal(`no SASL mechanism fits: the peer offers ${list(choice.offered)}; ${reason(choice, fitting)}`);
}

/** The client's side of the mechanism that `chooseMechanism` named, for one authentication. @throws ConfigError config */
export function createClientMechanism(name: string, credentials: ClientCredentials): ClientMechanism {
  const candidate = BY_NAME.get(name);
  if (candidate === undefined) throw unknownMechanism(name);
  return candidate.create(credentials);
}

/** Checks the names in `allowedMechs` before anything is connected. @throws ConfigError config */
export function checkAllowed(allowedMechs: readonly string[] | undefined): void {
  if (allowedMechs === undefined) return;
  if (allowedMechs.length === 0) {
    throw new ConfigError("allowedMechs is empty: no mechanism could ever be used", { code: "config", scope: "connection" });
  }
  for (const name of allowedMechs) if (!BY_NAME.has(name)) throw unknownMechanism(name);
}

function unknownMechanism(name: string): ConfigError {
  return new ConfigError(
    `the SASL mechanism "${printable(name)}" is not built in (built in: ${[...BY_NAME.keys()].join(", ")}); `
    + "others must be supplied as custom mechanisms",
    { code: "config", scope: "connection" },
  );
}

function reason(choice: MechanismChoice, fitting: readonly Candidate[]): string {
  const allowed = choice.allowedMechs === undefined ? "all are allowed" : `allowed are ${list(choice.allowedMechs)}`;
  const what = choice.credentials === "password" ? "a user and password"
    : choice.credentials === "token" ? "a token"
    : choice.certificate ? "a client certificate alone"
    : "no credentials";
  const usable = fitting.length === 0 ? "none can be used" : `${fitting.map((one) => one.name).join(", ")} can be used`;
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
