/** A delivery that leaves settled is done when it is handed to the transport, unless that is lost before. */

import type { ConnectionIo } from "./link.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import { notSent } from "./send-errors.ts";

/** Settles the promise of a send when its bytes are gone. @param title of the link, for the error */
export function tellWhenGone(io: ConnectionIo, delivery: ClientOutgoing, resolve: (value: ClientOutgoing | Promise<never>) => void, title: string): void {
  const { driver } = io;
  io.afterFlush((lost) => {
    if (lost === undefined || driver === undefined || delivery.writtenAt <= driver.flushed) {
      resolve(delivery);
      return;
    }
    delivery.outcome = { type: "not-sent", cause: lost };
    resolve(Promise.reject(notSent(lost, delivery, title)));
  });
}
