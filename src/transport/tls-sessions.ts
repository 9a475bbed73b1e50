/** TLS sessions of one connection, so that connecting again to the same place costs one exchange less (RFC 8446, section 2.2). */

import type { PeerCertificate } from "../util/peer-certificate.ts";

/** Kept at once; the one kept longest goes first. */
const MOST = 16;

/** What is kept of a place: the session, and the certificate that was verified for it, which is not shown again. */
export interface KeptSession {
  readonly session: Uint8Array;
  readonly certificate: PeerCertificate;
}

export class TlsSessions {
  readonly #kept = new Map<string, KeptSession>();

  /** The session to resume; none whose certificate has run out, since resuming verifies nothing anew. */
  take(place: string, now: number): KeptSession | undefined {
    const kept = this.#kept.get(place);
    if (kept === undefined || kept.certificate.validTo.getTime() > now) return kept;
    this.#kept.delete(place);
    return undefined;
  }

  keep(place: string, kept: KeptSession): void {
    this.#kept.delete(place);
    this.#kept.set(place, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** A handshake that resumed failed: the next one begins anew. */
  forget(place: string): void {
    this.#kept.delete(place);
  }
}
