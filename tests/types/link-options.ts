/** Programs that use Proton's link options: compiled, never run. */

import { expectTypeOf } from "expect-type";
import {
  AtLeastOnce, AtMostOnce, connect, Copy, DurableSubscription, DynamicNodeProperties, ExactlyOnce, Filter, Move, Selector, types,
} from "leptonmq";
import type { LinkOption, ReceiverOptions } from "leptonmq";

export async function links(): Promise<void> {
  const connection = await connect("amqp://localhost");
  await connection.createSender("q", { options: [AtMostOnce()] });
  await connection.createSender({ dynamic: true }, { options: DynamicNodeProperties({ "lifetime-policy": types.described("amqp:delete-on-close:list", []) }) });
  const browsing: ReceiverOptions = { name: "browser", options: [AtLeastOnce(), Copy(), Selector("colour = 'red'", "mine"), Filter({ "my:filter": 5 })] };
  await connection.createReceiver("q", browsing);
  await connection.createReceiver("topic://news", { name: "subscription", options: [DurableSubscription(), ExactlyOnce(), Move()] });
  const option: LinkOption = Selector("x = 1");
  expectTypeOf(option).toExtend<{ readonly kind: string }>();
  const list: readonly LinkOption[] = [Copy()];
  await connection.createReceiver("q", { options: list });
  // @ts-expect-error a name alone is no option
  await connection.createReceiver("q", { options: ["Copy"] });
  // @ts-expect-error it has to be called
  await connection.createReceiver("q", { options: [Copy] });
}
