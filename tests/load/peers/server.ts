/**
 * A listener in a process of its own. Links that send to it are read, or not: by its settings and by what it is asked. Links that
 * receive from it get what it is asked to send.
 */

import { Container } from "../../../src/index.ts";
import type { Connection, IncomingDelivery, Receiver, Sender } from "../../../src/index.ts";
import type { PeerProgram } from "../peer-process.ts";

/** How a server is started. */
export interface ServerSettings {
  /** Milliseconds. */
  readonly idleTimeout?: number;
  /** Deliveries ahead of the reader. @default 1000 */
  readonly prefetch?: number;
  /** Whether the first delivery of each link stays unsettled. @default false */
  readonly holdFirst?: boolean;
  /** Whether links that send get no credit before "read" is asked. @default false */
  readonly wait?: boolean;
  /** @default the library's */
  readonly maxHandshakes?: number;
}

export const server: PeerProgram = async (desk, given) => {
  const { idleTimeout, prefetch = 1000, holdFirst = false, wait = false, maxHandshakes } = given as ServerSettings;
  const container = new Container({ onError: () => undefined, connection: { idleTimeout } });
  const listener = await container.listen({ host: "127.0.0.1", port: 0, limits: { maxHandshakes } });
  const held: IncomingDelivery[] = [];
  const senders = new Set<Sender>();
  let received = 0;
  let octets = 0;
  let outOfOrder = 0;
  let lost: number | undefined;
  let release = (): void => undefined;
  const reading = wait ? new Promise<void>((resolve) => (release = resolve)) : undefined;

  const read = async (receiver: Receiver): Promise<void> => {
    let next = 0;
    await reading;
    try {
      for await (const delivery of receiver) {
        const { id, body } = delivery.message;
        if (typeof id === "number" && id !== next++) outOfOrder += 1;
        if (body instanceof Uint8Array) octets += body.length;
        received += 1;
      }
    } catch {
      // The connection is lost, or the link: its other end knows why.
    }
  };
  const hold = async (receiver: Receiver): Promise<void> => {
    // The first stays in hand; the others are taken, settled and counted.
    try {
      held.push(await receiver.receive());
      await receiver.consume((delivery) => {
        received += 1;
        void delivery.accept();
      }, { concurrency: 100 });
    } catch {
      // As above.
    }
  };
  void listener.serve(async (request) => {
    if (request.role === "sender") {
      const sender = await request.accept();
      senders.add(sender);
      void sender.closed.then(() => senders.delete(sender));
      return;
    }
    const receiver = await request.accept({ prefetch });
    await (holdFirst ? hold(receiver) : read(receiver));
  });
  void (async () => {
    for await (const connection of listener) {
      void connection.closed.then(() => (lost = performance.now()));
    }
  })();

  desk.on("counts", () => ({ received, octets, outOfOrder, connections: [...container.connections].length, senders: senders.size }));
  desk.on("read", () => release());
  desk.on("held", () => held.filter(({ settled }) => !settled).length);
  desk.on("cut", () => {
    for (const connection of container.connections) (connection as Connection & WithSocket).driver?.destroy();
  });
  desk.on("lost", async () => {
    while (lost === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    return performance.timeOrigin + lost;
  });
  desk.on("send", async (value) => {
    const { count, size } = value as { count: number; size: number };
    const body = new Uint8Array(size).fill(120);
    const [sender] = senders;
    if (sender === undefined) throw new Error("no link receives");
    const sent: Promise<unknown>[] = [];
    for (let id = 0; id < count; id++) {
      if (size > 1_000_000) await sender.send({ id, body });
      else sent.push(sender.send({ id, body }));
    }
    await Promise.all(sent);
  });
  desk.open({ url: listener.url, port: listener.port });
};

/** Behind its public face a connection has a socket, which only a test takes away from it. */
interface WithSocket {
  readonly driver?: { destroy(): void } | undefined;
}
