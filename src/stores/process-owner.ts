/**
 * Who a process is, in a way that outlives it: its number alone may be given to another process later, so the time of its start comes
 * with it. Linux tells both in /proc, other systems through `ps`; Windows tells only the number.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** A process of some host. */
export interface Owner {
  readonly pid: number;
  /** When it started, as its system tells it; "" where that is not known. */
  readonly started: string;
  readonly host: string;
}

/** This process. */
export function ourselves(): Owner {
  return { pid: process.pid, started: startOf(process.pid) ?? "", host: hostname() };
}

/** Whether that very process still runs; undefined where it cannot be known, since it is of another host. */
export function isAlive(owner: Owner): boolean | undefined {
  if (owner.host !== hostname()) return undefined;
  const started = startOf(owner.pid);
  return started !== undefined && (started === "" || owner.started === "" || started === owner.started);
}

/** When a process of this host started; undefined if there is none, "" where the system does not tell. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Any other answer says that there is one, which belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
  }
  if (process.platform === "linux") return startOnLinux(pid);
  return process.platform === "win32" ? "" : startByPs(pid);
}

function startOnLinux(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : "";
  }
  // The name in parentheses may hold spaces and parentheses of its own. After it come the state (field 3) and so on to the start in clock ticks (22).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  // A process that ended and that its parent has not yet asked for.
  if (state === "Z" || state === "X") return undefined;
  return `${bootOf()} ${fields[19] ?? ""}`;
}

/** Ticks count from the start of the system, so which start that was belongs to them. */
function bootOf(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const [state = "", ...started] = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 5_000 }).trim().split(/\s+/);
    return state.startsWith("Z") ? undefined : started.join(" ");
  } catch {
    return "";
  }
}
