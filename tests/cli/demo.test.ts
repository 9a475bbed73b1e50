/** The demo, in a process of its own as a person runs it: its result, its exit code, and one line for each thing that goes wrong. */

import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker/broker.ts";
import { program } from "../support/programs.ts";
import type { Ended, Program } from "../support/programs.ts";

let demo: Program;
beforeAll(async () => {
  demo = await program({ file: "src/cli/demo.ts" });
}, 60_000);
afterAll(async () => {
  await demo[Symbol.asyncDispose]();
});

function failsWith(ended: Ended, ...parts: string[]): void {
  expect(ended.code).toBe(1);
  expect(ended.stdout).toBe("");
  expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ended.stderr).toMatch(/^error: /);
  expect(ended.stderr).not.toMatch(/\bat .*:\d+:\d+/);
  for (const part of parts) expect(ended.stderr).toContain(part);
}

describe("npm start", () => {
  test("without a url brings a broker, gets everything back once, and exits 0", async () => {
    const ended = await demo.run(["--messages", "5000", "--size", "10"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("5000 of 5000 messages of 10 octets came back");
    expect(ended.stdout).toMatch(/messages\/s/);
    expect(Number(/had: (\d+) MB/.exec(ended.stdout)?.[1])).toBeLessThan(200);
    expect(ended.stdout).toMatch(/p50 \d+\.\d+ ms, p99 \d+\.\d+ ms/);
    expect(ended.stdout).toContain("0 lost, 0 duplicated");
  }, 60_000);

  test("over a broker's url uses the path as the address, and takes what an earlier run left", async () => {
    const broker = await Broker.start();
    try {
      broker.put("a/queue", { id: "leptonmq-demo/earlier/1", body: "old" });
      const ended = await demo.run([`${broker.url}/a%2Fqueue`, "--messages", "100", "--size", "0"]);
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      expect(ended.stdout).toContain("0 lost, 0 duplicated");
      expect(ended.stdout).toContain("1 messages of an earlier run");
      expect(broker.depth("a/queue")).toBe(0);
    } finally {
      await broker.close();
    }
  }, 60_000);

  test("never takes messages of somebody else", async () => {
    const broker = await Broker.start();
    try {
      broker.put("mine", { body: "precious" });
      const ended = await demo.run([`${broker.url}/mine`, "--messages", "10"]);
      failsWith(ended, "holds messages of somebody else");
      expect(broker.peek("mine").filter((message) => message.body === "precious")).toHaveLength(1);
    } finally {
      await broker.close();
    }
  }, 60_000);

  test("--help tells all and exits 0", async () => {
    const ended = await demo.run(["--help"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    for (const part of ["--messages N", "--size B", "amqp://guest:guest@localhost:5672/queue"]) expect(ended.stdout).toContain(part);
  });

  test.each<[string, string[], string]>([
    ["an unknown option", ["--message", "5"], "there is no option --message"],
    ["a number that is none", ["--messages", "many"], "--messages must be a whole number from 1 to 100000000"],
    ["a number out of bounds", ["--size=16777217"], "--size must be a whole number from 0 to 16777216"],
    ["an option without its number", ["--size"], "each take a number"],
    ["two urls", ["amqp://a/q", "amqp://b/q"], "there can be one url"],
  ])("%s is one line of error", async (_what, args, text) => {
    failsWith(await demo.run(args), text, "--help");
  });

  test.each<[string, string]>([
    ["another scheme", "http://user:hunter2@localhost/q"],
    ["a port that is none", "amqp://user:hunter2@localhost:99999/q"],
    ["an @ in the password", "amqp://user:hun@ter2@localhost:77777/q"],
    ["a % that begins nothing", "amqp://user:hunter2%@localhost/q"],
    ["no host", "amqp://user:hunter2@/q"],
    ["no scheme", "user:hunter2@localhost"],
  ])("Q.secrets a bad url (%s) is one line without the password", async (_what, url) => {
    const ended = await demo.run([url]);
    failsWith(ended);
    expect(ended.stderr).not.toContain("hunter2");
    expect(ended.stderr).not.toContain("ter2");
  });

  test("a url without a queue is told apart", async () => {
    const broker = await Broker.start();
    try {
      failsWith(await demo.run([broker.url]), "names no queue");
    } finally {
      await broker.close();
    }
  });

  test("FT3 nobody listening", async () => {
    const { server, port } = await listen();
    await closed(server);
    failsWith(await demo.run([`amqp://guest:hunter2@127.0.0.1:${port}/q`]), "nobody listens", `127.0.0.1:${port}`);
  });

  test("a wrong password, which is not shown", async () => {
    const broker = await Broker.start({ users: { guest: "right" } });
    try {
      const ended = await demo.run([`${broker.url.replace("://", "://guest:hunter2@")}/q`]);
      failsWith(ended, "password");
      expect(ended.stderr).not.toContain("hunter2");
    } finally {
      await broker.close();
    }
  }, 30_000);

  test("an unknown queue", async () => {
    const broker = await Broker.start();
    try {
      failsWith(await demo.run([`${broker.url}/dynamic%2Fgone`]), 'no queue "dynamic/gone"', "create it");
    } finally {
      await broker.close();
    }
  });

  test.each<[string, Buffer, string]>([
    ["B2 AMQP 0-9-1", Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]), "0-9-1"],
    ["B1 HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "HTTP"],
  ])("a server that speaks %s", async (_what, answer, text) => {
    const { server, port } = await listen(answer);
    try {
      failsWith(await demo.run([`amqp://guest:guest@127.0.0.1:${port}/q`]), text);
    } finally {
      await closed(server);
    }
  }, 30_000);

  test("Q.plain PLAIN is refused without TLS off loopback", async () => {
    // A name of this machine that is no loopback address: nothing is sent to it, since the refusal needs no answer but the offer.
    const { server, port } = await listen(Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0, 0, 0, 0, 0x15, 2, 1, 0, 0, 0, 0x53, 0x40, 0xc0, 0x08, 1, 0xa3, 5, 0x50, 0x4c, 0x41, 0x49, 0x4e]), "0.0.0.0");
    try {
      const address = ownAddress();
      if (address === undefined) return;
      const ended = await demo.run([`amqp://guest:hunter2@${address}:${port}/q`]);
      failsWith(ended, "amqps://");
      expect(ended.stderr).not.toContain("hunter2");
    } finally {
      await closed(server);
    }
  }, 30_000);
});

async function listen(answer?: Buffer, host = "127.0.0.1"): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => (answer === undefined ? socket.destroy() : socket.end(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

function ownAddress(): string | undefined {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).find((address) => address.family === "IPv4" && !address.internal)?.address;
}
