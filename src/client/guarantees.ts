/** Which guarantee a link keeps, by the settle modes that both ends attached with (api.md, Guarantees). */

import type { AmqpError } from "../errors.ts";
import { LinkError } from "../errors.ts";
import type { Attach, ReceiverSettleMode, SenderSettleMode } from "../frames/performatives.ts";
import type { Guarantee } from "../options/link.ts";
import type { ResolvedLink } from "../options/resolve-link.ts";

/** The guarantee that results, or why that is not enough. */
export function judgeModes({ guarantee, guaranteeFallback }: ResolvedLink, attach: Attach): Guarantee | LinkError {
  const snd = attach.sndSettleMode ?? "mixed";
  const rcv = attach.rcvSettleMode ?? "first";
  if (keeps(guarantee, snd, rcv)) return guarantee;
  if (guaranteeFallback !== undefined && keeps(guaranteeFallback, snd, rcv)) return guaranteeFallback;
  const needed = guarantee === "exactly-once" ? "unsettled and second" : "unsettled or mixed";
  const weaker = keeps("at-least-once", snd, rcv) ? "at-least-once" : "at-most-once";
  return new LinkError(
    `the peer attached with snd-settle-mode ${snd} and rcv-settle-mode ${rcv}: ${guarantee} needs ${needed}`
    + ` (guaranteeFallback: "${weaker}" would do without)`,
    { code: "guarantee-not-supported", scope: "link" },
  );
}

/** Whether a link asks for what some peers have not implemented (RabbitMQ ends the session over it). */
export function asksForSecond({ guarantee, rcvSettleMode }: ResolvedLink): boolean {
  return guarantee === "exactly-once" && rcvSettleMode === "second";
}

/** The same link asking for less, as its fallback allows; else why it cannot be (protocol.md X.10). */
export function askingLess<Options extends ResolvedLink>(options: Options, title: string, refusal: AmqpError): Options | LinkError {
  const { guarantee, guaranteeFallback } = options;
  if (guaranteeFallback !== undefined && guaranteeFallback !== guarantee) return { ...options, rcvSettleMode: "first" };
  return new LinkError(`${title}: the peer has not implemented rcv-settle-mode second, which ${guarantee} needs (guaranteeFallback: "at-least-once" would do without): ${refusal.message}`,
    { code: "guarantee-not-supported", scope: "link", origin: "remote", condition: refusal.condition, description: refusal.description, info: refusal.info, cause: refusal });
}

/** The guarantee of a link whose peer attached it with these modes. */
export function guaranteeOf(snd: SenderSettleMode, rcv: ReceiverSettleMode): Guarantee {
  if (snd === "settled") return "at-most-once";
  return snd === "unsettled" && rcv === "second" ? "exactly-once" : "at-least-once";
}

/** Whether a guarantee holds with the modes that the peer returned. */
function keeps(guarantee: Guarantee, snd: SenderSettleMode, rcv: ReceiverSettleMode): boolean {
  switch (guarantee) {
    case "exactly-once":
      return snd === "unsettled" && rcv === "second";
    case "at-least-once":
      return snd !== "settled";
    case "at-most-once":
      return true;
  }
}
