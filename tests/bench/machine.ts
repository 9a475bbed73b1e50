/** The line that says on what the figures were taken. */

import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type as systemName } from "node:os";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Versions and the machine, for the table and for JSON. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  readonly rhea: string | undefined;
  readonly proton: string | undefined;
  /** Of the minute before the benchmark began. */
  readonly load: number;
  readonly date: string;
}

/** @param root of the project. */
export function describeMachine(root: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown CPU",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()} ${release().split("-")[0] ?? ""} ${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
    rhea: rheaVersion(root),
    proton: protonVersion(),
    load: loadavg()[0] ?? 0,
    date: new Date().toISOString().slice(0, 10),
  };
}

export function machineLine(machine: Machine): string {
  const parts = [
    `${machine.cores} x ${machine.cpu}`, `${machine.memoryGiB} GiB`, machine.system, `Node ${machine.node}`,
    ...(machine.rhea === undefined ? [] : [`rhea ${machine.rhea}`]), ...(machine.proton === undefined ? [] : [`Proton C++ ${machine.proton}`]),
    `load before ${machine.load.toFixed(1)}`, machine.date,
  ];
  return parts.join(", ");
}

/** undefined where rhea is not installed. */
export function rheaVersion(root: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(root, "node_modules/rhea/package.json"), "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}

function protonVersion(): string | undefined {
  const { stdout } = spawnSync("g++", ["-E", "-P", "-x", "c++", "-"], {
    encoding: "utf8", input: "#include <proton/version.h>\nPN_VERSION_MAJOR PN_VERSION_MINOR PN_VERSION_POINT\n",
  });
  const numbers = typeof stdout === "string" ? /(\d+) (\d+) (\d+)\s*$/.exec(stdout) : null;
  return numbers === null ? undefined : numbers.slice(1).join(".");
}
