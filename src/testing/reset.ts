/** A TCP reset at once. Node's own `resetAndDestroy` first ends in good order, so that a peer sees a FIN before it, or waits for one that does not read. */

import type { Socket } from "node:net";

/** Breaks a connection off with a reset; what was not taken yet is lost. */
export function resetNow(socket: Socket): void {
  if (socket.destroyed) return;
  // one that is still connecting would first have to connect, and one that is just saying its FIN cannot be reset
  if (socket.connecting || (socket.writableEnded && !socket.writableFinished)) {
    socket.destroy();
    return;
  }
  socket.destroySoon = () => void socket.destroy();
  socket.resetAndDestroy();
}
