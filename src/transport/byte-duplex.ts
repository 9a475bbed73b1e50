/** The contract between the client and whatever carries its bytes. */

import type { PeerCertificate } from "../util/peer-certificate.ts";

export type { PeerCertificate } from "../util/peer-certificate.ts";

/** A stream of bytes both ways. */
export interface ByteDuplex {
  /** Hands over bytes; they belong to the transport until it calls `done`, also when they could not be sent. Never calls it at once. */
  write(bytes: Uint8Array, done: () => void): void;
  /** What is handed over from here to `uncork` may leave in one piece; a transport without it writes each by itself. */
  cork?(): void;
  uncork?(): void;
  /** Octets handed over and not yet taken by the system. */
  readonly writableLength: number;
  /** Begins to deliver; called once. What happened before is told then, never during the call. */
  start(sink: DuplexSink): void;
  /** Stops `onData` and, with it, `onEnd`; the peer feels it in time. */
  pause(): void;
  resume(): void;
  /** Says that no more comes (FIN), after what was written. Of a WebSocket this ends the other direction as well, when the peer answers. */
  end(): void;
  /** Drops the connection and what was not sent. */
  destroy(): void;
  /** Whether the bytes are encrypted and the peer was verified as far as the options ask. */
  readonly secure: boolean;
  /** The peer's address, for texts and rules; no port. */
  readonly remoteAddress: string;
  /** Whether the peer is on this machine. */
  readonly loopback: boolean;
  /** The peer's certificate, where it gave one and it was verified. */
  readonly peerCertificate?: PeerCertificate | undefined;
}

/** Who gets what a `ByteDuplex` has to tell. */
export interface DuplexSink {
  /** The chunk belongs to the sink; it is never written to again. */
  onData(chunk: Uint8Array): void;
  /** All that was handed over has been taken. */
  onDrain?(): void;
  /** The peer says that no more comes. Our direction stays open. */
  onEnd(): void;
  /** Exactly once and last, after every `done`: without an error where both sides ended or `destroy()` was called. */
  onClose(error: Error | undefined): void;
}

/** A place where connections come in. */
export interface DuplexListener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting. Connections that were ended may finish for a second; all others are dropped. */
  close(): Promise<void>;
}

/** Whether an address of a peer is this machine's own: 127.0.0.0/8, ::1, also as ::ffff:127.0.0.0/104. */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address);
}
