/** The brokers of a test file: started before its tests, stopped after them unless they ran before. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "@jest/globals";

export type BrokerName = "rabbitmq3" | "rabbitmq4" | "activemq" | "artemis" | "proton";

/** What `node tests/interop/brokers.mjs start` prints of a broker. */
export interface Broker {
  readonly name: BrokerName;
  readonly url: string;
  readonly tlsUrl?: string | undefined;
  /** ActiveMQ's listener with the JMS transformer. */
  readonly jmsUrl?: string | undefined;
  /** ActiveMQ's AMQP over WebSocket, without and with TLS. */
  readonly wsUrl?: string | undefined;
  readonly wssUrl?: string | undefined;
  /** A TLS listener that takes the client's certificate as its identity. */
  readonly externalUrl?: string | undefined;
  /** Artemis' listener that offers SCRAM alone. */
  readonly scramUrl?: string | undefined;
  /** Files. */
  readonly ca: string;
  readonly otherCa: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

const RUNNER = join(import.meta.dirname, "..", "brokers.mjs");
const START_TIMEOUT = 600_000; // the first time installs

/** Starts the brokers for this file; answers how to get one inside a test. */
export function useBrokers(...names: readonly BrokerName[]): (name: BrokerName) => Broker {
  const started = new Map<BrokerName, Broker>();
  let ours: BrokerName[] = [];

  beforeAll(async () => {
    const before = await runner("status", names);
    ours = names.filter((name) => !before.brokers.some((one) => one.name === name));
    const { brokers, log } = await runner("start", names);
    for (const one of brokers) started.set(one.name, one);
    const missing = names.filter((name) => !started.has(name));
    if (missing.length > 0) throw new Error(`the interop tests need real brokers; missing: ${missing.join(", ")}\n${log.slice(-2_000)}`);
  }, START_TIMEOUT);

  afterAll(async () => {
    if (ours.length > 0) await runner("stop", ours);
  }, 60_000);

  return (name) => started.get(name) as Broker;
}

function runner(verb: string, names: readonly BrokerName[]): Promise<{ brokers: Broker[]; log: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [RUNNER, verb, ...names], { timeout: START_TIMEOUT, env: withoutOptions() }, (_error, stdout, stderr) => {
      resolve({ brokers: stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Broker), log: stderr });
    });
  });
}

/** jest's own NODE_OPTIONS are not for the programs that tests start. */
export function withoutOptions(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return env;
}

let taken = 0;
const run = Date.now().toString(36);

/** A name that nothing else uses. */
export function fresh(prefix: string): string {
  taken++;
  return `${prefix}-${run}-${process.pid}-${taken}`;
}

/** The address of an empty queue of its own; on RabbitMQ 4 one of those that its definitions declare, chosen by `number` (1 to 40). */
export function queueOn(name: BrokerName, number: number): string {
  if (name === "rabbitmq4") return `/queues/test-${number}`;
  return name === "rabbitmq3" ? `/queue/${fresh("test")}` : fresh("test");
}

/** The text of a certificate or key file. */
export const pem = (file: string): string => readFileSync(file, "utf8");
