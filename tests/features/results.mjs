// What the last run of each test file said, kept in one file beside the installed packages: `npm run features` reads it. A
// record holds the digest of the test file as it ran, so that a file changed since then counts as not run.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const RECORDS = join(ROOT, "node_modules", ".cache", "leptonmq", "test-results.json");

/** The records, by the test file's path from the project's folder: `{ digest, at, tests: [{ name, status }] }`. */
export function readRecords() {
  if (!existsSync(RECORDS)) return {};
  return JSON.parse(readFileSync(RECORDS, "utf8"));
}

/** The digest of a test file; undefined where it is gone. */
export function digestOf(path) {
  const file = join(ROOT, path);
  return existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest("hex") : undefined;
}

/** A reporter of jest that keeps the records up to date: files that were not run keep what is known of them. */
export default class RecordingReporter {
  onRunComplete(_contexts, { testResults }) {
    const records = readRecords();
    for (const path of Object.keys(records)) if (digestOf(path) === undefined) delete records[path];
    for (const result of testResults) {
      const path = relative(ROOT, result.testFilePath).replaceAll("\\", "/");
      // A run of some of a file's tests (-t) says nothing of the others.
      const tests = result.testResults.filter(({ status }) => status !== "pending").map(({ fullName, status }) => ({ name: fullName, status }));
      if (tests.length === 0 && result.testExecError === undefined) continue;
      records[path] = { digest: digestOf(path), at: new Date(result.perfStats.end).toISOString(), tests };
    }
    mkdirSync(dirname(RECORDS), { recursive: true });
    writeFileSync(`${RECORDS}.new`, `${JSON.stringify(records, undefined, 1)}\n`);
    renameSync(`${RECORDS}.new`, RECORDS);
  }
}
