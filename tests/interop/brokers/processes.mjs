// Long-running processes of ours: started in a session of their own, remembered as "pid and start time", and ended by that
// pid only, so that nothing but what this runner started is ever signalled.
import { spawn } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { accepts, BrokerError, pause, speaksAmqp } from "./system.mjs";

/** Starts a process that outlives the runner, its output going to `log`; answers `{ pid, born, log, launch }`. */
export function startProcess(command, args, { log, env, cwd }) {
  mkdirSync(dirname(log), { recursive: true });
  const out = openSync(log, "a");
  try {
    const child = spawn(command, args, { cwd, env: env ?? process.env, detached: true, stdio: ["ignore", out, out] });
    child.on("error", () => {}); // seen as "not alive" by whoever waits for it
    child.unref();
    return { pid: child.pid ?? 0, born: bornAt(child.pid ?? 0), log, launch: { command, args, cwd } };
  } finally {
    closeSync(out);
  }
}

/** Starts again what has ended, with the same command. */
export function startAgain({ log, launch: { command, args, cwd } }) {
  return startProcess(command, args, { log, cwd });
}

/** Ends the process at once, without asking it, and waits until it is gone. */
export async function killProcess(one) {
  signal(one, "SIGKILL");
  for (let i = 0; i < 200 && isAlive(one); i++) await pause(25);
  if (isAlive(one)) throw new BrokerError(`process ${one.pid} (${one.launch.command}) is still there 5 s after SIGKILL`);
}

/** Whether that very process (not another one with its number) still runs. */
export function isAlive(one) {
  const born = bornAt(one.pid);
  return born !== undefined && (one.born === undefined || one.born === born);
}

/** The kernel's start time of a process; undefined when it is gone or only waits to be reaped. */
function bornAt(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "").split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Asks the process to end, and kills it when it has not after `seconds`. */
export async function endProcess(one, seconds = 15) {
  signal(one, "SIGTERM");
  for (let i = 0; i < seconds * 20 && isAlive(one); i++) await pause(50);
  signal(one, "SIGKILL");
  for (let i = 0; i < 40 && isAlive(one); i++) await pause(50);
}

function signal(one, name) {
  if (!isAlive(one)) return;
  try {
    process.kill(one.pid, name);
  } catch {
    // it ended in between
  }
}

/**
 * Resolves when each of `ports` speaks AMQP and somebody listens on each of `tlsPorts`; a BrokerError with the end of the log when
 * the process dies or `seconds` are over.
 */
export async function untilReady(name, one, ports, tlsPorts = [], seconds = 90) {
  const limit = Date.now() + seconds * 1000;
  for (const port of ports) await until(name, one, limit, () => speaksAmqp(port), `did not speak AMQP on port ${port} within ${seconds} s`);
  for (const port of tlsPorts) await until(name, one, limit, () => accepts(port), `did not listen on port ${port} within ${seconds} s`);
}

async function until(name, one, limit, holds, otherwise) {
  while (!(await holds())) {
    const dead = !isAlive(one);
    if (dead || Date.now() > limit) {
      throw new BrokerError(`${name}: ${dead ? "ended while starting" : otherwise}; log ${one.log}:\n${tail(one.log)}`);
    }
    await pause(150);
  }
}

function tail(file) {
  try {
    return readFileSync(file, "utf8").trim().split("\n").slice(-15).join("\n");
  } catch {
    return "(empty)";
  }
}
