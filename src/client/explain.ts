/** Why a link waits, with numbers, for people. */

import type { ReceiverEndpoint } from "../engine/receiver.ts";
import type { SenderEndpoint } from "../engine/sender.ts";
import type { Receiver, Sender } from "./api.ts";
import type { Explanation } from "./shapes.ts";
import type { ConnectionIo } from "./link.ts";

const LOST = { client: "the connection is lost, and another one is looked for", server: "the connection is lost, and the peer has not come back yet" } as const;

/** Why sends of this sender wait. */
export function explainSender(sender: Sender, endpoint: SenderEndpoint | undefined, io: ConnectionIo): Explanation {
  const { queued, unsettled } = sender;
  const counts = `${queued} waiting, ${unsettled.size} unsettled`;
  if (sender.state.local === "closed") return { waitingFor: "closed", text: `the link is closed; ${counts}` };
  if (lost(sender, io)) return { waitingFor: "reconnect", text: `${LOST[io.profile.side]}; ${counts}` };
  if (endpoint === undefined || !endpoint.isAttached) return { waitingFor: "open", text: `the peer has not attached its end yet; ${counts}` };
  if (io.holding) return { waitingFor: "reconnect", text: `what is new waits for another connection, to which new credentials are given; ${counts}` };
  if (endpoint.partial !== undefined && endpoint.session.largeWindow <= 0) {
    return { waitingFor: "session-window", text: `a message is under way, and the peer's session window is ${endpoint.session.remoteIncomingWindow}; ${counts}` };
  }
  if (endpoint.credit === 0 && endpoint.partial === undefined) return { waitingFor: "credit", text: `the peer gives no credit; ${counts}` };
  if (endpoint.session.remoteIncomingWindow <= 0) {
    return { waitingFor: "session-window", text: `the peer's session window is 0, link credit is ${endpoint.credit}; ${counts}` };
  }
  if (io.driver?.congested === true) {
    return { waitingFor: "socket", text: `the socket holds ${io.driver.duplex.writableLength} octets that the peer has not read; ${counts}` };
  }
  return { waitingFor: "nothing", text: `can send, credit ${endpoint.credit}; ${counts}` };
}

/** Why nothing is received. */
export function explainReceiver(receiver: Receiver, endpoint: ReceiverEndpoint | undefined, io: ConnectionIo): Explanation {
  const counts = `${receiver.queued} queued, ${receiver.unsettled.size} unsettled, credit ${receiver.credit}`;
  if (receiver.state.local === "closed") return { waitingFor: "closed", text: `the link is closed; ${counts}` };
  if (lost(receiver, io)) return { waitingFor: "reconnect", text: `${LOST[io.profile.side]}; ${counts}` };
  if (endpoint === undefined || !endpoint.isAttached) return { waitingFor: "open", text: `the peer has not attached its end yet; ${counts}` };
  if (endpoint.credit === 0 && receiver.queued === 0) {
    return { waitingFor: "credit", text: `no credit is given: nobody takes, or prefetch deliveries are neither settled nor passed; ${counts}` };
  }
  return { waitingFor: "nothing", text: `the peer may send; ${counts}` };
}

/** Whether a link that was open waits for a connection. */
function lost(link: Sender | Receiver, io: ConnectionIo): boolean {
  return !io.opened && io.lostAt !== undefined && link.state.local === "uninit";
}
