// What the broker modules ask of the machine: progress lines, commands with a time limit, free ports, and the
// question "does something speak AMQP here?".
import { spawn } from "node:child_process";
import { createServer, connect } from "node:net";

/** A failure that a person can act on; the runner prints its message and no stack. */
export class BrokerError extends Error {}

/** Prints one progress line with the seconds since the start. */
export function say(name, text) {
  process.stderr.write(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${name}: ${text}\n`);
}

/**
 * Runs a command to its end and answers its standard output; a non-zero exit or `timeout` seconds are a BrokerError that
 * carries the last lines it wrote.
 */
export function run(name, command, args, { timeout = 120, env, input, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    let out = "";
    let all = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      signalGroup(child.pid, "SIGKILL");
    }, timeout * 1000);
    child.stdout.on("data", (chunk) => {
      out += chunk;
      all += chunk;
    });
    child.stderr.on("data", (chunk) => (all += chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new BrokerError(`${name}: cannot run ${command}: ${error.message}`));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0 && !late) return resolve(out);
      const tail = all.trim().split("\n").slice(-12).join("\n");
      const how = late ? `took longer than ${timeout} s` : `failed with exit code ${code}`;
      reject(new BrokerError(`${name}: ${command} ${args.slice(0, 4).join(" ")} ${how}\n${tail}`));
    });
  });
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // it ended by itself in between
  }
}

const given = new Set();

/** A loopback port that nobody listens on, below the range that outgoing connections use. */
export async function freePort() {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (!given.has(port) && (await canListen(port))) {
      given.add(port);
      return port;
    }
  }
  throw new BrokerError("no free port between 15000 and 30000 on 127.0.0.1");
}

function canListen(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Whether the port answers an AMQP SASL header with an AMQP header. */
export function speaksAmqp(port) {
  return exchange(port, Buffer.from("414d515003010000", "hex"), (answer) => answer.subarray(0, 4).toString("latin1") === "AMQP");
}

/** Whether somebody accepts connections on the port. */
export function accepts(port) {
  return exchange(port, undefined, () => true);
}

function exchange(port, header, verdict) {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(5_000, () => end(false));
    socket.on("error", () => end(false));
    socket.on("close", () => resolve(false));
    socket.on("connect", () => (header === undefined ? end(true) : socket.write(header)));
    socket.on("data", (chunk) => end(verdict(chunk)));
  });
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
