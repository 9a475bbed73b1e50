/** Who a listener lets in: the mechanisms that it offers to a peer, and the answers that they need. */

import type { AmqpError } from "../errors.ts";
import { ConfigError } from "../errors.ts";
import type { ResolvedListen } from "../options/resolve-listen.ts";
import { asksWho } from "../options/resolve-listen.ts";
import { AnonymousServer } from "../sasl/anonymous.ts";
import { BUILT_IN, checkAllowed } from "../sasl/choose.ts";
import { ExternalServer } from "../sasl/external.ts";
import type { Answer, Need, ServerMechanism } from "../sasl/mechanism.ts";
import { PlainServer } from "../sasl/plain.ts";
import { ScramServer } from "../sasl/scram-server.ts";
import { TokenServer } from "../sasl/tokens.ts";
import type { ByteDuplex } from "../transport/byte-duplex.ts";
import { answerNeed } from "./answers.ts";
import { CustomServer } from "./custom-mechanisms.ts";
import { Passwords } from "./passwords.ts";

export class Admission {
  readonly #options: ResolvedListen;
  readonly #passwords: Passwords | undefined;

  /** @throws ConfigError config for a mechanism that is not known, and for one that nothing here could decide. */
  constructor(options: ResolvedListen, onError: (error: AmqpError) => void) {
    const { allowedMechs, mechanisms, passwords } = options;
    this.#options = options;
    this.#passwords = passwords && new Passwords(passwords, onError);
    checkAllowed(allowedMechs, [...mechanisms.keys()]);
    for (const name of allowedMechs ?? []) {
      const missing = mechanisms.has(name) ? undefined : this.#missing(name);
      if (missing !== undefined) throw new ConfigError(`listen(): option "allowedMechs" has ${name}, which needs option ${missing}`, { code: "config", scope: "container" });
    }
  }

  /** What is offered, in the order of `allowedMechs`, or else one's own first and then the strongest first. */
  mechanisms(duplex: ByteDuplex): ReadonlyMap<string, () => ServerMechanism> {
    const { allowedMechs, mechanisms } = this.#options;
    const own = [...mechanisms.keys()];
    const names = allowedMechs ?? [...own, ...BUILT_IN.filter((name) => !own.includes(name) && this.#missing(name) === undefined && (name !== "ANONYMOUS" || !asksWho(this.#options)))];
    const offered = new Map<string, () => ServerMechanism>();
    for (const name of names) {
      const make = mechanisms.get(name);
      if (make !== undefined) offered.set(name, () => new CustomServer(name, make({ remoteAddress: duplex.remoteAddress, secure: duplex.secure })));
      else if (this.#fits(name, duplex)) offered.set(name, () => create(name));
    }
    // Where nothing that is allowed can be used, everybody is refused, in SASL's own words.
    return offered.size === 0 ? new Map([["EXTERNAL", () => new ExternalServer()]]) : offered;
  }

  async answer(need: Need, duplex: ByteDuplex): Promise<Answer> {
    const { authenticate, authenticateToken, authenticateCertificate } = this.#options;
    const { remoteAddress, peerCertificate } = duplex;
    switch (need.need) {
      case "authenticate":
        if (authenticate !== undefined) return (await authenticate(need.user, need.password, { remoteAddress })) === true;
        return this.#passwords?.check(need.user, need.password, remoteAddress) ?? false;
      case "scram-record":
        return (this.#passwords as Passwords).record(need.mechanism, need.hash, need.user, remoteAddress);
      case "authenticate-token":
        return authenticateToken?.(need.token, need.user, { remoteAddress }) ?? false;
      case "authenticate-certificate": {
        if (peerCertificate === undefined || this.#options.tls.reveal().requestCert !== true) return false;
        const verdict = authenticateCertificate === undefined ? true : await authenticateCertificate(peerCertificate, { remoteAddress });
        return verdict === true ? peerCertificate.subject : verdict;
      }
      default:
        return answerNeed(need);
    }
  }

  /** The option without which a mechanism could never be used. */
  #missing(name: string): string | undefined {
    const { authenticate, passwords, authenticateToken, tls } = this.#options;
    if (name.startsWith("SCRAM-")) return passwords === undefined ? '"passwords"' : undefined;
    if (name === "PLAIN") return authenticate === undefined && passwords === undefined ? '"authenticate" or "passwords"' : undefined;
    if (name === "OAUTHBEARER" || name === "XOAUTH2") return authenticateToken === undefined ? '"authenticateToken"' : undefined;
    if (name === "EXTERNAL") return tls.reveal().requestCert === true ? undefined : '"tls.requestCert"';
    return undefined;
  }

  /** Whether this peer may use it: secrets only where nobody else reads them, certificates where there is one. */
  #fits(name: string, duplex: ByteDuplex): boolean {
    if (name === "EXTERNAL") return duplex.peerCertificate !== undefined;
    if (name === "PLAIN" || name === "OAUTHBEARER" || name === "XOAUTH2") return duplex.secure || duplex.loopback || this.#options.allowInsecureMechs;
    return true;
  }
}

function create(name: string): ServerMechanism {
  switch (name) {
    case "EXTERNAL": return new ExternalServer();
    case "PLAIN": return new PlainServer();
    case "OAUTHBEARER":
    case "XOAUTH2": return new TokenServer(name);
    case "ANONYMOUS": return new AnonymousServer();
    default: return new ScramServer(name);
  }
}
