/** What the page does: each function is one story, called by tests/interop/browser.test.ts, and answers what it saw. */

import { AmqpError, connect, Container, data, Message, types, Uuid } from "leptonmq";
import type { ConnectOptions, Connection, Transport } from "leptonmq";

/** What an error says of itself; everything that crosses over to the test has to be plain. */
interface Told {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

async function told(act: () => unknown): Promise<Told> {
  try {
    await act();
  } catch (error) {
    if (error instanceof AmqpError) return { name: error.name, code: error.code, message: error.message };
    return { name: "not ours", code: "", message: String(error) };
  }
  return { name: "none", code: "", message: "" };
}

const stories = {
  /** Sends `count` messages, receives them in a loop, and closes. */
  async roundTrip(url: string, count: number) {
    const connection = await connect(url);
    const sender = await connection.createSender("trip");
    await Promise.all(Array.from({ length: count }, (_, n) => sender.send({ id: n, body: { n }, properties: { even: n % 2 === 0 } })));
    const receiver = await connection.createReceiver<{ n: number }>("trip", { prefetch: 50 });
    const seen: unknown[] = [];
    for await (const { message } of receiver.take({ max: count })) seen.push([message.id, message.body.n, message.properties["even"]]);
    const { url: shown, remoteContainer } = connection;
    await connection.close();
    return { seen, shown, remoteContainer: typeof remoteContainer, closed: (await connection.closed) ?? null, state: connection.state };
  },

  /** Values that JavaScript alone cannot say, there and back. */
  async values(url: string) {
    const connection = await connect(url);
    const sender = await connection.createSender("values");
    await sender.send({ id: Uuid.parse("00112233-4455-6677-8899-aabbccddeeff"), body: { long: 2n ** 62n, at: new Date(5), text: "\u00fc\u{1f600}", exact: types.decimal64("0.1"), list: [1, null, true] } });
    const receiver = await connection.createReceiver<Record<string, unknown>>("values");
    const delivery = await receiver.receive({ timeout: 5_000 });
    await delivery.accept();
    const { id, body } = delivery.message;
    await connection.close();
    return [String(id), String(body["long"]), (body["at"] as Date).toISOString(), body["text"], String((body["exact"] as { value: unknown }).value), body["list"]];
  },

  /** One large message of known octets, and what comes back of it. */
  async large(url: string, size: number) {
    const connection = await connect(url);
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = (i * 31) & 0xff;
    await (await connection.createSender("large")).send({ body: data(bytes) });
    const delivery = await (await connection.createReceiver("large")).receive({ timeout: 20_000 });
    await delivery.accept();
    const back = delivery.message.body as Uint8Array;
    let same = back.length === size;
    for (let i = 0; i < size && same; i++) same = back[i] === ((i * 31) & 0xff);
    await connection.close();
    return { size: back.length, same };
  },

  /** More than the socket takes at once, settled at the sender: the loop waits for the socket. */
  async flood(url: string, count: number, size: number) {
    const connection = await connect(url);
    const sender = await connection.createSender("flood", { guarantee: "at-most-once" });
    const body = new Uint8Array(size);
    for (let n = 0; n < count; n++) await sender.send({ id: n, body });
    await connection.close();
    return count;
  },

  /** A question to whoever serves the address, with a reply address that the broker makes. */
  async request(url: string, address: string, count: number) {
    const connection = await connect(url);
    const requester = await connection.createRequester(address);
    const replies = await Promise.all(Array.from({ length: count }, (_, n) => requester.request<string>({ body: `question ${n}` })));
    await requester.close();
    await connection.close();
    return replies.map((reply) => (reply instanceof Message ? reply.body : "no message"));
  },

  /** How a connection attempt ends. */
  attempt(url: string | undefined, options: ConnectOptions = {}) {
    return told(async () => (await connect(url, options)).close());
  },

  /** How a connection ends that the other side cuts off, once it has heard on `ready` that it is open. */
  async lost(url: string, ready: string) {
    const connection = await connect(url, { reconnect: false });
    await (await connection.createSender(ready)).send({ body: "open" });
    const error = await connection.closed;
    return error === undefined ? null : { code: error.code, retryable: error.retryable };
  },

  /** What a browser cannot do says so, at the call where it can. */
  async cannot() {
    const container = new Container();
    let thrown = "";
    try {
      void container.connect("amqp://127.0.0.1:5672");
    } catch (error) {
      thrown = (error as AmqpError).code;
    }
    return {
      thrown,
      amqp: await told(() => connect("amqps://127.0.0.1")),
      noUrl: await told(() => connect()),
      tls: await told(() => connect("wss://127.0.0.1", { tls: { ca: "x" } })),
      sni: await told(() => connect("wss://127.0.0.1", { sni: "x" })),
      headers: await told(() => connect("wss://127.0.0.1", { webSocket: { headers: { a: "b" } } })),
      listen: await told(() => container.listen("amqp://127.0.0.1:0")),
    };
  },

  /** Two containers in one page over streams of its own. */
  async ownTransport() {
    const [up, down] = [new TransformStream<Uint8Array, Uint8Array>(), new TransformStream<Uint8Array, Uint8Array>()];
    const close = (): void => {};
    const here: Transport = { readable: down.readable, writable: up.writable, close };
    const there: Transport = { readable: up.readable, writable: down.writable, close };
    const server = new Container();
    const listener = await server.listen({ transport: there, allowedMechs: "ANONYMOUS" });
    const seen: unknown[] = [];
    const serving = listener.serve(async (request) => {
      if (request.role === "sender") return request.refuse({ condition: "amqp:not-allowed" });
      for await (const { message } of await request.accept()) seen.push(message.body);
    });
    const connection: Connection = await connect({ url: "amqp://page", transport: here });
    await (await connection.createSender("x")).send({ body: "within the page" });
    await connection.close();
    await listener.close();
    await serving;
    await server.close();
    return seen;
  },
};

/** The page's own names. */
export type Stories = typeof stories;

Object.assign(globalThis, { stories });
