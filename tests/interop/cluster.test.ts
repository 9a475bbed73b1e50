/** A RabbitMQ cluster of three nodes: the leader of a quorum queue is killed while 20,000 messages flow, with all three urls given. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { connect } from "../../src/index.ts";
import { withoutOptions } from "./support/brokers.ts";
import { Ledger } from "./support/ledger.ts";

const MESSAGES = Number(process.env["LEPTONMQ_CLUSTER_MESSAGES"] ?? 20_000);
const RUNNER = join(import.meta.dirname, "cluster.mjs");

interface Node {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

let folder = "";
let nodes: Node[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "leptonmq-cluster-"));
  nodes = (await cluster("start")).split("\n").filter(Boolean).map((line) => JSON.parse(line) as Node);
}, 600_000);

afterAll(async () => {
  await cluster("stop");
  await rm(folder, { recursive: true, force: true });
}, 60_000);

test("FT11 FT16 the queue's leader is killed: every send ends accepted, and every accepted message arrives", async () => {
  const urls = nodes.map(({ url }) => url);
  await using producer = await connect(urls, { reconnect: { maxDelay: 1_000 } });
  await using consumer = await connect([...urls.slice(1), ...urls.slice(0, 1)], { reconnect: { maxDelay: 1_000 } });
  const address = "/queues/killed-leader";
  let leader: string;
  {
    await using management = await producer.createRequester("/management", { paired: true });
    const declared = await management.request({ subject: "PUT", to: address, body: { durable: true, arguments: { "x-queue-type": "quorum" } } });
    const told = await management.request<{ leader: string }>({ subject: "GET", to: address, body: null });
    expect([declared.subject, told.subject]).toEqual(["201", "200"]);
    leader = told.body.leader.split("@")[0] as string;
  }
  const sender = await producer.createSender(address);
  const receiver = await consumer.createReceiver(address, { autoAccept: false });
  const ledger = new Ledger();
  const taking = ledger.take(receiver, MESSAGES);
  const sends = Array.from({ length: MESSAGES }, (_, number) => ledger.send(sender, number));
  await ledger.untilAccepted(Math.floor(MESSAGES / 4));
  const { pid } = nodes.find(({ name }) => name === leader) as Node;
  process.kill(pid, "SIGKILL");
  const acceptedAtKill = ledger.accepted.size;
  await Promise.all([...sends, taking]);
  expect(acceptedAtKill).toBeLessThan(MESSAGES);
  expect({ failures: ledger.failures, withoutOutcome: ledger.withoutOutcome, accepted: ledger.accepted.size, lost: ledger.lost() })
    .toEqual({ failures: [], withoutOutcome: [], accepted: MESSAGES, lost: [] });
}, 150_000);

function cluster(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [RUNNER, ...args], { timeout: 600_000, env: { ...withoutOptions(), LEPTONMQ_CLUSTER: folder } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`cluster.mjs ${args.join(" ")} failed:\n${stderr.slice(-2_000)}`));
    });
  });
}
