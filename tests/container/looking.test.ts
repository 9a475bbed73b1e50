/** J10: under `run()` the first connect is tried again and again; `close()` ends the looking for a peer at once, in whatever phase it is. */

import { describe, expect, test } from "@jest/globals";
import { connect, ConnectionError, Container, MessagingHandler } from "../../src/index.ts";
import type { AmqpError, Connection, ConnectionStatus, ConnectOptions, Event } from "../../src/index.ts";
import { memoryPair } from "../../src/testing.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { failure, turns, until } from "../client/support.ts";
import { unhandledDuring } from "../handlers/support.ts";
import { afterwards, answerClosing, serve, within } from "../protocol/harness.ts";
import { certificates } from "../transport/certificates.ts";

/** A port on which nobody listens, and where somebody may later. */
async function freePort(): Promise<number> {
  const peer = await ScriptedPeer.start(async () => undefined);
  await peer.close();
  return Number(new URL(peer.url).port);
}

const BACKOFF = { initialDelay: 1, maxDelay: 2 };

describe("J10 run()", () => {
  test.each(["connect() in on_start", "connect() just before run()"])("%s: no peer yet is no error, and the connection is there as soon as there is one", async (when) => {
    const port = await freePort();
    const told: string[] = [];
    const codes: (string | undefined)[] = [];
    const tried = new Deferred<void>();
    const container = new Container({
      onError: () => undefined,
      handlers: {
        on_start(): void {
          if (when.includes("on_start")) void container.connect(`amqp://127.0.0.1:${port}`, { reconnect: BACKOFF });
        },
        on_transport_error: ({ error }: Event): void => {
          codes.push(error?.code);
          if (codes.length === 3) tried.resolve();
        },
        on_reconnecting: () => void told.push("reconnecting"),
        on_disconnected: () => void told.push("disconnected"),
        on_connection_opened: ({ connection }: Event): void => {
          told.push("opened");
          void connection?.close();
        },
      },
    });
    afterwards(() => container.close({ timeout: 500 }));
    if (when.includes("before")) void container.connect(`amqp://127.0.0.1:${port}`, { reconnect: BACKOFF });
    const running = container.run();
    await within(tried.promise, "three attempts");
    const peer = await ScriptedPeer.start(async (script) => {
      await script.handshake();
      await answerClosing(script);
    }, { port });
    afterwards(() => peer.close());
    await within(running, "run()");
    expect(codes[0]).toBe("connect-failed");
    expect(told.at(-1)).toBe("opened");
    expect(told.filter((each) => each !== "reconnecting")).toEqual(["opened"]);
  });

  test("without run(), and with initial: false, the first connect fails as it is", async () => {
    const port = await freePort();
    const alone = new Container({ onError: () => undefined });
    expect(await failure(alone.connect(`amqp://127.0.0.1:${port}`))).toBeInstanceOf(ConnectionError);
    const running = new Container({ onError: () => undefined, handlers: { on_start: () => void running.connect(`amqp://127.0.0.1:${port}`, { reconnect: { initial: false } }) } });
    await expect(within(running.run(), "run()")).rejects.toMatchObject({ code: "connect-failed" });
  });

  test("what no other attempt can change ends it, and run() rejects with it", async () => {
    const listening = new Container({ onError: () => undefined });
    const listener = await listening.listen({ port: 0, authenticate: () => false });
    afterwards(() => listening.close({ timeout: 0 }));
    const container = new Container({ onError: () => undefined, handlers: { on_start: () => void container.connect(listener.url, { user: "u", password: "p", reconnect: BACKOFF }) } });
    await expect(within(container.run(), "run()")).rejects.toMatchObject({ code: "auth-failed" });
    expect(container.connections.size).toBe(0);
  });

  test("stop() ends the looking, without an error and without a rejection that nobody hears", async () => {
    const port = await freePort();
    const reasons = await unhandledDuring(async () => {
      const tried = new Deferred<void>();
      class Program extends MessagingHandler {
        override on_start({ container }: Event): void {
          void container.connect(`amqp://127.0.0.1:${port}`, { reconnect: BACKOFF });
        }
        override on_reconnecting(): void {
          tried.resolve();
        }
      }
      const container = new Container({ onError: () => undefined, handlers: new Program() });
      const running = container.run();
      await within(tried.promise, "an attempt");
      container.stop();
      await within(running, "run()");
      expect(container.connections.size).toBe(0);
    });
    expect(reasons).toEqual([]);
  });
});

describe("J10 close() while a peer is looked for", () => {
  /** A connection that was lost, whose next attempt goes through `phase`, which answers how it was reached. */
  interface Phase {
    options(): ConnectOptions;
    /** Resolves when the second attempt is there. */
    reached: Promise<unknown>;
    /** What the peer does on its second connection. @default nothing: it listens, and says no word */
    second?: (script: ScriptOf) => Promise<void>;
  }
  type ScriptOf = Parameters<Parameters<typeof serve>[0]>[0];

  const PHASES: Record<string, () => Phase> = {
    "in the wait between two rounds": () => ({ options: () => ({ reconnect: { initialDelay: 60_000, maxDelay: 60_000, jitter: false } }), reached: Promise.resolve() }),
    "in the credentials function": () => {
      const asked = new Deferred<void>();
      const signals: AbortSignal[] = [];
      return {
        options: () => ({
          reconnect: BACKOFF,
          credentials: ({ signal }) => {
            signals.push(signal);
            if (signals.length === 1) return { user: "u", password: "p" };
            asked.resolve();
            return new Promise(() => undefined);
          },
        }),
        reached: asked.promise,
      };
    },
    "in SASL": () => {
      const there = new Deferred<void>();
      return { options: () => ({ reconnect: BACKOFF }), reached: there.promise, second: async (script) => { await script.expectHeader("sasl"); there.resolve(); await script.expectEof(); } };
    },
    "in the open": () => {
      const there = new Deferred<void>();
      return {
        options: () => ({ reconnect: BACKOFF, saslEnabled: false }), reached: there.promise,
        second: async (script) => { await script.expectHeader("amqp"); script.sendHeader("amqp"); await script.expect("open"); there.resolve(); await script.untilEof(); },
      };
    },
  };

  test.each(Object.entries(PHASES))("%s: at once, whatever waits is told, and nothing is tried any more", async (_what, make) => {
    const phase = make();
    let connections = 0;
    const peer = await serve(async (script, index) => {
      connections = index + 1;
      if (index === 0) {
        await script.handshake();
        script.reply(await script.until("begin"));
        script.reply(await script.until("attach"));
        script.drop("rst");
        return;
      }
      await (phase.second?.(script) ?? script.untilEof());
    }, { timeout: 20_000 });
    const connection = await connect(peer.url, { timeout: 4_500, ...phase.options() });
    const sender = await connection.createSender("q");
    await nextStatus(connection, "reconnecting");
    await within(phase.reached, "the phase");
    const waiting = failure(sender.send({ body: 1 }));
    const closed = performance.now();
    await within(connection.close(), "close()");
    expect(performance.now() - closed).toBeLessThan(1_000);
    expect(await waiting).toMatchObject({ code: "not-sent" });
    expect(await connection.closed).toBeUndefined();
    const tried = connections;
    await turns();
    expect(connections).toBe(tried);
  });

  test("before the first open, in the TLS handshake: the connect rejects, and the socket goes", async () => {
    const gone = new Deferred<void>();
    const there = new Deferred<void>();
    const peer = await serve(async (script) => {
      there.resolve();
      await script.untilEof().catch(() => []);
      gone.resolve();
    });
    const opening = connect(peer.url.replace("amqp:", "amqps:"), { tls: { ca: certificates().ca }, reconnect: { initial: true }, timeout: 4_500 });
    const refused = failure(opening);
    await within(there.promise, "the socket");
    await within(opening.endpoint.close(), "close()");
    expect(await refused).toMatchObject({ code: "connection-closed" });
    await within(gone.promise, "the end of the socket");
  });

  test("while a transport of the program's own is made: it is closed when it comes", async () => {
    const [ours, theirs] = memoryPair();
    const given = new Deferred<typeof ours>();
    const opening = connect("amqp://anywhere", { transport: () => given.promise, reconnect: { initial: true }, timeout: 4_500 });
    const refused = failure(opening);
    await turns(2);
    await within(opening.endpoint.close(), "close()");
    expect(await refused).toMatchObject({ code: "connection-closed" });
    given.resolve(ours);
    const { done } = await within(theirs.readable.getReader().read(), "the end of the transport").catch(() => ({ done: true }));
    expect(done).toBe(true);
  });

  test("the caller's signal does the same, and is the reason", async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const errors: AmqpError[] = [];
    const container = new Container({ clock, onError: (error) => errors.push(error) });
    const opening = container.connect(`amqp://127.0.0.1:${await freePort()}`, { reconnect: { initial: true, initialDelay: 60_000, maxDelay: 60_000, jitter: false }, signal: stop.signal });
    const refused = failure(opening);
    await nextStatus(opening.endpoint, "reconnecting");
    stop.abort(new Error("enough"));
    expect((await refused).message).toBe("enough");
    expect(await opening.endpoint.closed).toMatchObject({ code: "connect-failed", cause: { message: "enough" } });
    await until(() => container.connections.size === 0);
    await container.close();
    expect(errors).toEqual([]);
  });
});

async function nextStatus(connection: Connection, type: ConnectionStatus["type"]): Promise<void> {
  for await (const each of connection.status()) if (each.type === type) return;
}
