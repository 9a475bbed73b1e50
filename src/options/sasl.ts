/** What programs give to sign in and to let others in: mechanisms of their own, stored passwords, tokens by a message. */

import type { Bytes } from "../util/bytes.ts";

/** What a client's mechanism sends; undefined is nothing, where that can be. */
export type SaslMessage = Uint8Array | string | undefined;

/** The client's side of one authentication by a mechanism that is not built in. A throw ends the attempt. */
export interface SaslClient {
  /** The initial response; undefined is none. */
  start(): SaslMessage | Promise<SaslMessage>;
  /** The response to a challenge. */
  challenge(data: Bytes): SaslMessage | Promise<SaslMessage>;
  /** The server has said ok: throw where it should have proved who it is and has not. @default believes it */
  finish?(additionalData: Bytes | undefined): void | Promise<void>;
}

/** What a client's mechanism is made with. Password and token are not enumerable, so that no printer shows them. */
export interface SaslClientContext {
  /** Where the attempt goes, without user and password. */
  readonly url: string;
  readonly hostname: string;
  /** Whether the transport is encrypted; who sends a secret as it is has to look. */
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
}

/** What a server's mechanism says to a message: goes on with a challenge, lets a user in, or, with false, refuses. */
export type SaslServerStep =
  | { readonly challenge: Uint8Array | string }
  | { readonly user: string | undefined; readonly additionalData?: Uint8Array | string | undefined }
  | false;

/** The server's side of one authentication by a mechanism that is not built in. A throw is the outcome sys-temp. */
export interface SaslServer {
  start(initialResponse: Bytes | undefined): SaslServerStep | Promise<SaslServerStep>;
  /** The client's response to a challenge. */
  response(data: Bytes): SaslServerStep | Promise<SaslServerStep>;
}

/** What a server's mechanism is made with. */
export interface SaslServerContext {
  readonly remoteAddress: string;
  /** Whether the transport is encrypted. */
  readonly secure: boolean;
}

/** The SCRAM mechanisms (RFC 5802, RFC 7677), by which a password is proved and never sent. */
export type ScramMechanism = "SCRAM-SHA-1" | "SCRAM-SHA-256" | "SCRAM-SHA-512";

/** What a listener keeps instead of a password, made by `scramCredentials()`: with it nobody can sign in elsewhere. */
export interface ScramCredentials {
  readonly mechanism: ScramMechanism;
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** How `scramCredentials()` derives. */
export interface ScramOptions {
  /** @default "SCRAM-SHA-256" */
  mechanism?: ScramMechanism | undefined;
  /** Rounds of the derivation, 4096 to 600000: each sign-in costs the client as much. @default 4096 */
  iterations?: number | undefined;
  /** At least 8 octets. @default 16 random octets */
  salt?: Uint8Array | undefined;
}

/** How a token is put to a peer's `$cbs` node (claims-based security), as Azure Service Bus, Event Hubs and IoT Hub want it. */
export interface CbsOptions {
  /** What the token is for, such as sb://name.servicebus.windows.net/queue; with several it is put for each. */
  audience: string | readonly string[];
  /** A shared access signature is "servicebus.windows.net:sastoken". @default "jwt" */
  type?: string | undefined;
}
