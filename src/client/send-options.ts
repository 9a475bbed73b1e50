/** What the options of one send make of its delivery. */

import { ConfigError } from "../errors.ts";
import type { SenderSettleMode } from "../frames/performatives.ts";
import { checkNames, checkWhole } from "../options/check.ts";
import { checkCallOptions } from "../options/resolve.ts";
import type { SendOptions } from "./api.ts";
import { isTransaction } from "./enlistment.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import { checkedTag } from "./tags.ts";

const NAMES: ReadonlySet<string> = new Set(["tag", "settled", "messageFormat", "batchable", "transaction", "signal", "timeout"]);

/**
 * @param mode in which the link is attached: "mixed" leaves each send its choice.
 * @param presettles whether the link settles what does not say otherwise.
 * @throws ConfigError config
 */
export function configure(delivery: ClientOutgoing, options: SendOptions, mode: SenderSettleMode, presettles: boolean, where: string): void {
  checkNames(options, NAMES, where);
  const { tag, settled, messageFormat, batchable, transaction, signal, timeout } = options;
  if (tag !== undefined) delivery.tagBytes = checkedTag(tag);
  if (messageFormat !== undefined) {
    checkWhole(messageFormat, 0, 0xffffffff, where, "option \"messageFormat\"");
    delivery.messageFormat = messageFormat;
  }
  if (batchable !== undefined) delivery.batchable = flag(batchable, "batchable", where);
  if (signal !== undefined || timeout !== undefined) checkCallOptions({ signal, timeout }, where);
  delivery.presettled = settled === undefined ? presettles : flag(settled, "settled", where);
  delivery.signal = signal;
  if (settled !== undefined && mode !== "mixed" && settled !== (mode === "settled")) {
    throw new ConfigError(`${where}: settled: ${String(settled)} does not fit the link's sndSettleMode "${mode}"; attach it with "mixed"`,
      { code: "config", scope: "delivery" });
  }
  if (transaction === undefined) return;
  if (!isTransaction(transaction)) {
    throw new ConfigError(`${where}: option "transaction" must be a transaction, as connection.transaction() gives it`, { code: "config", scope: "delivery" });
  }
  transaction.enlist(delivery);
}

function flag(value: unknown, name: string, where: string): boolean {
  if (typeof value === "boolean") return value;
  throw new ConfigError(`${where}: option "${name}" must be true or false`, { code: "config", scope: "delivery" });
}
