/** Reads from a queue, works on ten messages at a time, sends the results on, and accepts each one once its result is safe. */

import { connect } from "leptonmq";
import { Broker } from "leptonmq/broker";
import { accepted, messages } from "leptonmq/rxjs";
import { lastValueFrom, map, mergeMap, take, tap } from "rxjs";

const broker = await Broker.start();
const connection = await connect(broker.url);

for (let n = 1; n <= 100; n++) broker.put("numbers", { body: n });

const numbers = await connection.createReceiver<number>("numbers", { prefetch: 20 });
const squares = await connection.createSender<number>("squares");

// Never more than 20 messages are unsettled, however slow the work: credit follows what `accepted` settles.
const count = await lastValueFrom(
  messages(numbers).pipe(
    mergeMap(async (delivery) => {
      await squares.send({ body: delivery.message.body ** 2 });
      return delivery;
    }, 10),
    accepted(),
    map((_delivery, index) => index + 1),
    tap((n) => n % 25 === 0 && console.log(`${n} squared`)),
    take(100),
  ),
);

await connection.close();
console.log(`${count} done, ${broker.depth("numbers")} left, ${broker.depth("squares")} squares`);
await broker.close();
