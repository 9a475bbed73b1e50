// Starts and stops a RabbitMQ 4 cluster of three nodes on this machine: loopback, free ports, a port mapper and a cookie of its own.
//
//   node tests/interop/cluster.mjs start          installs what is missing, starts, waits until the three are one; prints a JSON line a node
//   node tests/interop/cluster.mjs status         the same lines for the nodes that run; exit code 1 when one does not
//   node tests/interop/cluster.mjs kill   NODE    ends a node at once with SIGKILL
//   node tests/interop/cluster.mjs revive NODE    starts it again with what it has on the disk
//   node tests/interop/cluster.mjs stop           stops all by the pids that start noted, and removes their folder
//
// It lives in $LEPTONMQ_CLUSTER (default: a folder of the system's temporary folder). Progress goes to standard error.
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needCertificates } from "./brokers/certificates.mjs";
import { needCommand, whileAlone } from "./brokers/install.mjs";
import { endProcess, isAlive, killProcess, startAgain, untilReady } from "./brokers/processes.mjs";
import { rabbitmq4, startCluster } from "./brokers/rabbitmq.mjs";
import { BrokerError, pause, run, say } from "./brokers/system.mjs";

const NODES = ["rabbit1", "rabbit2", "rabbit3"];
const state = process.env["LEPTONMQ_CLUSTER"] ?? join(tmpdir(), "leptonmq-cluster");
const recordFile = join(state, "cluster.json");
const USAGE = `usage: node tests/interop/cluster.mjs start | status | stop | kill NODE | revive NODE\n       NODE: ${NODES.join(" ")}\n`;

const [verb = "", name] = process.argv.slice(2);
const VERBS = { start, status, stop, kill, revive };
if (verb === "--help" || verb === "-h") {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (!Object.hasOwn(VERBS, verb) || (["kill", "revive"].includes(verb) ? !NODES.includes(name) : name !== undefined)) {
  process.stderr.write(USAGE);
  process.exit(2);
}
try {
  process.exitCode = await VERBS[verb]();
} catch (error) {
  process.stderr.write(`cluster: ${verb} failed: ${error instanceof BrokerError ? error.message : error?.stack}\n`);
  process.exitCode = 1;
}

async function start() {
  if ((await read())?.nodes.every(({ node }) => isAlive(node))) return status();
  await stop();
  let tls;
  const installed = await whileAlone("cluster", async () => {
    await needCommand("cluster", ["openssl", "version"], "openssl");
    tls = await needCertificates(state);
    return rabbitmq4.install("cluster");
  });
  const contents = { ca: await readFile(tls.ca), cert: await readFile(tls.cert), key: await readFile(tls.key) };
  say("cluster", "starting three nodes");
  const record = await startCluster(NODES, state, contents, installed);
  await note(record);
  try {
    await Promise.all(record.nodes.map((one) => untilReady(one.name, one.node, one.speaks, one.listens)));
    await untilOne(record);
  } catch (error) {
    for (const one of [...record.nodes.map(({ node }) => node), record.mapper]) await endProcess(one, 2);
    await rm(recordFile, { force: true }); // the folder stays: its logs tell why
    throw error;
  }
  say("cluster", "ready");
  return status();
}

/** Waits until the first node has the others as running members. */
async function untilOne({ nodes }) {
  const [command, ...before] = nodes[0].control;
  for (let i = 0; i < 60; i++) {
    const { running_nodes: running } = JSON.parse(await run("cluster", command, [...before, "cluster_status", "--formatter", "json"], { timeout: 60 }));
    if (running.length === NODES.length) return;
    await pause(500);
  }
  throw new BrokerError(`the nodes did not become one cluster within 30 s; logs in ${state}`);
}

async function status() {
  const record = await read();
  let code = 0;
  for (const known of NODES) {
    const one = record?.nodes.find((node) => node.name === known);
    if (one !== undefined && isAlive(one.node)) process.stdout.write(`${JSON.stringify({ name: known, ...one.endpoints, pid: one.node.pid })}\n`);
    else {
      say(known, "is not running");
      code = 1;
    }
  }
  return code;
}

async function kill() {
  await killProcess((await nodeOf()).one.node);
  say(name, "killed");
  return 0;
}

async function revive() {
  const { record, one } = await nodeOf();
  if (!isAlive(one.node)) one.node = startAgain(one.node);
  await note(record);
  await untilReady(name, one.node, one.speaks, one.listens);
  say(name, "ready again");
  return 0;
}

async function stop() {
  const record = await read();
  if (record === undefined) return 0;
  await Promise.all(record.nodes.map(({ node }) => endProcess(node)));
  await endProcess(record.mapper);
  await rm(state, { recursive: true, force: true });
  say("cluster", "stopped");
  return 0;
}

async function nodeOf() {
  const record = await read();
  const one = record?.nodes.find((node) => node.name === name);
  if (one === undefined) throw new BrokerError(`there is no cluster in ${state}`);
  return { record, one };
}

async function note(record) {
  await mkdir(state, { recursive: true });
  await writeFile(`${recordFile}.new`, JSON.stringify(record));
  await rename(`${recordFile}.new`, recordFile);
}

async function read() {
  return existsSync(recordFile) ? JSON.parse(await readFile(recordFile, "utf8")) : undefined;
}
