/** Which guarantee a link keeps, by the settle modes that both ends attached with (api.md, Guarantees). */

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
