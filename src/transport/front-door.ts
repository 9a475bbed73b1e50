/**
 * The listening side of AMQP over WebSocket: HTTP upgrades on sockets that a listener of ours has accepted. Who may come in is
 * decided here by path, origin and subprotocol, before a WebSocket is there.
 */

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { WebSocketServer } from "ws";

import { ConnectionError } from "../errors.ts";
import { isLoopback } from "./byte-duplex.ts";
import type { WebSocketDoor } from "./duplex-options.ts";
import { FrontDuplex } from "./front-duplex.ts";
import type { Porter } from "./front-duplex.ts";
import { loadWs, wsMissing } from "./load-ws.ts";
import { mayCome } from "./origins.ts";
import { plainText } from "./plain-text.ts";
import type { WrapSocket } from "./tcp.ts";
import { WsDuplex } from "./ws-duplex.ts";

/** The subprotocol of the AMQP binding. */
const SUBPROTOCOL = "amqp";
/** Octets of the head of a request. */
const MAX_HEAD = 16 * 1024;

/** Why a request gets no WebSocket. */
interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly why: string;
}

export class FrontDoor implements Porter {
  readonly only: boolean;
  readonly wrap: WrapSocket;
  readonly #door: WebSocketDoor;
  readonly #upgrades: WebSocketServer;
  /** Parses requests; it listens on nothing itself. */
  readonly #http: Server;
  readonly #fronts = new WeakMap<Duplex, FrontDuplex>();

  private constructor(door: WebSocketDoor, upgrades: WebSocketServer) {
    this.only = door.only;
    this.#door = door;
    this.#upgrades = upgrades;
    this.wrap = (socket, secure, certificate) => new FrontDuplex(socket, secure, certificate, this);
    this.#http = createServer({ maxHeaderSize: MAX_HEAD }, (request, response) => this.#noUpgrade(request, response));
    this.#http.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => this.#upgrade(request, socket, head));
    this.#http.on("clientError", (error: Error, socket: Socket) => this.#refuse(socket, BAD_REQUEST, plainText(error.message)));
  }

  /** @throws ConfigError `config` without the package `ws`. */
  static async open(door: WebSocketDoor): Promise<FrontDoor> {
    const ws = await loadWs();
    if (ws === undefined) throw wsMissing("listening for WebSockets");
    return new FrontDoor(door, new ws.WebSocketServer({
      noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: door.maxMessageSize, handleProtocols: () => SUBPROTOCOL,
    }));
  }

  greet(socket: Socket, early: Uint8Array, front: FrontDuplex): void {
    this.#fronts.set(socket, front);
    socket.pause();
    socket.unshift(early);
    this.#http.emit("connection", socket);
    socket.resume();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    // The HTTP server lets go of the socket here, and of its errors.
    socket.on("error", () => undefined);
    const refusal = this.#judge(request, socket);
    if (refusal !== undefined) {
      this.#refuse(socket, refusal, refusal.why);
      return;
    }
    this.#upgrades.handleUpgrade(request, socket, head, (ws) => {
      const front = this.#fronts.get(socket);
      front?.becomes(new WsDuplex(ws, socket, front.secure, front.peerCertificate, this.#door.maxMessageSize));
    });
  }

  #judge(request: IncomingMessage, socket: Socket): Refusal | undefined {
    const { path, origins } = this.#door;
    const { headers, url = "/" } = request;
    if (path !== undefined && url.split("?", 1)[0] !== path) return { status: 404, title: "Not Found", why: "AMQP is not served on this path" };
    if (!mayCome(headers.origin, headers.host, origins, isLoopback(socket.remoteAddress ?? ""))) {
      return { status: 403, title: "Forbidden", why: `pages of the origin ${plainText(headers.origin ?? "")} may not connect here (webSocket.origins)` };
    }
    const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    if (!offered.includes(SUBPROTOCOL)) return { ...BAD_REQUEST, why: `the subprotocol "${SUBPROTOCOL}" was not offered` };
    return undefined;
  }

  #noUpgrade(request: IncomingMessage, response: ServerResponse): void {
    const why = "this port serves AMQP, here over WebSocket only";
    this.#fronts.get(request.socket)?.refuse(refusalError(request.socket, why));
    response.writeHead(426, { "Connection": "close", "Upgrade": "websocket", "Content-Type": "text/plain; charset=utf-8" });
    response.end(`${why}\n`);
    response.on("finish", () => request.socket.destroySoon());
  }

  #refuse(socket: Socket, { status, title }: Pick<Refusal, "status" | "title">, why: string): void {
    this.#fronts.get(socket)?.refuse(refusalError(socket, why));
    if (socket.writable) socket.write(`HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${why.length + 1}\r\n\r\n${why}\n`);
    socket.destroySoon();
  }
}

const BAD_REQUEST = { status: 400, title: "Bad Request" };

function refusalError(socket: Socket, why: string): ConnectionError {
  return new ConnectionError(`refused a WebSocket from ${socket.remoteAddress ?? "a client"}: ${why}`, { code: "handshake-failed", scope: "connection", origin: "remote" });
}
