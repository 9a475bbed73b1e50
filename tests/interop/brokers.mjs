// Starts and stops the real brokers of the interop suite, on loopback, on free ports, with TLS where they have it.
//
//   node tests/interop/brokers.mjs start  [NAME...]   installs what is missing, starts, waits until each speaks AMQP; prints
//                                                     one JSON line a broker: name, url, tlsUrl, ca, folder ...
//   node tests/interop/brokers.mjs status [NAME...]   the same lines for what runs; exit code 1 when one does not
//   node tests/interop/brokers.mjs stop   [NAME...]   stops them (by the pids that start noted) and removes their folders
//   node tests/interop/brokers.mjs kill   NAME...     ends them at once with SIGKILL; their folders stay
//   node tests/interop/brokers.mjs revive NAME...     starts what has ended again, with its folder, on its ports; prints as start
//   node tests/interop/brokers.mjs ctl    NAME ARG... runs rabbitmqctl with these arguments at a RabbitMQ
//
// --durable with start: what a broker accepts is on the disk by then, so that not even kill loses it (RabbitMQ always is so).
//
// NAME: rabbitmq3 rabbitmq4 activemq artemis proton; none given means all five. Starting what runs already is no error. Progress
// goes to standard error. Installing (Debian packages, Maven distributions, a Debian 13 root for RabbitMQ 4) needs root once; it
// is cached in $LEPTONMQ_CACHE (default ~/.cache/leptonmq). Running brokers live in $LEPTONMQ_BROKERS (default: a folder
// of the system's temporary folder, named after this checkout), with their logs.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { activemq } from "./brokers/activemq.mjs";
import { artemis } from "./brokers/artemis.mjs";
import { needCertificates } from "./brokers/certificates.mjs";
import { needCommand, whileAlone } from "./brokers/install.mjs";
import { endProcess, isAlive, killProcess, startAgain, untilReady } from "./brokers/processes.mjs";
import { proton } from "./brokers/proton.mjs";
import { rabbitmq3, rabbitmq4 } from "./brokers/rabbitmq.mjs";
import { BrokerError, run, say } from "./brokers/system.mjs";

// In the order of installation, the longest last, so that the others start meanwhile.
const BROKERS = { proton, rabbitmq3, activemq, artemis, rabbitmq4 };

const checkout = createHash("sha256").update(import.meta.dirname).digest("hex").slice(0, 8);
const state = process.env["LEPTONMQ_BROKERS"] ?? join(tmpdir(), `leptonmq-brokers-${checkout}`);

const USAGE = `usage: node tests/interop/brokers.mjs start [--durable] | status | stop [${Object.keys(BROKERS).join("|")} ...]
       node tests/interop/brokers.mjs kill | revive NAME ...
       node tests/interop/brokers.mjs ctl rabbitmq3|rabbitmq4 ARGUMENT ...
`;
const VERBS = { start, stop, status, kill, revive };

const [verb = "", ...all] = process.argv.slice(2);
const durable = verb === "start" && all.includes("--durable");
const rest = durable ? all.filter((one) => one !== "--durable") : all;
const names = rest.length === 0 && ["start", "stop", "status"].includes(verb) ? Object.keys(BROKERS) : [...new Set(verb === "ctl" ? rest.slice(0, 1) : rest)];
const unknown = names.filter((name) => !Object.hasOwn(BROKERS, name));

if (verb === "--help" || verb === "-h") {
  process.stdout.write(USAGE);
  process.exit(0);
}
if ((verb !== "ctl" && !Object.hasOwn(VERBS, verb)) || unknown.length > 0 || names.length === 0) {
  process.stderr.write(`${unknown.length > 0 ? `unknown broker ${unknown.join(", ")}\n` : ""}${USAGE}`);
  process.exit(2);
}
process.exitCode = await (verb === "ctl" ? control(names[0], rest.slice(1)) : VERBS[verb]());

async function start() {
  let tls;
  try {
    await whileAlone("tls", async () => {
      await needCommand("tls", ["openssl", "version"], "openssl");
      tls = await needCertificates(state);
    });
  } catch (error) {
    return failed("tls", error);
  }
  const inOrder = Object.keys(BROKERS).filter((name) => names.includes(name));
  const codes = await Promise.all(inOrder.map((name) => startOne(name, tls).catch((error) => failed(name, error))));
  return Math.max(...codes);
}

async function startOne(name, tls) {
  const running = await recall(name);
  if (running !== undefined) return print(running);
  const installed = await whileAlone(name, () => BROKERS[name].install(name));
  const folder = join(state, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  say(name, "starting");
  const contents = { ca: await readFile(tls.ca), cert: await readFile(tls.cert), key: await readFile(tls.key), store: await readFile(tls.store) };
  const { endpoints, ...known } = await BROKERS[name].start(name, folder, contents, installed, { durable });
  const files = { ca: tls.ca, otherCa: tls.otherCa, clientCert: tls.clientCert, clientKey: tls.clientKey };
  const record = { name, ...endpoints, ...files, folder, ...known };
  await note(record);
  try {
    await untilReady(name, record.processes[0], record.speaks, record.listens);
  } catch (error) {
    for (const one of record.processes) await endProcess(one, 2);
    await rm(recordFile(name), { force: true }); // the folder stays: its logs tell why
    throw error;
  }
  say(name, "ready");
  return print(record);
}

async function kill() {
  for (const name of names) {
    const record = await read(name);
    if (record === undefined) return failed(name, new BrokerError(`was never started in ${state}`));
    await killProcess(record.processes[0]);
    say(name, "killed");
  }
  return 0;
}

async function revive() {
  const codes = await Promise.all(names.map((name) => reviveOne(name).catch((error) => failed(name, error))));
  return Math.max(...codes);
}

async function reviveOne(name) {
  const record = await read(name);
  if (record === undefined) throw new BrokerError(`was never started in ${state}`);
  record.processes = record.processes.map((one) => (isAlive(one) ? one : startAgain(one)));
  await note(record);
  await untilReady(name, record.processes[0], record.speaks, record.listens);
  say(name, "ready again");
  return print(record);
}

async function control(name, args) {
  const record = await recall(name);
  if (record?.control === undefined) return failed(name, new BrokerError(record === undefined ? "is not running" : "has no rabbitmqctl"));
  const [command, ...before] = record.control;
  try {
    process.stdout.write(await run(name, command, [...before, ...args], { timeout: 60 }));
    return 0;
  } catch (error) {
    return failed(name, error);
  }
}

async function stop() {
  await Promise.all(
    names.map(async (name) => {
      const record = await read(name);
      if (record === undefined) return;
      for (const one of record.processes) await endProcess(one);
      await rm(join(state, name), { recursive: true, force: true });
      await rm(recordFile(name), { force: true });
      say(name, "stopped");
    }),
  );
  return 0;
}

async function status() {
  let code = 0;
  for (const name of names) {
    const record = await recall(name);
    if (record === undefined) {
      say(name, "is not running");
      code = 1;
    } else print(record);
  }
  return code;
}

function recordFile(name) {
  return join(state, `${name}.json`);
}

async function note(record) {
  const file = recordFile(record.name);
  await writeFile(`${file}.new`, JSON.stringify(record));
  await rename(`${file}.new`, file);
}

/** What `note` wrote, when its first process (the broker itself) runs. */
async function recall(name) {
  const record = await read(name);
  return record !== undefined && isAlive(record.processes[0]) ? record : undefined;
}

async function read(name) {
  return existsSync(recordFile(name)) ? JSON.parse(await readFile(recordFile(name), "utf8")) : undefined;
}

/** The pid is the broker's own; the rest is for this program only. */
function print({ processes, control: _control, speaks: _speaks, listens: _listens, ...record }) {
  process.stdout.write(`${JSON.stringify({ ...record, pid: processes[0].pid })}\n`);
  return 0;
}

function failed(name, error) {
  if (!(error instanceof BrokerError)) process.stderr.write(`${error?.stack}\n`);
  process.stderr.write(`${name}: ${verb} failed: ${error?.message}\n`);
  return 1;
}
