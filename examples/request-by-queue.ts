/** Asks a question through a queue and gets the answer on a queue that exists for this client only. */

import { connect } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start();

// The service: answers each request to the address that it names.
const service = await connect(broker.url);
const requests = await service.createReceiver<string>("upper-case");
const answers = await service.createSender(null); // anonymous relay: each message says where it goes
const serving = requests.consume(async ({ message }) => {
  await answers.send({ to: message.replyTo, correlationId: message.id, body: message.body.toUpperCase() });
});

// The client: a dynamic source is a fresh queue with an address that nobody can guess.
const client = await connect(broker.url);
const replies = await client.createReceiver<string>(undefined, { dynamic: true });
const questions = await client.createSender("upper-case");

const waiting = new Map<unknown, string>();
for (const question of ["good", "morning"]) {
  waiting.set(`question-${question}`, question);
  await questions.send({ id: `question-${question}`, replyTo: replies.remoteSource.address, body: question });
}
for await (const { message } of replies.take({ max: waiting.size })) {
  console.log(`${waiting.get(message.correlationId)} -> ${message.body}`);
}

await requests.stop(); // consume() ends when its running handlers have
await serving;
await client.close();
await service.close();
await broker.close();
