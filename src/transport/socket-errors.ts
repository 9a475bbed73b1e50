/** Turns what Node says about sockets into one line that says what happened, where, and what to do. */

import type { AmqpError } from "../errors.ts";
import { ConfigError, ConnectionError, TimeoutError, TlsError } from "../errors.ts";

/** Where a socket goes. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** host:port, an IPv6 address in brackets. */
export function placeText({ host, port }: Place): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** A connection that could not be made. */
export function connectError(cause: unknown, place: Place): AmqpError {
  const code = codeOf(cause);
  const text = CONNECT.get(code)?.(placeText(place), place.host) ?? `could not connect to ${placeText(place)}`;
  return new ConnectionError(withCode(text, code), { code: "connect-failed", scope: "connection", origin: "transport", retryable: true, cause });
}

/** A connection that was not there in time. */
export function connectTimeout(place: Place, timeout: number, tls: boolean): AmqpError {
  const what = tls ? `the TLS handshake with ${placeText(place)} was not done` : `${placeText(place)} did not answer`;
  return new TimeoutError(`${what} within ${timeout} ms: is the broker up and no firewall in between?`, { code: "timeout", scope: "connection", origin: "transport", retryable: true });
}

/** A port that could not be listened on, or an accept that failed later. */
export function listenError(cause: unknown, place: Place): AmqpError {
  const code = codeOf(cause);
  const text = LISTEN.get(code)?.(placeText(place), place.host) ?? `could not listen on ${placeText(place)}`;
  return new ConnectionError(withCode(text, code), { code: "listen-failed", scope: "container", origin: "transport", cause });
}

/** A TLS handshake that failed after the socket was there. */
export function tlsError(cause: unknown, place: Place): AmqpError {
  const code = codeOf(cause);
  const known = TLS.get(code) ?? (/_ALERT_/.test(code) ? alertText(code) : undefined);
  // A connection that breaks off may be there again the next time; a certificate does not get better by asking again.
  const broken = code === "ECONNRESET" || code === "EPIPE" || code === "ETIMEDOUT";
  const text = known?.(placeText(place), place.host) ?? `the TLS handshake with ${placeText(place)} failed`;
  return new TlsError(withCode(text, code), { code: "tls-failed", scope: "connection", origin: "transport", retryable: broken, cause });
}

/** TLS options that make no certificate and key. */
export function tlsConfigError(cause: unknown): AmqpError {
  const text = "tls: the certificates, key or passphrase cannot be used together: check that they are PEM (or PKCS#12 as pfx), belong together, and that the passphrase is right";
  return new ConfigError(withCode(text, codeOf(cause)), { code: "config", scope: "connection", cause });
}

/** A peer that speaks WebSocket and chose none of the subprotocols. */
export function subprotocolError(place: Place, protocols: readonly string[]): AmqpError {
  const text = `${placeText(place)} speaks WebSocket and not its subprotocol ${protocols.join(" or ")}: is AMQP served there, and on this path of the url?`;
  return new ConnectionError(text, { code: "not-amqp", scope: "connection", origin: "remote" });
}

/** The end of a connection that was established. */
export function streamError(cause: unknown, peer: string): AmqpError {
  const code = codeOf(cause);
  if (code.startsWith("ERR_SSL_")) {
    const text = (TLS.get(code) ?? alertText(code))(peer, peer);
    return new TlsError(withCode(text, code), { code: "tls-failed", scope: "connection", origin: "transport", cause });
  }
  const text = code === "ECONNRESET" || code === "EPIPE" ? `${peer} broke the connection off` : code === "ETIMEDOUT" ? `${peer} no longer answers` : `the connection to ${peer} failed`;
  return new ConnectionError(withCode(text, code), { code: "disconnected", scope: "connection", origin: "transport", retryable: true, cause });
}

type Text = (place: string, host: string) => string;

const CONNECT: ReadonlyMap<string, Text> = new Map<string, Text>([
  ["ECONNREFUSED", (place) => `nobody listens on ${place} (ECONNREFUSED): is the broker running?`],
  ["ENOTFOUND", (_, host) => `there is no host ${host} (ENOTFOUND): is the name in the url right?`],
  ["EAI_AGAIN", (_, host) => `the name ${host} cannot be looked up now (EAI_AGAIN): is the network up, and its name server?`],
  ["ETIMEDOUT", (place) => `${place} did not answer (ETIMEDOUT): is the host up and no firewall in between?`],
  ["EHOSTUNREACH", (place) => `there is no way to ${place} (EHOSTUNREACH): is the host up, and in a network that this machine reaches?`],
  ["ENETUNREACH", (place) => `there is no way to ${place} (ENETUNREACH): is this machine's network up?`],
  ["ECONNRESET", (place) => `${place} broke the connection off at once (ECONNRESET): is it the broker's port?`],
  ["EACCES", (place) => `connecting to ${place} is not allowed here (EACCES): is there a local firewall or sandbox?`],
  ["EMFILE", (place) => `could not connect to ${place}: this process has too many open files (EMFILE); raise its limit (ulimit -n)`],
  ["EADDRNOTAVAIL", (place) => `could not connect to ${place} (EADDRNOTAVAIL): is it an address that can be connected to, and are local ports left?`],
]);

const LISTEN: ReadonlyMap<string, Text> = new Map<string, Text>([
  ["EADDRINUSE", (place) => `${place} is taken (EADDRINUSE): stop the program that listens there, or choose another port`],
  ["EACCES", (place) => `listening on ${place} is not allowed (EACCES): choose a port above 1023`],
  ["EADDRNOTAVAIL", (place, host) => `cannot listen on ${place}: ${host} is no address of this machine (EADDRNOTAVAIL)`],
  ["ENOTFOUND", (place, host) => `cannot listen on ${place}: there is no host ${host} (ENOTFOUND)`],
  ["EMFILE", (place) => `cannot take more connections on ${place}: this process has too many open files (EMFILE); raise its limit (ulimit -n)`],
  ["ENFILE", (place) => `cannot take more connections on ${place}: this machine has too many open files (ENFILE)`],
]);

const selfSigned: Text = (place) => `the certificate of ${place} is self-signed: give it, or the authority that signed it, as tls.ca`;
const unknownAuthority: Text = (place) => `the certificate of ${place} was signed by an authority that is not trusted here: give that authority as tls.ca`;
const noTls: Text = (place) => `${place} does not speak TLS: is it the plain port? amqp:// is without TLS`;
const closed: Text = (place) => `${place} broke off the TLS handshake: does it speak TLS on this port, and does it ask for a certificate (tls.cert and tls.key)?`;

const TLS: ReadonlyMap<string, Text> = new Map<string, Text>([
  ["CERT_HAS_EXPIRED", (place) => `the certificate of ${place} has expired: renew it on the broker, and check this machine's clock`],
  ["CERT_NOT_YET_VALID", (place) => `the certificate of ${place} is not valid yet: check this machine's clock`],
  ["CERT_REVOKED", (place) => `the certificate of ${place} was revoked`],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", selfSigned],
  ["SELF_SIGNED_CERT_IN_CHAIN", unknownAuthority],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", unknownAuthority],
  ["UNABLE_TO_GET_ISSUER_CERT", unknownAuthority],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", unknownAuthority],
  ["ERR_TLS_CERT_ALTNAME_INVALID", (place, host) => `the certificate of ${place} is not for ${host}: connect by a name that it has, or give that name as option "sni"`],
  ["ERR_SSL_WRONG_VERSION_NUMBER", noTls],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", noTls],
  ["ERR_SSL_HTTP_REQUEST", noTls],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", (place) => `${place} speaks no TLS version that is allowed here (1.2 and later)`],
  ["ECONNRESET", closed],
  ["EPIPE", closed],
]);

// The peer's alert, in the words of its code: ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED and the like.
function alertText(code: string): Text {
  const words = code.replace(/^ERR_SSL_(?:TLSV\d+_|SSLV3_)?(?:ALERT_)?/, "").toLowerCase().replaceAll("_", " ");
  const hint = /cert|unknown ca/.test(words) ? ": give a certificate that it trusts as tls.cert and tls.key" : "";
  return (place) => `${place} ended TLS with "${words}"${hint}`;
}

/** The code of an error of Node's; "" where it has none. */
export function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

function withCode(text: string, code: string): string {
  return code === "" || text.includes(code) ? text : `${text} (${code})`;
}
