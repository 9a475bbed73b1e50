/**
 * A program for the tests of crashes: writes to a file store at full speed and prints after each flush how far it has come.
 *
 *     writer <directory> <payload octets> [hold]
 *
 * Step i puts message i, puts that message i-10 was accepted, and forgets message i-20. `hold` opens the store and only waits.
 */

import { FileStore } from "../../src/store.ts";
import type { LinkIdentity } from "../../src/store.ts";

const LINK: LinkIdentity = { container: "orders", remoteContainer: "stock", name: "l", role: "sender" };

const [directory = "", size = "100", mode = ""] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function tag(step: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setUint32(4, step);
  return octets;
}

async function write(store: FileStore): Promise<void> {
  let step = 1;
  for (const entry of store.load(LINK)) step = Math.max(step, new DataView(entry.tag.buffer).getUint32(4) + 1);
  for (;;) {
    const end = step + 1 + (step * 7919) % 40;
    for (; step < end; step++) {
      store.put(LINK, { tag: tag(step), state: null, payload: new Uint8Array(Number(size)).fill(step % 251) });
      if (step > 10) store.put(LINK, { tag: tag(step - 10), state: { type: "accepted" } });
      if (step > 20) store.delete(LINK, tag(step - 20));
    }
    await store.flush();
    say(String(step - 1));
  }
}

try {
  const store = new FileStore(directory);
  if (mode === "hold") {
    say("open");
    setInterval(() => undefined, 1_000_000);
  } else {
    await write(store);
  }
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  say(`${code}: ${message}`);
}
