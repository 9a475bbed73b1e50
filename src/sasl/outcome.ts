/** SASL outcome codes (§5.3.3.6) and the errors that they become on the client. */

import { SaslError } from "../errors.ts";

/** sasl-code. */
export const SaslCode = { ok: 0, auth: 1, sys: 2, sysPerm: 3, sysTemp: 4 } as const;
export type SaslCode = (typeof SaslCode)[keyof typeof SaslCode];

/** What an outcome other than ok means: only sys and sys-temp may pass by themselves. @param refusal what the peer said of it before. */
export function outcomeError(code: number, mechanism: string, refusal?: string): SaslError {
  switch (code) {
    case SaslCode.auth:
      return new SaslError(`the peer refused the credentials (${mechanism}${refusal === undefined ? "" : `, ${refusal}`}): check user, password or token`, {
        code: "auth-failed", scope: "connection", origin: "remote",
      });
    case SaslCode.sys: return failed("an error in its system", mechanism, true);
    case SaslCode.sysPerm: return failed("an error in its system that only its operator can mend", mechanism, false);
    case SaslCode.sysTemp: return failed("a passing error in its system", mechanism, true);
    default: return breach(`the peer ended authentication with the outcome ${code}, which the standard does not define`);
  }
}

/** The peer broke the rules of the negotiation: the socket is dropped. */
export function breach(message: string, cause?: unknown): SaslError {
  return new SaslError(message, { code: "sasl-failed", scope: "connection", origin: "remote", cause });
}

function failed(why: string, mechanism: string, retryable: boolean): SaslError {
  return new SaslError(`the peer could not authenticate (${mechanism}) for ${why}`, {
    code: "sasl-failed", scope: "connection", origin: "remote", retryable,
  });
}
