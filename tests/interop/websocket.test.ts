/** AMQP over WebSocket with peers that are none of ours: ActiveMQ's ws and wss connectors, and rhea on either side. */
import { describe, expect, test } from "@jest/globals";
import { connect, Container, data } from "../../src/index.ts";
import type { Connection } from "../../src/index.ts";
import { fresh, pem, queueOn, useBrokers } from "./support/brokers.ts";
import { expectArrived } from "./support/compare.ts";
import type { Party } from "./support/exclusions.ts";
import { typedAndSized } from "./support/messages.ts";
import { receiveEach, receiveFromPeer, sendEach, sendToPeer } from "./support/ours.ts";
import { startReceiver, startSender } from "./support/programs.ts";

const broker = useBrokers("activemq");
const RHEA = "rhea over WebSocket";

/** ActiveMQ's url for a scheme. An instance that was started without these connectors has none: stop it and start it again. */
function urlOf(scheme: "ws" | "wss"): string {
  const url = scheme === "ws" ? broker("activemq").wsUrl : broker("activemq").wssUrl;
  if (url === undefined) throw new Error("this ActiveMQ was started without WebSocket: node tests/interop/brokers.mjs stop activemq, and start it again");
  return url;
}

function dial(scheme: "ws" | "wss"): Promise<Connection> {
  return connect(urlOf(scheme), { ...(scheme === "wss" ? { tls: { ca: pem(broker("activemq").ca) } } : {}), typed: true, reconnect: false });
}

// These connectors change messages on their way (ActiveMQ's default transformer), which is why only bodies and ids are looked at.
describe.each(["ws", "wss"] as const)("J01 ActiveMQ over %s", (scheme) => {
  test("J01 sizes from 0 to 8 MiB, a thousand messages, each settled, and an orderly close", async () => {
    const connection = await dial(scheme);
    expect(connection.url).toBe(urlOf(scheme).replace("guest:guest@", "").replace(/\/$/, ""));
    const address = queueOn("activemq", 0);
    const sizes = [0, 1, 60_000, 131_072, 300_000, 8 * 1024 * 1024];
    const sender = await connection.createSender(address);
    for (const [id, size] of sizes.entries()) await sender.send({ id: `size-${id}`, body: data(new Uint8Array(size).fill(id + 1)) });
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => sender.send({ id: `n-${n}`, body: `message ${n}` })));
    const receiver = await connection.createReceiver(address, { prefetch: 50 });
    const seen: unknown[] = [];
    for await (const { message } of receiver.take({ max: sizes.length + 1_000 })) {
      seen.push(message.body instanceof Uint8Array ? [message.id, message.body.length, message.body.every((octet) => octet === seen.length + 1)] : [message.id, message.body]);
    }
    expect(seen.slice(0, sizes.length)).toEqual(sizes.map((size, id) => [`size-${id}`, size, true]));
    expect(seen.slice(sizes.length)).toEqual(Array.from({ length: 1_000 }, (_, n) => [`n-${n}`, `message ${n}`]));
    await connection.close();
    expect(await connection.closed).toBeUndefined();
  });

  test("J01 a wrong password, and a certificate of an unknown authority", async () => {
    const place = urlOf(scheme).replace("guest:guest@", "");
    const tls = scheme === "wss" ? { tls: { ca: pem(broker("activemq").ca) } } : {};
    const error: unknown = await connect(place, { ...tls, user: "guest", password: "s4711", reconnect: false }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "auth-failed" });
    expect(String((error as Error).stack)).not.toContain("4711");
    if (scheme === "wss") {
      await expect(connect(place, { tls: { ca: pem(broker("activemq").otherCa) }, reconnect: false })).rejects.toMatchObject({ code: "tls-failed" });
    }
  });
});

test("J01 B92 ActiveMQ does not know another subprotocol; its plain listener speaks no WebSocket", async () => {
  await expect(connect(urlOf("ws"), { webSocket: { protocols: ["nonsense"] }, reconnect: false })).rejects.toMatchObject({ errors: [{ code: expect.stringMatching(/^(not-amqp|connect-failed)$/) }] });
  await expect(connect(broker("activemq").url.replace("amqp:", "ws:"), { reconnect: false, timeout: 20_000 })).rejects.toMatchObject({ errors: [{ code: "connect-failed" }] });
});

describe("J01 rhea over WebSocket", () => {
  test("J01 it listens, we send 1,000 messages of every type, and every size", async () => {
    const receiving: readonly Party[] = ["rhea-receives"];
    const sent = typedAndSized(fresh("ours"), receiving);
    const peer = startReceiver(RHEA, "direct", undefined, sent.length);
    await using connection = await connect(await peer.url, { reconnect: false });
    await sendEach(await connection.createSender("direct"), sent);
    expectArrived(sent, await peer.result, receiving);
  });

  test("J01 it listens, we receive 1,000 messages of every type, and every size", async () => {
    const sending: readonly Party[] = ["rhea-sends"];
    const sent = typedAndSized(fresh("rhea"), sending);
    const peer = startSender(RHEA, "direct", undefined, sent);
    await using connection = await connect(await peer.url, { typed: true, reconnect: false });
    expectArrived(sent, await receiveEach(await connection.createReceiver("direct"), sent.length), sending);
    expect((await peer.result).map((one) => one.outcome)).toEqual(sent.map(() => "accepted"));
  });

  test("J01 we listen, it sends 1,000 messages of every type, and every size", async () => {
    const sending: readonly Party[] = ["rhea-sends"];
    await using container = new Container();
    const listener = await container.listen({ port: 0, webSocket: true });
    const sent = typedAndSized(fresh("rhea"), sending);
    const peer = startSender(RHEA, "direct", listener, sent);
    expectArrived(sent, await receiveFromPeer(listener, sent.length), sending);
    expect((await peer.result).map((one) => one.outcome)).toEqual(sent.map(() => "accepted"));
  });

  test("J01 we listen, it receives 1,000 messages of every type, and every size", async () => {
    const receiving: readonly Party[] = ["rhea-receives"];
    await using container = new Container();
    const listener = await container.listen("ws://127.0.0.1:0");
    const sent = typedAndSized(fresh("ours"), receiving);
    const peer = startReceiver(RHEA, "direct", listener, sent.length);
    await sendToPeer(listener, sent);
    expectArrived(sent, await peer.result, receiving);
  });
});
