/** Builds the C++ program of the benchmark, where its compiler and library are installed. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";

/** The built program, or why there is none. */
export type Build = { readonly program: string } | { readonly missing: string };

/** @param root of the project. */
export function buildProton(root: string): Build {
  const source = join(root, "tests/bench/proton.cpp");
  const folder = join(root, "node_modules/.cache/leptonmq-bench");
  const program = join(folder, `proton-${createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12)}`);
  // A library that has gone since the program was built shows when it is asked for its options.
  if (existsSync(program) && spawnSync(program, [], { encoding: "utf8" }).stderr.includes("option role is missing")) return { program };
  mkdirSync(folder, { recursive: true });
  const made = `${program}.${process.pid}`;
  const { error, status, stderr } = spawnSync("g++", ["-O2", "-std=c++11", source, "-o", made, "-lqpid-proton-cpp"], { encoding: "utf8" });
  if (error !== undefined) return { missing: "g++ is not installed" };
  if (status !== 0) {
    if (/proton\/\S+: No such file/.test(stderr)) return { missing: "libqpid-proton-cpp12-dev is not installed" };
    return { missing: `proton.cpp does not build: ${stderr.split("\n").find((line) => line.includes("error")) ?? stderr.trim()}` };
  }
  renameSync(made, program);
  return { program };
}
