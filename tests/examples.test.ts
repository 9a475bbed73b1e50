/** Every program in examples/ type-checks, runs to its end, and prints what it says. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ROOT, runProgram, typeErrors } from "./support/programs.ts";

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "send-receive.ts": ["sent tea: accepted", "sent milk: accepted", "sent sugar: accepted", "received tea", "received milk", "received sugar"],
  "request-response.ts": ["GOOD MORNING WORLD", "no answer in time: true"],
  "typed-orders.ts": ["not sent: true", "told: decode-error", "a-1: 2, true, 0 more", "a-4: 1, true, 0 more", "set aside: 1"],
  "competing-consumers.ts": ["set aside: poison", "done: a b c d e"],
  "hello-world.ts": ["Hello World!"],
  "simple-send.ts": ["all 100 messages confirmed"],
  "simple-receive.ts": ['{"sequence":1}', '{"sequence":2}', '{"sequence":3}', "2 left"],
  "request-server.ts": ["request: Twas brillig,", "reply: TWAS BRILLIG,", "request: and the slithy toves", "reply: AND THE SLITHY TOVES"],
  "request-client.ts": [
    "Twas brillig, and the slithy toves => TWAS BRILLIG, AND THE SLITHY TOVES", "Did gire and gymble in the wabe. => DID GIRE AND GYMBLE IN THE WABE.",
    "All mimsy were the borogroves, => ALL MIMSY WERE THE BOROGROVES,", "And the mome raths outgrabe. => AND THE MOME RATHS OUTGRABE.",
  ],
  "direct-send.ts": ['received {"sequence":1}', 'received {"sequence":2}', 'received {"sequence":3}', "all 3 messages confirmed"],
  "direct-receive.ts": ['{"sequence":1}', '{"sequence":2}', '{"sequence":3}'],
  "selected-receive.ts": ["grass green", "frog green", "2 left for others"],
  "small-broker.ts": ["listening on amqp://127.0.0.1", "received apple", "received pear", "anybody there? yes"],
  "transaction.ts": ["tea: both done", "something odd: not on the list", "milk: both done", "something odd: both done", "an invoice for tea, an invoice for milk, an invoice for something odd"],
  "transactional-send.ts": ["3 messages committed, 3 in the queue", "6 messages committed, 6 in the queue", "9 messages committed, 9 in the queue"],
  "transactional-receive.ts": ["one", "two", "aborted", "one", "two", "committed", "three", "four", "committed"],
  "durable-subscription.ts": ["read: monday", "read later: tuesday", "read later: wednesday", "still there: false"],
  "topic-selector.ts": [
    "screen: door open, too hot, too hot, fire", "night shift: too hot, level 3", "night shift: fire, level 5", "waiting: fire, too hot", "failed: fire, no spare kiln",
  ],
  "rxjs-pipeline.ts": ["25 squared", "50 squared", "75 squared", "100 squared", "100 done, 0 left, 100 squares"],
  "web-socket.ts": ["ws://n.n.n.n:n/", "tea: 2", "milk: 1"],
  "sign-in.ts": ["ann (SCRAM-SHA-256): two teas", "robot (OAUTHBEARER): a milk", "robot: amqp:unauthorized-access", "ann: auth-failed", "eve: auth-failed"],
  "peer-to-peer.ts": ["kitchen: 21.5 degrees", "cellar: 12.25 degrees", "the sender has left", "refused: true"],
  "send-file.ts": [
    "receiving film.bin", "received 25 %", "received 50 %", "received 75 %", "received 100 %", "the sum is right", "accepted, as long as it was",
  ],
  "error-handling.ts": ["not accepted: rejected, amqp:not-found", "set aside: amount -1", "no idea what to do with 7", "back again: failed 1 time", "connect-failed, worth another try: true"],
};

const names = readdirSync(join(ROOT, "examples")).filter((name) => name.endsWith(".ts")).sort();

describe("examples", () => {
  test("are all listed here, and each has its line in the README", () => {
    expect(names).toEqual(Object.keys(EXPECTED).sort());
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    expect(names.filter((name) => !readme.includes(`examples/${name}`))).toEqual([]);
  });

  test("type-check under the strict settings", () => {
    expect(typeErrors(Object.fromEntries(names.map((name) => [name, readFileSync(join(ROOT, "examples", name), "utf8")])))).toEqual([]);
  }, 120_000);

  test.each(names)("%s prints what it should and ends by itself", async (name) => {
    const ended = await runProgram({ file: join("examples", name) });
    expect(ended).toEqual({ code: 0, stdout: `${EXPECTED[name]?.join("\n")}\n`, stderr: "" });
  }, 60_000);
});
