/**
 * AMQP over WebSocket in Node, connecting: the socket, and TLS on it, are made as for amqp and amqps, so that they keep the same
 * promises and texts; the package `ws` shakes hands and frames on it.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import type { AmqpError } from "../errors.ts";
import { ConnectionError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { connectBuiltin } from "./builtin-duplex.ts";
import type { ByteDuplex, PeerCertificate } from "./byte-duplex.ts";
import type { ConnectDuplexOptions, WebSocketSettings } from "./duplex-options.ts";
import { loadWs, wsMissing } from "./load-ws.ts";
import type { WsModule } from "./load-ws.ts";
import { plainText } from "./plain-text.ts";
import { codeOf, connectTimeout, placeText, subprotocolError } from "./socket-errors.ts";
import type { Place } from "./socket-errors.ts";
import { openTcp } from "./tcp.ts";
import { openTls } from "./tls.ts";
import { webSocketUrl } from "./websocket-url.ts";
import { WsDuplex } from "./ws-duplex.ts";

/**
 * Connects.
 *
 * @throws ConnectionError `connect-failed`, `not-amqp`; TlsError `tls-failed`; ConfigError `config`, also without the package `ws`
 * where the platform's own WebSocket cannot stand in for it; TimeoutError `timeout`; or `signal.reason`
 */
export async function connectWebSocket(options: ConnectDuplexOptions, settings: WebSocketSettings): Promise<ByteDuplex> {
  const { timeout = Infinity } = options;
  const end = performance.now() + timeout;
  const ws = await loadWs();
  if (ws === undefined) return withoutWs(options, settings);
  const raw = options.secure ? await openTls(options, keep) : await openTcp(options, (socket) => keep(socket, undefined));
  return shakeHands(ws, raw, { ...options, timeout: end - performance.now() }, settings);
}

interface Raw {
  readonly socket: Socket;
  readonly peerCertificate: PeerCertificate | undefined;
}

function keep(socket: Socket, peerCertificate: PeerCertificate | undefined): Raw {
  // Until the handshake has taken the socket over, nobody else would hear of its end; the handshake then fails and tells it.
  socket.on("error", () => undefined);
  return { socket, peerCertificate };
}

function shakeHands({ WebSocket }: WsModule, { socket, peerCertificate }: Raw, options: ConnectDuplexOptions, settings: WebSocketSettings): Promise<ByteDuplex> {
  const { headers, maxMessageSize, protocols } = settings;
  return attempt(options, () => connectTimeout(options, options.timeout ?? Infinity, false), (resolve, reject) => {
    const ws = new WebSocket(webSocketUrl(options, settings), [...protocols], {
      createConnection: () => socket,
      headers,
      maxPayload: maxMessageSize,
      perMessageDeflate: false,
      followRedirects: false,
    });
    ws.on("error", (error: Error) => reject(handshakeError(error, options)));
    ws.on("unexpected-response", (request, response) => {
      reject(responseError(response, options));
      request.destroy();
    });
    ws.on("upgrade", ({ headers: answer }) => {
      if (protocols.includes(answer["sec-websocket-protocol"] ?? "")) return;
      reject(subprotocolError(options, protocols));
      ws.terminate();
    });
    ws.on("open", () => resolve(new WsDuplex(ws, socket, options.secure, peerCertificate, maxMessageSize)));
    return () => ws.terminate();
  });
}

/** The platform's own WebSocket takes neither certificates nor headers. */
async function withoutWs(options: ConnectDuplexOptions, settings: WebSocketSettings): Promise<ByteDuplex> {
  if (typeof globalThis.WebSocket !== "function") throw wsMissing("WebSocket on this version of Node");
  if (Object.keys(options.tls).length > 0 || options.sni !== undefined) throw wsMissing('option "tls" or "sni" over WebSocket');
  if (Object.keys(settings.headers).length > 0) throw wsMissing('option "webSocket.headers"');
  return connectBuiltin(options, settings);
}

function handshakeError(cause: Error, place: Place): AmqpError {
  const code = codeOf(cause);
  const where = placeText(place);
  const text = code.startsWith("HPE_") ? `${where} does not speak HTTP (${code}), and so no WebSocket: is it the plain port? amqp:// is without WebSocket`
    : code === "ECONNRESET" || code === "EPIPE" ? `${where} broke off the WebSocket handshake (${code}): does it speak WebSocket on this port?`
      : `the WebSocket handshake with ${where} failed: ${plainText(cause.message)}`;
  return new ConnectionError(text, { code: "connect-failed", scope: "connection", origin: "transport", retryable: !code.startsWith("HPE_"), cause });
}

/** An answer that is no WebSocket. */
function responseError({ statusCode = 0, statusMessage = "" }: IncomingMessage, place: Place): AmqpError {
  const said = `HTTP ${statusCode}${statusMessage === "" ? "" : ` (${plainText(statusMessage)})`}`;
  const hint = HINTS.get(statusCode) ?? (statusCode >= 300 && statusCode < 400 ? ": redirects are not followed, give the url that it leads to" : "");
  return new ConnectionError(`${placeText(place)} answered the WebSocket handshake with ${said}${hint}`, {
    code: "connect-failed", scope: "connection", origin: "remote", retryable: statusCode >= 500 || statusCode === 429,
  });
}

const HINTS: ReadonlyMap<number, string> = new Map([
  [400, ": does it serve AMQP on this path of the url?"],
  [401, ": it may want an Authorization header (webSocket.headers)"],
  [403, ": it does not let us in from here; is there an allowlist of origins?"],
  [404, ": is the path of the url right?"],
  [426, ": it speaks another version of WebSocket, or none on this path of the url"],
]);
