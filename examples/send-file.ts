/** A file goes from one program to another, in little memory however large it is, with progress on both sides. */

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Writable } from "node:stream";
import { connect, Container, streamed } from "leptonmq";

/** Prints when another quarter of `whole` has passed. */
function progress(what: string, whole: number): (octets: number) => void {
  let passed = 0;
  let told = 0;
  return (octets) => {
    passed += octets;
    for (; told < 4 && passed * 4 >= whole * (told + 1); told++) console.log(`${what} ${(told + 1) * 25} %`);
  };
}

// Something to send: 32 MiB that differ everywhere.
const folder = await mkdtemp(join(tmpdir(), "send-file-"));
const path = join(folder, "film.bin");
const file = await open(path, "w");
for (let n = 0; n < 32; n++) await file.write(Buffer.alloc(1024 * 1024, `block ${n} `));
await file.close();

// The receiving program: writes what comes into a file, and looks at the sum that follows the body.
const container = new Container();
const listener = await container.listen({ host: "127.0.0.1", port: 0 });
const serving = listener.serve(async (request) => {
  if (request.role !== "receiver") return request.refuse({ condition: "amqp:not-allowed", description: "send only" });
  const receiver = await request.accept({ partial: true });
  for await (const delivery of receiver) {
    const { subject, properties } = delivery.message;
    console.log(`receiving ${subject}`);
    const sum = createHash("sha256");
    const received = progress("received", Number(properties["size"]));
    const watched = delivery.stream().pipeThrough(new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (bytes, controller) => {
        sum.update(bytes);
        received(bytes.length);
        controller.enqueue(bytes);
      },
    }));
    await watched.pipeTo(Writable.toWeb(createWriteStream(join(folder, "copy.bin"))));
    if (sum.digest("hex") === properties["sha256"]) console.log("the sum is right");
    else await delivery.reject({ condition: "amqp:decode-error", description: "the sum is wrong" });
  }
});

// The sending program.
const connection = await connect(listener.url);
const sender = await connection.createSender("uploads");
const { size } = await stat(path);
const sha256 = createHash("sha256");
for await (const block of createReadStream(path)) sha256.update(block as Buffer);
await sender.send({
  subject: basename(path),
  contentType: "application/octet-stream",
  properties: { size, sha256: sha256.digest("hex") },
  // Opened when the message is about to leave, and read no faster than the other side takes it.
  body: streamed((offset) => createReadStream(path, { start: offset }), { length: size }),
});
const copied = await stat(join(folder, "copy.bin"));
console.log(`accepted, ${copied.size === size ? "as long as it was" : "of another length"}`);

await connection.close();
await listener.close();
await serving;
await container.close();
await rm(folder, { recursive: true });
