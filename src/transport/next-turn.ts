/** Runs something in a later turn of the event loop, never in a microtask: those would keep input and output waiting. */

/** Calls the task after the present turn. */
export function nextTurn(task: () => void): void {
  if (typeof setImmediate === "function") {
    setImmediate(task);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    task();
  };
  port2.postMessage(undefined);
}
