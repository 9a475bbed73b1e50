/** Three workers share one queue. A worker that fails gives its message back, and another one gets it. */

import { connect } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start({ queues: { jobs: { maxDeliveries: 3, deadLetter: "jobs.failed" } } });
const connection = await connect(broker.url);

const sender = await connection.createSender("jobs");
const jobs = ["a", "b", "poison", "c", "d", "e"];
await Promise.all(jobs.map((job) => sender.send({ id: job, body: job })));

const done = new Set<string>();
const stop = new AbortController();
async function work(): Promise<void> {
  // One message at a time for each worker: who is slow gets fewer.
  const receiver = await connection.createReceiver<string>("jobs", { prefetch: 1 });
  await receiver.consume(
    async (delivery) => {
      if (delivery.message.body === "poison") throw new Error("cannot do this one");
      done.add(delivery.message.body);
    },
    { signal: stop.signal, onError: (_error, delivery) => delivery.modify({ deliveryFailed: true }) },
  );
}
const workers = [work(), work(), work()];

// The poison message is tried three times and then set aside.
const failed = await connection.createReceiver<string>("jobs.failed");
const delivery = await failed.receive();
console.log(`set aside: ${delivery.message.body}`);
await delivery.accept();

while (broker.depth("jobs") > 0) await new Promise((resolve) => setTimeout(resolve, 5));
stop.abort();
await Promise.all(workers);
console.log(`done: ${[...done].sort().join(" ")}`);

await connection.close();
await broker.close();
