/** Programs that use the other doors: compiled, never run. */

import { expectTypeOf } from "expect-type";
import { connect } from "leptonmq";
import type { Connection, ConnectionStatus, IncomingDelivery, Message, OutgoingDelivery, Receiver, Sender } from "leptonmq";
import { Broker } from "leptonmq/broker";
import type { BrokerOptions } from "leptonmq/broker";
import { accepted, messages, sendTo, status } from "leptonmq/rxjs";
import { ManualClock, memoryPair, ScriptedPeer } from "leptonmq/testing";
import type { Frame, FrameName } from "leptonmq/testing";
import { bufferCount, map } from "rxjs";
import type { Observable } from "rxjs";

interface Order {
  id: number;
}

export function pipelines(receiver: Receiver<Order>, sender: Sender<string>, connection: Connection): void {
  expectTypeOf(messages(receiver)).toEqualTypeOf<Observable<IncomingDelivery<Order>>>();
  messages(receiver, { settle: "auto" }).pipe(
    map((delivery) => ({ body: String(delivery.message.body.id) })),
    sendTo(sender, { concurrency: 10, onError: "pass" }),
  ).subscribe((delivery) => expectTypeOf(delivery).toEqualTypeOf<OutgoingDelivery>());
  messages(receiver).pipe(accepted()).subscribe((delivery) => expectTypeOf(delivery).toEqualTypeOf<IncomingDelivery<Order>>());
  messages(receiver).pipe(bufferCount(10), accepted()).subscribe((batch) => expectTypeOf(batch).toEqualTypeOf<IncomingDelivery<Order>[]>());
  expectTypeOf(status(connection)).toEqualTypeOf<Observable<ConnectionStatus>>();
}

export async function embedded(): Promise<void> {
  const options: BrokerOptions = {
    port: 0, host: "127.0.0.1", users: { me: "secret" }, tls: { cert: "pem", key: "pem" },
    queues: { orders: { deadLetter: "dead", maxLength: 10, maxDeliveries: 3 } },
  };
  await using broker = await Broker.start(options);
  const connection = await connect(broker.url);
  broker.put("orders", { body: "x" });
  expectTypeOf(broker.depth("orders")).toBeNumber();
  expectTypeOf(broker.peek("orders")).toEqualTypeOf<Message[]>();
  broker.dropConnections();
  await connection.close();
  await broker.close();
}

export async function scripted(): Promise<void> {
  await using peer = await ScriptedPeer.start(async (script, connection) => {
    expectTypeOf(connection).toBeNumber();
    const begin = await script.handshake({ maxFrameSize: 512 });
    script.reply(begin);
    const frame = await script.expect("attach", { name: "x" });
    expectTypeOf(frame).toEqualTypeOf<Frame>();
    expectTypeOf(frame.name).toEqualTypeOf<FrameName>();
    expectTypeOf(frame.payload).toExtend<Uint8Array>();
    script.reply(frame, { initialDeliveryCount: 0 });
    script.send("transfer", { handle: 0 }, new Uint8Array(3));
    script.raw(new Uint8Array(8));
    script.drop("rst");
  });
  await connect(peer.url);
  await peer.done;
}

export async function clocks(): Promise<void> {
  const clock = new ManualClock(1_000);
  const timer = clock.setTimer(50, () => undefined);
  await clock.advance(50);
  timer.cancel();
  expectTypeOf(clock.now()).toBeNumber();
  const [client, server] = memoryPair();
  await connect({ transport: client });
  server.close();
}
