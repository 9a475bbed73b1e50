/** The door `leptonmq/broker`: a small broker in the same process. */

export { Broker } from "./broker/broker.ts";
export type { BrokerOptions, QueueOptions, TransactionLimits } from "./broker/options.ts";
