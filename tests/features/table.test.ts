/** The table of `npm run features` says what test runs said, and nothing that none did. */

import { describe, expect, test } from "@jest/globals";
// @ts-expect-error: plain JavaScript, run by node and by jest as it is
import { judge as judgeRecords } from "./table.mjs";

interface Row { readonly id: string; readonly state: string; readonly passed: number; readonly tests: readonly { readonly file: string }[] }
const judge = judgeRecords as (records: object, digestOf: (file: string) => string | undefined) => { rows: Row[]; stale: string[]; known: number };

const RECORDS = {
  "tests/a.test.ts": { digest: "1", tests: [{ name: "sender S07: flow", status: "passed" }, { name: "S08 offered and P02", status: "passed" }, { name: "XS09 and S091 are other words", status: "passed" }] },
  "tests/b.test.ts": { digest: "2", tests: [{ name: "S07 drain", status: "failed" }] },
  "tests/c.test.ts": { digest: "3", tests: [{ name: "P04 commit", status: "passed" }] },
};

const stateOf = (rows: readonly Row[], id: string): string | undefined => rows.find((row) => row.id === id)?.state;

describe("the table of features", () => {
  const digests: Readonly<Record<string, string>> = { "tests/a.test.ts": "1", "tests/b.test.ts": "2", "tests/c.test.ts": "changed" };
  const { rows, stale, known } = judge(RECORDS, (file) => digests[file]);

  test("calls a row green when all tests that name it passed, and red when one failed", () => {
    expect(stateOf(rows, "S08")).toBe("green");
    expect(stateOf(rows, "P02")).toBe("green");
    expect(stateOf(rows, "S07")).toBe("RED");
    expect(rows.find(({ id }) => id === "S07")).toMatchObject({ passed: 1, tests: [{ file: "tests/a.test.ts" }, { file: "tests/b.test.ts" }] });
  });

  test("does not take an id inside another word for the row's", () => {
    expect(stateOf(rows, "S09")).toBe("no test");
  });

  test("does not count what was changed since it ran", () => {
    expect(stateOf(rows, "P04")).toBe("no test");
    expect(stale).toEqual(["tests/c.test.ts"]);
    expect(known).toBe(4);
  });
});
