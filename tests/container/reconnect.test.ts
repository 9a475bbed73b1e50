/** R: a connection that is lost comes back by itself, with its links, and each thing under way gets what the table of protocol.md R says. */

import { afterEach, describe, expect, test } from "@jest/globals";
import { Container, InDoubtError, NotSentError, connect } from "../../src/index.ts";
import type { ConnectOptions, Connection, ConnectionStatus } from "../../src/index.ts";
import { Broker } from "../../src/broker.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import type { Script } from "../../src/testing/script.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const QUICK: ConnectOptions = { timeout: 5_000, reconnect: { initialDelay: 1, maxDelay: 5 } };

async function broker(): Promise<Broker> {
  const started = await Broker.start();
  cleanups.push(() => started.close());
  return started;
}

async function dial(url: string, options: ConnectOptions = {}): Promise<Connection> {
  const connection = await connect(url, { ...QUICK, ...options });
  cleanups.push(() => connection.close({ timeout: 1_000 }).catch(() => undefined));
  return connection;
}

async function peer(script: (peer: Script, connection: number) => Promise<void>): Promise<ScriptedPeer> {
  const started = await ScriptedPeer.start(script);
  cleanups.push(() => started.close());
  return started;
}

/** The next status of that type. */
async function until<T extends ConnectionStatus["type"]>(connection: Connection, type: T): Promise<Extract<ConnectionStatus, { type: T }>> {
  for await (const status of connection.status()) if (status.type === type) return status as Extract<ConnectionStatus, { type: T }>;
  throw new Error(`the status ended without ${type}`);
}

describe("reconnecting", () => {
  test("R.1 links, their promises and loops survive the socket", async () => {
    const node = await broker();
    const connection = await dial(node.url);
    const sender = await connection.createSender("q");
    const receiver = await connection.createReceiver<number>("q");
    const got = new Set<number>();
    const taking = (async () => {
      for await (const { message } of receiver) {
        got.add(message.body);
        if (got.size === 20) return;
      }
    })();
    for (let n = 0; n < 20; n++) {
      if (n % 5 === 4) {
        const recovered = until(connection, "recovered");
        node.dropConnections();
        await recovered;
      }
      await sender.send({ body: n });
    }
    await taking;
    expect(got.size).toBe(20);
    expect(sender.recovery).toBe("reattached");
    expect(connection.state).toEqual({ local: "active", remote: "active" });
  });

  test("R: at-least-once: what was sent and not settled goes again under its tag, first and in order, and its promise resolves", async () => {
    const tags: string[][] = [];
    const server = await peer(async (script, connection) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      const seen: string[] = [];
      tags.push(seen);
      for (let n = 0; n < 3; n++) {
        const transfer = await script.until("transfer");
        seen.push(Buffer.from(transfer.fields["deliveryTag"] as Uint8Array).toString());
        if (connection > 0) script.reply(transfer);
      }
      if (connection === 0) script.drop("rst");
      else for (;;) {
        const frame = await script.next();
        if (frame.name === "detach" || frame.name === "end" || frame.name === "close") script.reply(frame);
        if (frame.name === "close") return;
      }
    });
    const connection = await dial(server.url);
    const sender = await connection.createSender("q");
    const sends = ["a", "b", "c"].map((tag) => sender.send({ body: tag }, { tag }));
    const done = await Promise.all(sends);
    expect(done.map(({ outcome }) => outcome?.type)).toEqual(["accepted", "accepted", "accepted"]);
    expect(tags).toEqual([["a", "b", "c"], ["a", "b", "c"]]);
    await connection.close();
    await server.done;
  });

  test("R: onInDoubt \"fail\": what was sent and not settled is in doubt, and is not sent again", async () => {
    const again = new Deferred<string[]>();
    const server = await peer(async (script, connection) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      const transfer = await script.until("transfer");
      if (connection === 0) {
        script.drop("rst");
        return;
      }
      again.resolve([Buffer.from(transfer.fields["deliveryTag"] as Uint8Array).toString()]);
      script.reply(transfer);
      for (;;) {
        const frame = await script.next();
        if (frame.name === "detach" || frame.name === "end" || frame.name === "close") script.reply(frame);
        if (frame.name === "close") return;
      }
    });
    const connection = await dial(server.url);
    const sender = await connection.createSender("q", { onInDoubt: "fail" });
    const first = sender.send({ body: 1 }, { tag: "first" });
    await expect(first).rejects.toBeInstanceOf(InDoubtError);
    await sender.send({ body: 2 }, { tag: "second" });
    expect(await again.promise).toEqual(["second"]);
    await connection.close();
    await server.done;
  });

  test("R: a send while there is no connection waits for the next one; close() ends the looking at once", async () => {
    const node = await broker();
    const connection = await dial(node.url);
    const sender = await connection.createSender("q");
    const reconnecting = until(connection, "reconnecting");
    await node.close();
    const status = await reconnecting;
    expect(status.error.condition).toBe("amqp:connection:forced");
    const waiting = sender.send({ body: "later" });
    const failed = expect(waiting).rejects.toBeInstanceOf(NotSentError);
    await connection.close();
    await failed;
    expect(await connection.closed).toBeUndefined();
  });

  test("R.3 a close that says what no other attempt can change ends it", async () => {
    const server = await peer(async (script) => {
      await script.handshake();
      script.send("close", { error: { condition: "amqp:not-allowed", description: "not you" } });
      await script.until("close");
    });
    const connection = await dial(server.url);
    const error = await connection.closed;
    expect([error?.condition, connection.state.local]).toEqual(["amqp:not-allowed", "closed"]);
    await server.done;
  });

  test("R.3 a close without an error is the peer's last word", async () => {
    const server = await peer(async (script) => {
      await script.handshake();
      script.send("close");
      await script.until("close");
    });
    const connection = await dial(server.url);
    expect(await connection.closed).toBeUndefined();
    await server.done;
  });

  test("R.3 a forced close is a drop", async () => {
    let connections = 0;
    const server = await peer(async (script, connection) => {
      connections = connection + 1;
      await script.handshake();
      if (connection === 0) {
        script.send("close", { error: { condition: "amqp:connection:forced" } });
        await script.until("close");
        return;
      }
      script.reply(await script.until("close"));
    });
    const connection = await dial(server.url);
    await until(connection, "recovered");
    expect(connections).toBe(2);
    await connection.close();
    await server.done;
  });

  test("R.2 maxAttempts: it gives up, and says what went wrong last", async () => {
    const node = await broker();
    const connection = await dial(node.url, { reconnect: { initialDelay: 1, maxDelay: 2, maxAttempts: 3 } });
    await node.close();
    const error = await connection.closed;
    expect(error?.code).toBe("connect-failed");
  });

  test("R: received and not taken is dropped and comes again; taken before the drop cannot be accepted any more", async () => {
    const accepted = new Deferred<number>();
    const server = await peer(async (script, connection) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      await script.until("flow");
      script.send("transfer", {}, encodeMessage({ value: `a${connection}` }));
      script.send("transfer", {}, encodeMessage({ value: `b${connection}` }));
      if (connection === 0) {
        await taken.promise;
        script.drop("rst");
        return;
      }
      const { fields } = await script.until("disposition");
      accepted.resolve(Number(fields["first"]));
      for (;;) {
        const frame = await script.next();
        if (frame.name === "detach" || frame.name === "end" || frame.name === "close") script.reply(frame);
        if (frame.name === "close") return;
      }
    });
    const taken = new Deferred<void>();
    const connection = await dial(server.url);
    const receiver = await connection.createReceiver<string>("q", { prefetch: 10 });
    const first = await receiver.receive();
    const recovered = until(connection, "recovered");
    taken.resolve();
    await recovered;
    await expect(first.accept()).rejects.toMatchObject({ code: "stale-delivery" });
    const next = await receiver.receive();
    expect([first.message.body, next.message.body]).toEqual(["a0", "a1"]);
    await next.accept();
    expect(await accepted.promise).toBe(0);
    await connection.close();
    await server.done;
  });

  test("P09 R.1 a requester asks again under its new reply address; what was asked before the loss is told at once", async () => {
    const node = await broker();
    const service = await dial(node.url);
    const asked = new Deferred<void>();
    const held = new Deferred<void>();
    await service.createResponder<string>("upper", async ({ body }) => {
      if (body === "held") {
        asked.resolve();
        await held.promise;
      }
      return { body: body.toUpperCase() };
    }, { concurrency: 2, onError: () => undefined });
    const connection = await dial(node.url);
    const requester = await connection.createRequester("upper");
    const before = requester.request({ body: "held" });
    const lost = expect(before).rejects.toBeInstanceOf(InDoubtError);
    await asked.promise;
    const recovered = Promise.all([until(connection, "recovered"), until(service, "recovered")]);
    node.dropConnections();
    await Promise.all([lost, recovered]);
    held.resolve();
    const answer = await answered(() => requester.request<string>({ body: "again" }));
    expect(answer.body).toBe("AGAIN");
  });

  test("P01 J10 on_disconnected and on_reconnecting tell of it, and explain() says what is waited for", async () => {
    const node = await broker();
    const told: string[] = [];
    const container = new Container({
      handlers: {
        on_connection_opened: () => { told.push("connection opened"); },
        on_link_opened: () => { told.push("link opened"); },
        on_disconnected: (event) => { told.push(`disconnected: ${String(event.error?.code)}`); },
        on_reconnecting: (event) => { told.push(`reconnecting: ${String(event.error?.code)}`); },
      },
    });
    cleanups.push(() => container.close({ timeout: 1_000 }).catch(() => undefined));
    const connection = await container.connect(node.url, QUICK);
    const sender = await connection.createSender("q");
    const disconnected = until(connection, "disconnected");
    node.dropConnections();
    await disconnected;
    expect(sender.explain().waitingFor).toBe("reconnect");
    await until(connection, "recovered");
    await sender.send({ body: 1 });
    expect(told).toEqual(["connection opened", "link opened", "disconnected: disconnected", "reconnecting: disconnected"]);
    expect(sender.explain().waitingFor).toBe("nothing");
  });
});

/** What the call answers once it no longer says that there is no node for replies. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof NotSentError)) throw error;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}
