/** The door `leptonmq/rxjs`: receivers as Observables, senders as operators. */

export { accepted, fromHandler, messages, sendTo, status } from "./adapters/rxjs.ts";
export type { MessagesOptions, SendToOptions } from "./adapters/rxjs.ts";
