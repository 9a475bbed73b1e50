/** Which guarantee a link keeps, by the settle modes that both ends attached with (api.md, Guarantees). */

import { LinkError } from "../errors.ts";
import type { Attach } from "../frames/performatives.ts";
import type { Guarantee } from "../options/link.ts";
import type { ResolvedLink } from "../options/resolve-link.ts";

/** The guarantee that results, or why that is not enough. */
export function judgeModes(options: ResolvedLink, attach: Attach): Guarantee | LinkError {
  if (options.guarantee !== "exactly-once") return options.guarantee;
  const snd = attach.sndSettleMode ?? "mixed";
  const rcv = attach.rcvSettleMode ?? "first";
  if (snd === "unsettled" && rcv === "second") return "exactly-once";
  if (options.guaranteeFallback !== undefined) return options.guaranteeFallback;
  return new LinkError(
    `the peer attached with snd-settle-mode ${snd} and rcv-settle-mode ${rcv}: exactly-once needs unsettled and second`
    + " (guaranteeFallback: \"at-least-once\" would do without)",
    { code: "guarantee-not-supported", scope: "link" },
  );
}
