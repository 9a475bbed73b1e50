/**
 * Inputs of at most 64 KiB that are meant to be expensive: what does each cost in processor time, and how much does it leave in
 * memory while its connection lives? The peer that sends them and the library are in this one process, so that all of it counts.
 */

import { Broker } from "../../../src/broker.ts";
import { Container } from "../../../src/index.ts";
import type { IncomingDelivery, Receiver, Sender } from "../../../src/index.ts";
import type { Script } from "../../../src/testing.ts";
import { ScriptedPeer } from "../../../src/testing.ts";
import { INPUTS, LIMIT } from "../inputs.ts";
import type { Input, Stage } from "../inputs.ts";
import { memory, octets } from "../process-state.ts";
import type { Scenario } from "../scenario.ts";
import { MB, atMost } from "../scenario.ts";
import { percentile } from "../support.ts";

/** Deliveries of ours that the peer leaves unsettled before it begins. */
const UNSETTLED = 10_000;

/** Runs of an input before it is measured. */
const WARM = 6;

/** Who is attacked. */
type Side = "client" | "listener" | "broker";

export const input: Scenario = {
  name: "input",
  title: "any input of at most 64 KiB",
  limit: 480,
  run: async (trial) => {
    const worst = { cpu: { name: "", value: 0 }, kept: { name: "", value: 0 } };
    let runs = 0;
    const rounds = trial.size(5, 3);
    let coldest = 0;
    for (const one of INPUTS(trial.size(60, 10))) {
      for (const side of one.against) {
        // The first runs compile what they meet; garbage is not collected meanwhile, since that throws compiled code away.
        if (one.once !== true) {
          coldest = Math.max(coldest, await time(one, side));
          for (let round = 0; round < WARM; round++) await time(one, side);
        }
        const times: number[] = [];
        for (let round = 0; round < (one.once === true ? 1 : rounds); round++) times.push(await time(one, side));
        const cpu = percentile(times, 0.5);
        const kept = await keeps(one, side);
        const name = `${one.title}, to the ${side}`;
        if (cpu > worst.cpu.value) worst.cpu = { name, value: cpu };
        if (kept > worst.kept.value) worst.kept = { name, value: kept };
        runs += 1;
        if (cpu > 25 || kept > 4) trial.progress(`${name}: ${cpu.toFixed(1)} ms, ${kept.toFixed(2)} MB`);
      }
    }
    trial.row(`${runs} inputs: processor time of the dearest`, worst.cpu.value, "ms", atMost(50), worst.cpu.name);
    trial.row("the dearest first run of its kind in a process, compiling included", coldest, "ms");
    trial.row("memory that the greediest leaves", worst.kept.value, "MB", atMost(8), worst.kept.name);
  },
};

/** Milliseconds of processor time that an input costs. */
function time(one: Input, side: Side): Promise<number> {
  return send(one, side, async (attack) => {
    const before = process.cpuUsage();
    await attack();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
}

/** Megabytes that are kept after it, while its connection lives. */
function keeps(one: Input, side: Side): Promise<number> {
  return send(one, side, async (attack) => {
    const before = octets(await memory());
    await attack();
    return (octets(await memory()) - before) / MB;
  });
}

/** Brings a peer to where the input begins, and hands over how to send it and wait until nothing happens any more. */
async function send(one: Input, side: Side, measure: (attack: () => Promise<void>) => Promise<number>): Promise<number> {
  await using scene = await reach(one.stage, side);
  const bytes = one.bytes(scene.peer);
  if (bytes.length > LIMIT) throw new Error(`${one.title} has ${bytes.length} octets`);
  scene.peer.leave();
  await quiet();
  return await measure(() => {
    scene.peer.raw(bytes);
    return quiet();
  });
}

/** Until the process has nothing to do for a while. */
async function quiet(): Promise<void> {
  for (let calm = 0; calm < 3;) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 4));
    const { user, system } = process.cpuUsage(before);
    calm = user + system < 1_000 ? calm + 1 : 0;
  }
}

/** A peer that has come to a stage, and how to end it all. */
interface Scene extends AsyncDisposable {
  readonly peer: Script;
}

async function reach(stage: Stage, side: Side): Promise<Scene> {
  const container = new Container({ onError: () => undefined, timeouts: { handshake: 60_000 } });
  const broker = side === "broker" ? await Broker.start() : undefined;
  const listener = side === "listener" ? await container.listen({ host: "127.0.0.1", port: 0 }) : undefined;
  void listener?.serve(async (request) => {
    if (request.role === "sender") give(await request.accept());
    else void read(await request.accept({ prefetch: 10_000 }));
  });
  let arrived: (peer: Script) => void = () => undefined;
  let finish: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (finish = resolve));
  const reached = new Promise<Script>((resolve) => (arrived = resolve));
  const script = async (peer: Script): Promise<void> => {
    await (side === "client" ? receive(peer, stage) : attach(peer, stage));
    arrived(peer);
    await over;
  };
  const url = broker?.url ?? listener?.url;
  const peer = url === undefined ? await ScriptedPeer.start(script, { timeout: 30_000 }) : await ScriptedPeer.connect(url, script, { timeout: 30_000 });
  if (side === "client") {
    const connecting = container.connect(peer.url, { reconnect: false });
    connecting.catch(() => undefined);
    const made = stage === "sending" ? connecting.endpoint.createReceiver("q", { prefetch: 10_000 }) : connecting.endpoint.createSender("q");
    made.then((link) => link.isSender ? give(link) : read(link)).catch(() => undefined);
  }
  const failed = peer.done.then(() => Promise.reject(new Error("the script has ended")));
  failed.catch(() => undefined);
  return {
    peer: await Promise.race([reached, failed]),
    [Symbol.asyncDispose]: async () => {
      finish();
      await peer.close().catch(() => undefined);
      await container.close({ timeout: 100 }).catch(() => undefined);
      await broker?.close();
    },
  };
}

/** The connecting peer: of a listener. */
async function attach(peer: Script, stage: Stage): Promise<void> {
  if (stage === "bare") return;
  await peer.handshake({ containerId: "hostile", maxFrameSize: 65_536 });
  if (stage === "open") return;
  peer.send("begin", { incomingWindow: 1_000_000, outgoingWindow: 1_000_000 });
  await peer.until("begin");
  if (stage === "session") return;
  if (stage === "sending") {
    peer.send("attach", { name: "in", role: "sender", source: { address: "peer" }, target: { address: "q" }, initialDeliveryCount: 0 });
    await peer.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
    return;
  }
  peer.send("attach", { name: "out", role: "receiver", source: { address: "q" }, target: { address: "peer" } });
  await peer.until("attach");
  await take(peer);
}

/** The accepting peer: of a client, which makes the link. */
async function receive(peer: Script, stage: Stage): Promise<void> {
  if (stage === "bare") return;
  await peer.handshake({ containerId: "hostile", maxFrameSize: 65_536 });
  if (stage === "open") return;
  peer.reply(await peer.until("begin"), { incomingWindow: 1_000_000, outgoingWindow: 1_000_000 });
  if (stage === "session") return;
  peer.reply(await peer.until("attach"));
  if (stage === "sending") await peer.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
  else await take(peer);
}

/** Gives credit, and takes what comes without settling it. */
async function take(peer: Script): Promise<void> {
  peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: UNSETTLED, incomingWindow: 1_000_000 });
  await peer.until("transfer", { deliveryId: UNSETTLED - 1 });
}

function give(sender: Sender): void {
  void (async () => {
    for (let n = 0; n < UNSETTLED; n++) {
      await sender.ready();
      sender.trySend({ body: n });
    }
  })().catch(() => undefined);
}

/** Reads everything that a message has. */
async function read(receiver: Receiver): Promise<void> {
  try {
    for await (const delivery of receiver) look(delivery);
  } catch {
    // The link or the connection ended: that was to be expected.
  }
}

function look({ message }: IncomingDelivery): void {
  try {
    void [message.body, message.properties, message.annotations, message.instructions, message.footer, message.id, message.subject];
  } catch {
    // Not decodable.
  }
}

