/** What the options of one send make of its delivery. */

import { ConfigError } from "../errors.ts";
import type { SenderSettleMode } from "../frames/performatives.ts";
import type { SendOptions } from "./api.ts";
import { isTransaction } from "./enlistment.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import { checkedTag } from "./tags.ts";

/** @param presettles whether the link settles what does not say otherwise. @throws ConfigError config */
export function configure(delivery: ClientOutgoing, options: SendOptions, mode: SenderSettleMode, presettles: boolean): void {
  const { tag, settled, messageFormat, signal, transaction } = options;
  if (tag !== undefined) delivery.tagBytes = checkedTag(tag);
  if (messageFormat !== undefined) {
    if (!Number.isInteger(messageFormat) || messageFormat < 0 || messageFormat > 0xffffffff) {
      throw new ConfigError("send(): option \"messageFormat\" must be a whole number of 32 bits", { code: "config", scope: "delivery" });
    }
    delivery.messageFormat = messageFormat;
  }
  if (settled !== undefined && settled !== presettles && mode !== "mixed") {
    throw new ConfigError(`send(): settled: ${String(settled)} does not fit the link's sndSettleMode "${mode}"; attach it with "mixed"`,
      { code: "config", scope: "delivery" });
  }
  delivery.presettled = settled ?? presettles;
  delivery.signal = signal;
  if (transaction === undefined) return;
  if (!isTransaction(transaction)) {
    throw new ConfigError("send(): option \"transaction\" must be a transaction, as connection.transaction() gives it", { code: "config", scope: "delivery" });
  }
  transaction.enlist(delivery);
}
