/** Two scripts play against each other; each failure must say what was expected and what came. */

import { afterEach, describe, expect, test } from "@jest/globals";
import { connect as connectSocket } from "node:net";
import { hex, toHex } from "../../src/testing/codec/octets.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import type { ScriptFunction, ScriptedPeerOptions } from "../../src/testing/scripted-peer.ts";

const open: ScriptedPeer[] = [];

afterEach(async () => {
  for (const peer of open.splice(0)) await peer.close();
});

/** Runs both scripts; rejects with the first that fails. */
async function play(server: ScriptFunction, client: ScriptFunction, options: ScriptedPeerOptions = {}): Promise<void> {
  const listening = await ScriptedPeer.start(server, options);
  open.push(listening);
  const connecting = await ScriptedPeer.connect(listening.url, client, options);
  open.push(connecting);
  await Promise.all([listening.done, connecting.done]);
}

/** The message of the failure of the server's script. */
async function failureOf(server: ScriptFunction, client: ScriptFunction, options: ScriptedPeerOptions = {}): Promise<string> {
  const listening = await ScriptedPeer.start(server, options);
  open.push(listening);
  const connecting = await ScriptedPeer.connect(listening.url, client, options);
  open.push(connecting);
  connecting.done.catch(() => {});
  return listening.done.then(() => "no failure", (error: Error) => error.message);
}

describe("handshakes", () => {
  test("with ANONYMOUS, and what each side says in open", async () => {
    await play(
      async (peer) => {
        const theirs = await peer.handshake({ containerId: "server", maxFrameSize: 512 });
        expect(theirs.fields).toEqual({ containerId: "client" });
        expect(peer.frames().map(({ name }) => name)).toEqual(["header", "sasl-init", "header", "open"]);
        peer.reply(await peer.expect("close"));
        expect(await peer.expectEof()).toBe("fin");
      },
      async (peer) => {
        const theirs = await peer.handshake({ containerId: "client" });
        expect(theirs.fields).toEqual({ containerId: "server", maxFrameSize: 512 });
        peer.send("close");
        await peer.expect("close", { error: undefined });
        peer.drop();
      },
    );
  });

  test("with PLAIN", async () => {
    await play(
      async (peer) => {
        peer.reply(await peer.expectHeader("sasl"));
        peer.send("sasl-mechanisms", { saslServerMechanisms: "PLAIN" });
        const init = await peer.expect("sasl-init", { mechanism: "PLAIN" });
        expect(toHex(init.fields["initialResponse"] as Uint8Array)).toBe("007573657200706173732121");
        peer.reply(init);
        peer.reply(await peer.expectHeader("amqp"));
        peer.reply(await peer.expect("open"));
      },
      async (peer) => void (await peer.handshake({}, { sasl: "PLAIN", user: "user", password: "pass!!" })),
    );
  });

  test("without SASL", async () => {
    await play(
      async (peer) => {
        await peer.handshake();
        expect(peer.frames().map(({ name }) => name)).toEqual(["header", "open"]);
      },
      async (peer) => void (await peer.handshake({}, { sasl: false })),
    );
  });

  test("the very bytes of a client, from a plain socket", async () => {
    const peer = await ScriptedPeer.start(async (script) => void (await script.handshake({ containerId: "s" })));
    open.push(peer);
    const socket = connectSocket(Number(new URL(peer.url).port), "127.0.0.1");
    const received: Buffer[] = [];
    socket.on("data", (chunk) => received.push(chunk));
    socket.write(hex("414d515003010000 0000001b02010000005341c00e02a305504c41494ea00400610062 414d515000010000 0000001102000000005310c00401a10163"));
    await peer.done;
    socket.end();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(toHex(Buffer.concat(received))).toBe(
      "414d515003010000" + "0000002202010000005340c01501e01202a309414e4f4e594d4f555305504c41494e" + "0000001002010000005344c0030150 00".replace(" ", "") +
        "414d515000010000" + "0000001102000000005310c00401a10173",
    );
  });
});

describe("a session with a link", () => {
  test("replies mirror what came: channels, handles, roles, termini, ids", async () => {
    await play(
      async (peer) => {
        await peer.handshake();
        const begin = await peer.expect("begin", { remoteChannel: undefined, channel: 3 });
        peer.reply(begin, { channel: 7, nextOutgoingId: 4294967295 });
        const attach = await peer.expect("attach", { role: "receiver", source: { address: "q", dynamic: false } });
        peer.reply(attach, { handle: 9 });
        await peer.expect("flow", { handle: 5, linkCredit: 1, nextIncomingId: 4294967295 });
        peer.send("transfer", { settled: false }, hex("005377a10161"));
        const disposition = await peer.expect("disposition", { role: "receiver", first: 4294967295, state: "accepted", settled: false });
        peer.reply(disposition);
        peer.reply(await peer.expect("detach", { closed: true }));
        peer.reply(await peer.expect("end"));
        peer.reply(await peer.expect("close"));
      },
      async (peer) => {
        await peer.handshake();
        peer.send("begin", { channel: 3, nextOutgoingId: 10 });
        await peer.expect("begin", { remoteChannel: 3, channel: 7 });
        peer.send("attach", { name: "link", handle: 5, role: true, source: { address: "q", filter: { f: { described: ["x:f", "y"] } } }, target: {} });
        const attach = await peer.expect("attach", { name: "link", handle: 9, role: "sender", initialDeliveryCount: 0, source: { address: "q" }, target: {} });
        expect(attach.fields["source"]).toMatchObject({ filter: { f: { described: ["x:f", "y"] } } });
        peer.send("flow", { handle: 5, deliveryCount: 0, linkCredit: 1 });
        const transfer = await peer.expect("transfer", { handle: 9, deliveryId: 4294967295, deliveryTag: hex("ffffffff"), messageFormat: 0 });
        expect(toHex(transfer.payload)).toBe("005377a10161");
        peer.send("disposition", { role: "receiver", first: transfer.fields["deliveryId"], state: "accepted" });
        await peer.expect("disposition", { role: "sender", first: 4294967295, settled: true, state: { type: "accepted" } });
        peer.send("detach", { closed: true });
        await peer.expect("detach", { handle: 9, closed: true });
        peer.send("end");
        await peer.expect("end", { channel: 7 });
        peer.send("close");
        await peer.expect("close");
      },
    );
  });

  test("the ids of transfers and flows are kept on both sides, over the wrap and over several frames", async () => {
    await play(
      async (peer) => {
        await peer.handshake();
        peer.reply(await peer.expect("begin"));
        peer.reply(await peer.expect("attach"));
        await peer.expect("transfer", { deliveryId: 4294967295, more: true });
        await peer.expect("transfer", { deliveryId: undefined, deliveryTag: undefined, more: false });
        await peer.expect("transfer", { deliveryId: 0 });
        peer.send("flow");
      },
      async (peer) => {
        await peer.handshake();
        peer.send("begin", { nextOutgoingId: 4294967295 });
        await peer.expect("begin");
        peer.send("attach", { name: "l", role: "sender", source: {}, target: {} });
        await peer.expect("attach", { role: "receiver", initialDeliveryCount: undefined });
        peer.send("transfer", { more: true }, hex("00"));
        peer.send("transfer", {}, hex("00"));
        peer.send("transfer", {}, hex("00"));
        await peer.expect("flow", { nextIncomingId: 2, incomingWindow: 2048, nextOutgoingId: 0 });
      },
    );
  });
});

describe("bytes against the rules", () => {
  test("raw bytes, raw lists, heads, pieces", async () => {
    await play(
      async (peer) => {
        await peer.expectHeader("amqp");
        expect((await peer.next()).name).toBe("empty");
        await peer.expect("unreadable", { reason: "open.containerId is a int, the standard wants string" });
        await peer.expect("begin", { channel: 258 });
        expect(await peer.expectEof()).toBe("fin");
      },
      async (peer) => {
        await peer.trickle(hex("414d515000010000 0000000802000000"), 3);
        peer.send("open", [1]);
        peer.send("begin", {}, undefined, { channel: 258, extended: hex("00000000") });
        peer.drop("fin");
      },
    );
  });

  test("a reset is told from an orderly end", async () => {
    await play(
      async (peer) => {
        await peer.handshake();
        expect(await peer.expectEof()).toBe("rst");
      },
      async (peer) => {
        await peer.handshake();
        peer.drop("rst");
      },
    );
  });
});

describe("failures", () => {
  test("another frame than expected", async () => {
    const text = await failureOf(
      async (peer) => {
        await peer.handshake();
        await peer.expect("attach", { name: "x" });
      },
      async (peer) => {
        await peer.handshake();
        peer.send("begin", { channel: 1 });
        peer.send("end");
        await peer.untilEof();
      },
    );
    expect(text).toContain('expected attach { name: "x" }');
    expect(text).toContain("seen     begin { nextOutgoingId: 0, incomingWindow: 2048, outgoingWindow: 2048 } on channel 1");
    expect(text).toContain("so far   header, sasl-init, header, open, begin");
  });

  test("fields that differ, each on a line", async () => {
    const text = await failureOf(
      async (peer) => {
        await peer.handshake();
        await peer.expect("attach", { name: "x", role: "sender", source: { address: "q", timeout: 5 }, handle: (handle: unknown) => handle === 4, maxMessageSize: undefined });
      },
      async (peer) => {
        await peer.handshake();
        peer.send("attach", { name: "y", role: "receiver", handle: 3, source: { address: "p" }, maxMessageSize: 1 });
        await peer.untilEof();
      },
    );
    expect(text.split("\n").filter((line) => line.startsWith("  "))).toEqual([
      '  name: expected "x", seen "y"', '  role: expected "sender", seen "receiver"', '  source.address: expected "q", seen "p"',
      "  source.timeout: expected 5, seen undefined", "  handle: the predicate refused 3", "  maxMessageSize: expected none, seen 1",
    ]);
  });

  test("nothing in time", async () => {
    const text = await failureOf(
      async (peer) => {
        await peer.handshake();
        await peer.expect("begin", { handleMax: 4 });
      },
      async (peer) => {
        await peer.handshake();
        peer.send("empty");
        await peer.untilEof();
      },
      { timeout: 100 },
    );
    expect(text).toContain("expected begin { handleMax: 4 }\nseen     nothing within 100 ms");
  });

  test("the end of the connection, in the middle of a frame", async () => {
    const text = await failureOf(
      async (peer) => void (await peer.handshake()),
      async (peer) => {
        peer.sendHeader();
        peer.raw(hex("0000001002"));
        peer.drop();
      },
    );
    expect(text).toContain("expected open\nseen     the end of the connection (fin), in the middle of a frame: <0000001002>");
  });

  test("a frame where the end was expected", async () => {
    const text = await failureOf(
      async (peer) => {
        await peer.handshake();
        await peer.expectEof();
      },
      async (peer) => {
        await peer.handshake();
        peer.send("close");
        await peer.untilEof();
      },
    );
    expect(text).toContain("expected the end of the connection\nseen     close {}");
  });

  test("close() tells a failure that nobody has looked at, and only that", async () => {
    const unseen = await ScriptedPeer.start(async (peer) => void (await peer.expectHeader("sasl")));
    const client = await ScriptedPeer.connect(unseen.url, async (peer) => {
      peer.sendHeader("amqp");
      await peer.untilEof();
    });
    await client.done;
    await expect(unseen.close()).rejects.toThrow("protocol: expected 3, seen 0");
    await client.close();
  });

  test("a script that still waits when the peer is closed", async () => {
    const peer = await ScriptedPeer.start(async (script) => void (await script.handshake()));
    const client = await ScriptedPeer.connect(peer.url, async (script) => void (await script.next()));
    await peer.close();
    await expect(peer.done).rejects.toThrow("the scripted peer was closed");
    await client.close();
  });
});

test("each connection has its number, and done waits for as many as asked", async () => {
  const numbers: number[] = [];
  const peer = await ScriptedPeer.start(async (script, connection) => {
    numbers.push(connection);
    await script.handshake();
  }, { connections: 2 });
  open.push(peer);
  for (let i = 0; i < 2; i++) {
    const client = await ScriptedPeer.connect(peer.url, async (script) => void (await script.handshake()));
    open.push(client);
    await client.done;
  }
  await peer.done;
  expect(numbers).toEqual([0, 1]);
});
