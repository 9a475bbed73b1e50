/** The page about guarantees: every test that it names is there, every peer of the interop suite has its row, and the README leads to it. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const page = read(".github/docs/guarantees.md");

test("every test that it names is there", () => {
  const named = [...new Set(page.match(/tests\/[\w./-]+\.test\.ts/g) ?? [])];
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("each cell about a peer says what shows it, or that it is by the peer's documents", () => {
  const table = page.slice(page.indexOf("## What each peer gives"), page.indexOf("## When an effect"));
  const rows = table.split("\n").filter((line) => /^\| (?!peer|---)/.test(line) && !line.startsWith("|---"));
  expect(rows.map((row) => row.split("|")[1]?.trim())).toEqual([
    "leptonmq, directly", "leptonmq's embedded broker", "RabbitMQ 3 (AMQP 1.0 plugin)", "RabbitMQ 4, classic queues", "RabbitMQ 4, quorum queues", "RabbitMQ 4, streams",
    "ActiveMQ 5", "Artemis", "Qpid Proton's example broker", "Qpid Broker-J", "Azure Service Bus",
  ]);
  for (const row of rows) {
    const cell = row.split("|")[3] ?? "";
    expect(cell).toMatch(/tests\/|by its documents/);
  }
});

test("the README leads to it", () => {
  expect(read("README.md")).toContain("(.github/docs/guarantees.md)");
});
