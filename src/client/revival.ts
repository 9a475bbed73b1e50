/** A link that waited for its peer goes on in the session where that attaches it again (protocol.md B.1). */

import type { LinkSettings } from "../engine/link.ts";
import type { ReceiverEndpoint } from "../engine/receiver.ts";
import { SenderEndpoint } from "../engine/sender.ts";
import type { Attach } from "../frames/performatives.ts";
import type { Source, Target } from "../frames/terminus.ts";
import { guaranteeOf } from "./guarantees.ts";
import type { Claim } from "./keeper.ts";
import type { ClientLink, LinkHost } from "./link.ts";
import type { ClientReceiver } from "./receiver.ts";
import type { ClientSender } from "./sender.ts";

/** Binds it to its new attachment; answers what our attach says: our end as it was, the peer's as that says. */
export function revive(waiting: ClientLink, host: LinkHost, endpoint: SenderEndpoint | ReceiverEndpoint, attach: Attach, claim: Claim<ClientLink>): LinkSettings {
  const last = waiting.attached as LinkSettings;
  const rcv = attach.rcvSettleMode ?? "first";
  const snd = attach.sndSettleMode ?? "mixed";
  let settings: LinkSettings;
  if (endpoint instanceof SenderEndpoint) {
    const link = waiting as ClientSender;
    settings = { ...last, rcvSettleMode: rcv, source: renewed(last.source, attach.source, claim), target: attach.target };
    link.guarantee = guaranteeOf(last.sndSettleMode ?? "mixed", rcv);
    endpoint.sink = link;
    link.endpoint = endpoint;
  } else {
    const link = waiting as unknown as ClientReceiver;
    const { target } = attach;
    settings = { ...last, sndSettleMode: snd, source: attach.source, target: renewed(last.target as Target | null | undefined, target as Target | null | undefined, claim) };
    link.guarantee = guaranteeOf(snd, last.rcvSettleMode ?? "first");
    link.settlesSecond = last.rcvSettleMode === "second";
    endpoint.sink = link;
    link.endpoint = endpoint;
    link.readAsItComes(endpoint);
  }
  waiting.moveTo(host);
  waiting.inherit(host.events);
  const resuming = waiting.resuming({ ...settings, unsettled: undefined, incompleteUnsettled: undefined }, endpoint.session.connection.frameLimit);
  // A peer without a map has nothing that could be compared with ours (protocol.md X.4).
  return attach.unsettled === undefined ? { ...resuming, unsettled: undefined, incompleteUnsettled: undefined } : resuming;
}

/** Our end's terminus, for as long as the peer asks now. */
function renewed<T extends Source | Target>(last: T | null | undefined, asked: T | null | undefined, claim: Claim<ClientLink>): T | null | undefined {
  if (last == null || asked == null) return last;
  const { expiryPolicy, timeout } = asked;
  return claim.granted({ ...last, expiryPolicy, timeout });
}
