/**
 * What a SASL mechanism is to the negotiations: a pure step function on each side. A step that needs the world (time for
 * a key derivation, randomness, a token, a look into the user database) says so, and goes on when the driver has
 * fulfilled it.
 */

import type { Bytes } from "../util/bytes.ts";

/** What a step may need from the driver. Properties that hold secrets are not enumerable. */
export type Need =
  /** Answered by so many random octets. */
  | { readonly type: "need"; readonly need: "random"; readonly octets: number }
  /** Answered by the digest, in Bytes. */
  | { readonly type: "need"; readonly need: "hash"; readonly hash: Hash; readonly data: Bytes }
  /** Answered by the code, in Bytes. */
  | { readonly type: "need"; readonly need: "hmac"; readonly hash: Hash; readonly key: Bytes; readonly data: Bytes }
  /** Answered by the derived key, in Bytes; never computed on the event loop's thread. */
  | {
    readonly type: "need"; readonly need: "pbkdf2"; readonly hash: Hash; readonly password: string; readonly salt: Bytes;
    readonly iterations: number; readonly octets: number;
  }
  /** Answered by the token's text. */
  | { readonly type: "need"; readonly need: "token" }
  /** Answered by whether the user may come in; only a server's mechanism needs it. */
  | {
    readonly type: "need"; readonly need: "authenticate"; readonly mechanism: string; readonly user: string;
    readonly password: string;
  }
  /** Answered by who the token's bearer is, true for the user it names itself as, or false; only a server's mechanism needs it. */
  | {
    readonly type: "need"; readonly need: "authenticate-token"; readonly mechanism: string; readonly user: string | undefined;
    readonly token: string;
  }
  /** Answered by who the client's certificate is for, or false; only a server's mechanism needs it. */
  | { readonly type: "need"; readonly need: "authenticate-certificate" }
  /** Answered by a `ScramRecord`, for a user that there is not as well; only a server's mechanism needs it. */
  | { readonly type: "need"; readonly need: "scram-record"; readonly mechanism: string; readonly hash: Hash; readonly user: string }
  /** Answered by what the function answers, as `{ called }`: for mechanisms that are not of this library. */
  | { readonly type: "need"; readonly need: "call"; readonly call: () => unknown };

/** Hash functions by their WebCrypto names. */
export type Hash = "SHA-1" | "SHA-256" | "SHA-512";

/** What a server knows of a user's password for SCRAM. */
export interface ScramRecord {
  /** Whether there is such a user; if not, the rest looks as if there were. */
  readonly known: boolean;
  readonly salt: Bytes;
  readonly iterations: number;
  /** The password itself, or what was derived from it. Not enumerable in the record. */
  readonly secret: { readonly password: string } | { readonly storedKey: Bytes; readonly serverKey: Bytes };
}

/** What a driver answers a `Need` with. */
export type Answer = Bytes | string | boolean | ScramRecord | { readonly called: unknown };

/** The mechanism gives up. `reason` is for the local side alone and holds nothing of the credentials. */
export interface Failure {
  readonly type: "fail";
  readonly reason: string;
}

/** What a client's mechanism does next: sends a response, has nothing to send, needs something, or gives up. */
export type ClientStep =
  | { readonly type: "send"; readonly bytes: Bytes }
  | { readonly type: "done" }
  | Need
  | Failure;

/** What a client's mechanism makes of the server's ok. */
export type Finish = { readonly type: "done" } | Need | Failure;

/** One side of one authentication: not used again. */
export interface ClientMechanism {
  readonly name: string;
  /** The initial response; `done` is none. */
  start(): ClientStep;
  /** The response to a challenge. */
  challenge(data: Bytes): ClientStep;
  /** Goes on after a `need`; there if a step can be one. After a need of `finish` the step is a `Finish`. */
  answer?(answer: Answer): ClientStep;
  /** The server has said ok: `fail` if it has not proved what it must prove. */
  finish(additionalData: Bytes | undefined): Finish;
  /** Why the server refuses, where it has said so before its outcome; fit for an error text. */
  readonly refusal?: string | undefined;
}

/** What a server's mechanism does next: sends a challenge, knows the user, needs something, or refuses. */
export type ServerStep =
  | { readonly type: "send"; readonly bytes: Bytes }
  | { readonly type: "done"; readonly user: string | undefined; readonly additionalData?: Bytes | undefined }
  | Need
  | Failure;

/** One side of one authentication: not used again. */
export interface ServerMechanism {
  readonly name: string;
  start(initialResponse: Bytes | undefined): ServerStep;
  /** The client's response to a challenge. */
  response(data: Bytes): ServerStep;
  /** Goes on after a `need`; there if a step can be one. */
  answer?(answer: Answer): ServerStep;
}
