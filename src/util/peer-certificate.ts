/** What of a peer's certificate programs go by. */

/** A peer's certificate, which was verified. */
export interface PeerCertificate {
  /** Such as "CN=client,O=Example", most specific first (RFC 4514). */
  readonly subject: string;
  /** The most specific common name of the subject. */
  readonly commonName: string | undefined;
  /** Who signed it, in the form of `subject`. */
  readonly issuer: string;
  /** The names and addresses that it is for, such as "DNS:localhost" and "IP Address:127.0.0.1". */
  readonly alternativeNames: readonly string[];
  /** As hex digits. */
  readonly serialNumber: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** Of the whole certificate, as hex octets with colons. */
  readonly fingerprint256: string;
}
