/** A service that answers questions, and a client that asks many at once: each reply finds its request. */

import { connect, TimeoutError } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start();

// The service. What the handler gives back goes to where the request wants its answer; the request is accepted once the answer was.
const service = await connect(broker.url);
const responder = await service.createResponder<string>(
  "upper-case",
  async ({ body, subject }) => {
    if (subject === "slow") await new Promise((resolve) => setTimeout(resolve, 200));
    return { body: body.toUpperCase() };
  },
  { concurrency: 10 },
);

// The client. Replies come to a node that the broker makes for this requester.
const client = await connect(broker.url);
const requester = await client.createRequester("upper-case");

const questions = ["good", "morning", "world"];
const replies = await Promise.all(questions.map((body) => requester.request<string>({ body })));
console.log(replies.map(({ body }) => body).join(" "));

try {
  await requester.request({ subject: "slow", body: "too late" }, { timeout: 50 });
} catch (error) {
  console.log(`no answer in time: ${error instanceof TimeoutError}`);
}

await responder.close(); // when its running handlers are done; the late reply is dropped
await requester.close();
await client.close();
await service.close();
await broker.close();
