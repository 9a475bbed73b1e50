/** Programs that handle errors: compiled, never run. */

import { expectTypeOf } from "expect-type";
import {
  ConfigError, ConnectionError, DecodeError, EncodeError, InDoubtError, LimitError, LinkError, ModifiedError, NotSentError, RedirectError,
  RejectedError, ReleasedError, SaslError, SendError, SessionError, TimeoutError, TlsError,
} from "leptonmq";
import type { AmqpError, ErrorCode } from "leptonmq";

export function members(error: AmqpError): void {
  expectTypeOf(error).toExtend<Error>();
  expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
  expectTypeOf(error.code).toExtend<string>();
  expectTypeOf(error.scope).toEqualTypeOf<"container" | "connection" | "session" | "link" | "delivery">();
  expectTypeOf(error.origin).toEqualTypeOf<"local" | "remote" | "transport">();
  expectTypeOf(error.retryable).toBeBoolean();
  expectTypeOf(error.condition).toEqualTypeOf<string | undefined>();
  expectTypeOf(error.description).toEqualTypeOf<string | undefined>();
  expectTypeOf(error.info).toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>();
}

export function aClosedListOfCodes(error: AmqpError): boolean {
  // @ts-expect-error no such code
  if (error.code === "no-such-code") return true;
  return error.code === "timeout" || error.code === "decode-error" || error.code === "guarantee-not-supported";
}

export function kinds(error: unknown): string {
  if (error instanceof RedirectError) return `${error.host}:${error.port.toFixed()}/${error.address ?? ""}`;
  if (error instanceof ConnectionError) return error.errors.map((one) => one.message).join();
  const classes = [
    SessionError, LinkError, SaslError, TlsError, TimeoutError, ConfigError, DecodeError, EncodeError, LimitError, RejectedError, ReleasedError,
    ModifiedError, InDoubtError, NotSentError,
  ];
  for (const kind of classes) if (error instanceof kind) return error.code;
  return error instanceof SendError ? error.outcome.type : "something else";
}
