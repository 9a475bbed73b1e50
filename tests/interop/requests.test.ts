/** Requests and replies through every broker, and with Proton Python and rhea at the other end: as requester and as responder (P09). */
import { describe, expect, test } from "@jest/globals";
import { connect, Container, LinkError, RejectedError } from "../../src/index.ts";
import type { Connection, Requester } from "../../src/index.ts";
import { Broker } from "../../src/broker.ts";
import { fresh, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { startRequester, startResponder } from "./support/programs.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");

const COUNT = 200;
const QUESTIONS = Array.from({ length: COUNT }, (_, n) => `question ${n}`);
const ANSWERS = QUESTIONS.map((question) => question.toUpperCase());

describe.each(["activemq", "artemis", "proton"] as const)("P09 requests at %s, which makes a node for the replies", (name) => {
  test("200 at a time, each with its own reply", async () => {
    await using client = await open(name);
    await using service = await open(name);
    const address = fresh("requests");
    await using _responder = await upperCase(service, address);
    await using requester = await client.createRequester(address);
    expect(await askAll(requester)).toEqual(ANSWERS);
  });

  test("two requesters of one service get their own replies", async () => {
    await using client = await open(name);
    await using service = await open(name);
    const address = fresh("requests");
    await using _responder = await upperCase(service, address);
    await using one = await client.createRequester(address);
    await using other = await client.createRequester(address);
    expect(await Promise.all([askAll(one), askAll(other)])).toEqual([ANSWERS, ANSWERS]);
  });
});

describe.each(["rabbitmq3", "rabbitmq4"] as const)("P09 requests at %s, which makes no nodes", (name) => {
  test("createRequester says so and what to do, and the connection lives", async () => {
    await using client = await open(name);
    const refused = await client.createRequester(name === "rabbitmq3" ? `/queue/${fresh("requests")}` : "/queues/test-1").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LinkError);
    expect(refused).toMatchObject({ origin: "remote", condition: "amqp:not-implemented", message: expect.stringMatching(/option "replyTo" .* paired: true/) });
    expect(client.state).toEqual({ local: "active", remote: "active" });
  });

  test("replies by a queue of the requester's, 200 at a time", async () => {
    await using client = await open(name);
    await using service = await open(name);
    await using queues = await twoQueues(name, client);
    await using _responder = await upperCase(service, queues.questions);
    await using requester = await client.createRequester(queues.questions, { replyTo: queues.answers });
    expect(await askAll(requester)).toEqual(ANSWERS);
  });
});

describe("P09 RabbitMQ 4's /management, which answers on a paired link", () => {
  test("declares, looks up and deletes a queue; a name that is not there is 404", async () => {
    await using client = await open("rabbitmq4");
    await using management = await client.createRequester("/management", { paired: true });
    const to = `/queues/${fresh("managed")}`;
    const put = await management.request<{ name: string }>({ subject: "PUT", to, body: { durable: true, arguments: { "x-queue-type": "quorum" } } });
    expect([put.subject, put.body.name]).toEqual(["201", to.slice("/queues/".length)]);
    const got = await management.request<{ type: string; message_count: bigint | number }>({ subject: "GET", to, body: null });
    expect([got.subject, got.body.type, Number(got.body.message_count)]).toEqual(["200", "quorum", 0]);
    expect((await management.request({ subject: "DELETE", to, body: null })).subject).toBe("200");
    expect((await management.request({ subject: "GET", to, body: null })).subject).toBe("404");
  });

  test("1,000 requests called at once keep within the credit that RabbitMQ insists on", async () => {
    await using client = await open("rabbitmq4");
    await using management = await client.createRequester("/management", { paired: true });
    const replies = await Promise.all(Array.from({ length: 1_000 }, () => management.request({ subject: "GET", to: "/queues/test-1", body: null })));
    expect(new Set(replies.map(({ subject }) => subject))).toEqual(new Set(["200"]));
  });
});

describe("P09 what the peer does not take", () => {
  test("a request that ActiveMQ's relay rejects is told at once", async () => {
    await using client = await open("activemq");
    await using requester = await client.createRequester(null);
    const refused = await requester.request({ to: "temp-queue://no-such-node", body: 1 }, { timeout: 10_000 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RejectedError);
  });
});

describe.each(["proton", "rhea"] as const)("P09 with %s", (kind) => {
  test("it asks, we answer, over the embedded broker", async () => {
    await using embedded = await Broker.start();
    await using service = await connect(embedded.url);
    await using _responder = await upperCase(service, "upper");
    const replies = await startRequester(kind, "upper", embedded, COUNT).result;
    expect(replies.map(({ body }) => body).toSorted()).toEqual(ANSWERS.toSorted());
  });

  test("it answers, we ask, over the embedded broker", async () => {
    await using embedded = await Broker.start();
    const peer = startResponder(kind, "upper", embedded, COUNT);
    await peer.ready;
    await using client = await connect(embedded.url);
    await using requester = await client.createRequester("upper");
    expect(await askAll(requester)).toEqual(ANSWERS);
    expect(await peer.result).toBe(COUNT);
  });

  test("it asks our listener: its dynamic node is a link to it, on which we answer", async () => {
    const errors: string[] = [];
    await using container = new Container({ onError: ({ code }) => errors.push(code) });
    const listener = await container.listen("amqp://127.0.0.1:0");
    let made = 0;
    void listener.serve(async (request) => {
      if (request.role === "sender") return request.accept({ address: `node-${++made}` });
      const receiver = await request.accept<string>();
      return receiver.consume((delivery) => delivery.reply({ subject: "answer", body: delivery.message.body.toUpperCase() }), { concurrency: 10 });
    });
    const replies = await startRequester(kind, "upper", listener, COUNT).result;
    expect(replies.map(({ body }) => body).toSorted()).toEqual(ANSWERS.toSorted());
    expect(replies[0]?.subject).toBe("answer");
    expect(made).toBe(1);
    // Who has all its answers leaves at once: that its last request is accepted may then reach nobody.
    expect(errors.filter((code) => code !== "stale-delivery")).toEqual([]);
  });

  test("it listens and answers, we ask it directly", async () => {
    const peer = startResponder(kind, "upper", undefined, COUNT);
    await using client = await connect(await peer.url);
    const requester = await client.createRequester("upper");
    expect(await askAll(requester)).toEqual(ANSWERS);
    expect(await peer.result).toBe(COUNT);
  });

  test("it asks and another one answers, over ActiveMQ and Artemis as over ours", async () => {
    for (const name of ["activemq", "artemis"] as const) {
      await using service = await open(name);
      const address = fresh("requests");
      await using _responder = await upperCase(service, address);
      const replies = await startRequester(kind, address, { url: broker(name).url }, 20).result;
      expect(replies.map(({ body }) => body).toSorted()).toEqual(ANSWERS.slice(0, 20).toSorted());
    }
  });
});

function open(name: BrokerName): Promise<Connection> {
  return connect(broker(name).url, { containerId: fresh("requests") });
}

function upperCase(connection: Connection, address: string): ReturnType<typeof connection.createResponder<string>> {
  return connection.createResponder<string>(address, ({ body }) => ({ subject: "answer", body: body.toUpperCase() }), { concurrency: 20 });
}

async function askAll(requester: Requester): Promise<string[]> {
  const replies = await Promise.all(QUESTIONS.map((body) => requester.request<string>({ subject: "ask", body }, { timeout: 60_000 })));
  return replies.map(({ body }) => body);
}

/** A queue for questions and one for answers; at RabbitMQ 4 declared over /management, and deleted in the end. */
async function twoQueues(name: "rabbitmq3" | "rabbitmq4", connection: Connection): Promise<{ questions: string; answers: string } & AsyncDisposable> {
  const prefix = name === "rabbitmq3" ? "/queue" : "/queues";
  const [questions, answers] = [`${prefix}/${fresh("questions")}`, `${prefix}/${fresh("answers")}`] as const;
  if (name === "rabbitmq3") return { questions, answers, [Symbol.asyncDispose]: async () => {} };
  const management = await connection.createRequester("/management", { paired: true });
  for (const to of [questions, answers]) await management.request({ subject: "PUT", to, body: { durable: true } });
  return {
    questions, answers,
    [Symbol.asyncDispose]: async () => {
      for (const to of [questions, answers]) await management.request({ subject: "DELETE", to, body: null });
      await management.close();
    },
  };
}
