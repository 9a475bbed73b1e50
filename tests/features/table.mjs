// Which rows are proved by which tests, judged from records of test runs and from nothing else.
import { ROWS } from "./rows.mjs";

/**
 * The state of every row. A row is named by a test whose name has its id as a word of its own.
 *
 * @param records by test file: `{ digest, tests: [{ name, status }] }`
 * @param digestOf the digest of a test file as it is now; a record of another digest does not count
 */
export function judge(records, digestOf) {
  const tests = [];
  const stale = [];
  for (const [file, { digest, tests: run }] of Object.entries(records)) {
    if (digestOf(file) === digest) for (const { name, status } of run) tests.push({ file, name, passed: status === "passed" });
    else stale.push(file);
  }
  const rows = Object.entries(ROWS).map(([id, title]) => {
    const naming = new RegExp(`(?<![A-Za-z0-9])${id}(?![A-Za-z0-9])`);
    const own = tests.filter(({ name }) => naming.test(name));
    const passed = own.filter((test) => test.passed).length;
    return { id, title, tests: own, passed, state: own.length === 0 ? "no test" : passed < own.length ? "RED" : "green" };
  });
  return { rows, stale: stale.sort(), known: tests.length };
}
