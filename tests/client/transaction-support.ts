/** What the tests of transactions share: a scripted peer that has a coordinator. */

import type { Session, Transaction } from "../../src/index.ts";
import { hex } from "../../src/testing/codec/octets.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import type { Script } from "../../src/testing/script.ts";
import { within } from "../protocol/harness.ts";
import type { Stage } from "./support.ts";

/** The capabilities of a coordinator that can do all that we ask for. */
export const ALL = ["amqp:local-transactions", "amqp:multi-txns-per-ssn", "amqp:multi-ssns-per-txn"];

/** The txn-id that the scripted coordinator gives. */
export const ID = hex("0a0b");

/** amqp-value with `declare`, and with `discharge` of the id above, as §4.5.2 and §4.5.3 write them. */
export const DECLARE = "0053770053 3145".replaceAll(" ", "");
export const COMMIT = "0053770053 32c006 02 a002 0a0b 42".replaceAll(" ", "");
export const ROLLBACK = "0053770053 32c006 02 a002 0a0b 41".replaceAll(" ", "");

/** A session with the scripted peer. */
export async function sessionOn({ peer, connection }: Stage): Promise<Session> {
  const opening = connection.session();
  peer.reply(await peer.until("begin"));
  return within(opening, "the session");
}

/** Answers the attach of the next control link, in a session that has begun, and gives credit. Answers the attach. */
export async function attachControl(peer: Script, capabilities: readonly string[] = ALL): Promise<Frame> {
  const attach = await peer.until("attach", { target: { type: "coordinator" } });
  peer.reply(attach, { target: { type: "coordinator", capabilities } });
  peer.send("flow", { handle: peerHandle(attach), deliveryCount: 0, linkCredit: 100 });
  return attach;
}

/** In these scripts both sides attach the links of a session in the same order, so that their handles are the same. */
function peerHandle(attach: Frame): number {
  return Number(attach.fields["handle"]);
}

/** A transaction that the scripted peer has declared with `ID`, in a session of the user's. */
export async function transactionIn(stage: Stage, session: Session, options: { capabilities?: readonly string[]; settleBeforeDischarge?: boolean } = {}): Promise<Transaction> {
  const { capabilities, ...rest } = options;
  const declaring = stage.connection.transaction({ session, ...rest });
  await attachControl(stage.peer, capabilities);
  await declareNext(stage.peer);
  return within(declaring, "the transaction");
}

/** Answers the next declare with the id. */
export async function declareNext(peer: Script, id: Uint8Array = ID): Promise<Frame> {
  const transfer = await nextRequest(peer);
  peer.send("disposition", { role: "receiver", first: transfer.fields["deliveryId"], settled: true, state: { type: "declared", txnId: id } });
  return transfer;
}

/** The next message to the coordinator. */
export function nextRequest(peer: Script): Promise<Frame> {
  return peer.until("transfer", { state: undefined });
}

/** Settles a delivery of ours with a state. */
export function answerWith(peer: Script, transfer: Frame, state: unknown, settled = true): void {
  peer.send("disposition", { role: "receiver", first: transfer.fields["deliveryId"], settled, state });
}

/** The provisional outcome of what is posted in the transaction. */
export function provisional(outcome: unknown, id: Uint8Array = ID): unknown {
  return { type: "transactional-state", txnId: id, outcome };
}

/** Octets as text. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
