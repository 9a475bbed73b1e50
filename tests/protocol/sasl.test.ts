/** A: SASL from the client's side, and what a listener lets in. */

import { describe, expect, test } from "@jest/globals";
import { AmqpError, ConnectionError, Container, connect } from "../../src/index.ts";
import type { ConnectOptions } from "../../src/index.ts";
import { toHex, utf8 } from "../../src/testing/codec/octets.ts";
import type { Script } from "../../src/testing/script.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { ONCE, afterwards, answerClosing, dial, serve } from "./harness.ts";

async function finish(peer: Script): Promise<void> {
  peer.send("sasl-outcome", { code: 0 });
  peer.reply(await peer.expectHeader("amqp"));
  peer.reply(await peer.expect("open"));
  await answerClosing(peer);
}

async function offer(peer: Script, mechanisms: readonly string[]): Promise<void> {
  peer.reply(await peer.expectHeader("sasl"));
  peer.send("sasl-mechanisms", { saslServerMechanisms: mechanisms });
}

/** The error of a connection that cannot be made, and the first cause of it. */
async function failure(url: string, options: ConnectOptions): Promise<AmqpError> {
  const error: unknown = await connect(url, { ...ONCE, ...options }).then(() => undefined, (reason: unknown) => reason);
  if (!(error instanceof AmqpError)) throw new Error(`no error of ours: ${String(error)}`);
  return error instanceof ConnectionError ? (error.errors[0] ?? error) : error;
}

describe("SASL, client", () => {
  test("A ANONYMOUS without credentials, in frames of type 1 within 512 octets", async () => {
    const peer = await serve(async (script) => {
      await offer(script, ["PLAIN", "ANONYMOUS", "EXTERNAL"]);
      const init = await script.expect("sasl-init", { mechanism: "ANONYMOUS" });
      expect([init.bytes[5], init.channel]).toEqual([1, 0]);
      expect(init.bytes.length).toBeLessThanOrEqual(512);
      await finish(script);
    });
    await (await dial(peer)).close();
    await peer.done;
  });

  test("A PLAIN with user and password", async () => {
    const peer = await serve(async (script) => {
      await offer(script, ["ANONYMOUS", "PLAIN"]);
      const init = await script.expect("sasl-init", { mechanism: "PLAIN" });
      expect(toHex(init.fields["initialResponse"] as Uint8Array)).toBe(toHex(utf8("\0jürgen\0p@ss:1")));
      await finish(script);
    });
    await (await dial(peer, { user: "jürgen", password: "p@ss:1" })).close();
    await peer.done;
  });

  test("A PLAIN with what the url says", async () => {
    const peer = await serve(async (script) => {
      await offer(script, ["PLAIN"]);
      const init = await script.expect("sasl-init", { mechanism: "PLAIN" });
      expect(toHex(init.fields["initialResponse"] as Uint8Array)).toBe(toHex(utf8("\0u@x\0p/:")));
      await finish(script);
    });
    const connection = await connect(peer.url.replace("amqp://", "amqp://u%40x:p%2F%3A@"), ONCE);
    await connection.close();
    await peer.done;
  });

  test("A mechanisms that are one symbol, not an array", async () => {
    const peer = await serve(async (script) => {
      script.reply(await script.expectHeader("sasl"));
      script.send("sasl-mechanisms", { saslServerMechanisms: "ANONYMOUS" });
      await script.expect("sasl-init", { mechanism: "ANONYMOUS" });
      await finish(script);
    });
    await (await dial(peer)).close();
    await peer.done;
  });

  test("A Q credentials never become ANONYMOUS, and nothing secret is sent", async () => {
    const peer = await serve(async (script) => {
      await offer(script, ["ANONYMOUS"]);
      await script.expectEof();
    });
    const error = await failure(peer.url, { user: "u", password: "hunter2" });
    expect(error.name).toBe("SaslError");
    expect(String(error)).not.toContain("hunter2");
    await peer.done;
  });

  test.each([
    [1, "auth-failed", false],
    [2, "sasl-failed", true],
    [3, "sasl-failed", false],
    [4, "sasl-failed", true],
  ])("A outcome %i is a SaslError %s", async (code, expected, retryable) => {
    const peer = await serve(async (script) => {
      await offer(script, ["PLAIN"]);
      await script.expect("sasl-init");
      script.send("sasl-outcome", { code });
      await script.untilEof();
    });
    const error = await failure(peer.url, { user: "u", password: "hunter2" });
    expect(error).toMatchObject({ name: "SaslError", code: expected, retryable });
    expect(String(error)).not.toContain("hunter2");
    await peer.done;
  });

  test.each([
    ["B46 no mechanisms", async (script: Script) => script.send("sasl-mechanisms", { saslServerMechanisms: { bytes: Uint8Array.of(0xe0, 2, 0, 0xa3) } })],
    ["B46 mechanisms that are null", async (script: Script) => script.send("sasl-mechanisms", [null])],
    ["B47 mechanisms of every object", async (script: Script) => script.send("sasl-mechanisms", { saslServerMechanisms: ["constructor", "__proto__", "toString"] })],
    ["B49 an outcome before anything", async (script: Script) => script.send("sasl-outcome")],
    ["B49 a challenge before anything", async (script: Script) => script.send("sasl-challenge", { challenge: Uint8Array.of(1) })],
    ["B51 an empty SASL frame", async (script: Script) => script.send("empty", {}, undefined, { type: 1 })],
    ["B52 an outcome that nobody knows", async (script: Script) => {
      script.send("sasl-mechanisms");
      await script.expect("sasl-init");
      script.send("sasl-outcome", { code: 99 });
    }],
    ["B57 challenges without end", async (script: Script) => {
      script.send("sasl-mechanisms");
      await script.expect("sasl-init");
      for (let i = 0; i < 50; i++) script.send("sasl-challenge", { challenge: Uint8Array.of(i) });
    }],
  ])("%s: the client leaves, with an error of its own", async (_, attack) => {
    const peer = await serve(async (script) => {
      script.reply(await script.expectHeader("sasl"));
      await attack(script);
      await script.untilEof();
    });
    expect(await failure(peer.url, {})).toBeInstanceOf(AmqpError);
    await peer.done;
  });
});

describe("SASL, listener", () => {
  async function listening(): Promise<string> {
    const container = new Container({ onError: () => {} });
    afterwards(() => container.close());
    const authenticate = (user: string, password: string): boolean => user === "u" && password === "right";
    return (await container.listen("amqp://127.0.0.1:0", { allowedMechs: ["PLAIN"], authenticate })).url;
  }

  async function tryPlain(url: string, response: Uint8Array, then: (script: Script) => Promise<void>): Promise<void> {
    const peer = await ScriptedPeer.connect(url, async (script) => {
      script.sendHeader("sasl");
      await script.expectHeader("sasl");
      await script.expect("sasl-mechanisms", { saslServerMechanisms: ["PLAIN"] });
      script.send("sasl-init", { mechanism: "PLAIN", initialResponse: response });
      await then(script);
    });
    afterwards(() => peer.close());
    await peer.done;
  }

  test("A PLAIN with the right password", async () => {
    await tryPlain(await listening(), utf8("\0u\0right"), async (script) => {
      await script.expect("sasl-outcome", { code: 0 });
      script.sendHeader("amqp");
      script.send("open");
      await script.expectHeader("amqp");
      await script.expect("open");
      script.send("close");
      await script.expect("close", { error: undefined });
    });
  });

  test.each([
    ["a wrong password", utf8("\0u\0wrong")],
    ["B53 two fields", utf8("u\0right")],
    ["B53 four fields", utf8("\0u\0right\0")],
    ["B53 no user", utf8("\0\0right")],
    ["B53 octets that are not UTF-8", Uint8Array.of(0, 0xff, 0, 0x61)],
  ])("A %s: outcome auth, then the end", async (_, response) => {
    await tryPlain(await listening(), response, async (script) => {
      await script.expect("sasl-outcome", { code: 1 });
      await script.untilEof();
    });
  });

  test.each(["constructor", "__proto__", "ANONYMOUS", "x".repeat(4000)])("B47 mechanism %.20s: outcome auth, then the end", async (mechanism) => {
    const peer = await ScriptedPeer.connect(await listening(), async (script) => {
      script.sendHeader("sasl");
      await script.expectHeader("sasl");
      await script.expect("sasl-mechanisms");
      script.send("sasl-init", { mechanism });
      await script.expect("sasl-outcome", { code: 1 });
      await script.untilEof();
    });
    afterwards(() => peer.close());
    await peer.done;
  });

  test.each([
    ["B49 a second init", async (script: Script) => {
      script.send("sasl-init", { mechanism: "PLAIN", initialResponse: utf8("\0u\0right") });
      script.send("sasl-init", { mechanism: "PLAIN", initialResponse: utf8("\0u\0right") });
    }],
    ["B49 a response that nobody asked for", async (script: Script) => script.send("sasl-response", { response: utf8("\0u\0right") })],
    ["B50 a frame of more than 8 KiB", async (script: Script) => script.send("sasl-init", { mechanism: "PLAIN", initialResponse: new Uint8Array(8300) })],
    ["B51 an empty frame", async (script: Script) => script.send("empty", {}, undefined, { type: 1 })],
  ])("%s: the end, without a performative", async (_, attack) => {
    const peer = await ScriptedPeer.connect(await listening(), async (script) => {
      script.sendHeader("sasl");
      await script.expectHeader("sasl");
      await script.expect("sasl-mechanisms");
      await attack(script);
      const rest = await script.untilEof();
      expect(rest.filter(({ name }) => name !== "sasl-outcome")).toEqual([]);
    });
    afterwards(() => peer.close());
    await peer.done;
  });
});
