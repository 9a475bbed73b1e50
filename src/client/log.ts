/** What a connection tells the user's logger: one line for each status, without anything secret in it. */

import { printable } from "../frames/printable.ts";
import type { Logger } from "../options/environment.ts";
import type { ConnectionStatus } from "./shapes.ts";

/** Logs a status; a logger that throws is left alone. */
export function logStatus(logger: Logger | undefined, side: "client" | "server", status: ConnectionStatus): void {
  if (logger === undefined) return;
  try {
    write(logger, side, status);
  } catch {
    // A log is no reason to fail.
  }
}

/** Logs that a link goes on after its attachment was lost: how often each row of the table of resumed deliveries applied (§3.4.6). */
export function logResumed(logger: Logger | undefined, name: string, role: "sender" | "receiver", rows: Readonly<Record<number, number>>): void {
  try {
    logger?.debug("link resumed", { name, role, rows });
  } catch {
    // A log is no reason to fail.
  }
}

function write(logger: Logger, side: "client" | "server", status: ConnectionStatus): void {
  switch (status.type) {
    case "connecting":
      logger.debug("connecting", { side, url: status.url, attempt: status.attempt });
      return;
    case "connected":
      logger.info("connected", { side, url: status.url, remoteContainer: printable(status.remoteContainer, 256) });
      return;
    case "disconnected":
      logger.warn("disconnected", { side, code: status.error.code, reason: status.error.message });
      return;
    case "reconnecting":
      logger.info("reconnecting", { side, url: status.url, attempt: status.attempt, delay: status.delay, code: status.error.code, reason: status.error.message });
      return;
    case "recovered":
      logger.info("recovered", { side, url: status.url, outage: status.outage, resent: status.resent, inDoubt: status.inDoubt });
      return;
    case "closed":
      if (status.error === undefined) logger.info("closed", { side });
      else logger.error("closed with an error", { side, code: status.error.code, condition: status.error.condition, reason: status.error.message });
  }
}
