/**
 * Bad neighbours of a listener, in a process of its own with the least claim to the processor: slow ones, which send an octet a
 * second and never come to the point, and floods of garbage, each of which comes back as soon as it is thrown out.
 */

import { connect } from "node:net";
import type { Socket } from "node:net";
import { constants, setPriority } from "node:os";
import type { PeerProgram } from "../peer-process.ts";

/** Whom to attack. */
export interface AttackSettings {
  readonly port: number;
  readonly slow: number;
  readonly floods: number;
  readonly seed: number;
}

export const attackers: PeerProgram = async (desk, given) => {
  const { port, slow, floods, seed } = given as unknown as AttackSettings;
  setPriority(constants.priority.PRIORITY_LOW);
  const sockets = new Set<Socket>();
  const counts = { slowConnects: 0, floodConnects: 0, octets: 0, open: 0 };
  const header = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0);
  let over = false;

  const dial = (): Socket => {
    const socket = connect({ host: "127.0.0.1", port });
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("connect", () => (counts.open += 1));
    socket.once("close", (): void => {
      sockets.delete(socket);
    });
    return socket;
  };
  /** The header, then a frame of which an octet comes each second. */
  const creep = (): void => {
    if (over) return;
    counts.slowConnects += 1;
    const socket = dial();
    let at = 0;
    const timer = setInterval(() => {
      socket.write(at < header.length ? header.subarray(at, at + 1) : Uint8Array.of(0));
      at += 1;
    }, 1_000);
    socket.once("close", () => {
      clearInterval(timer);
      // It comes again, as such people do, a little later.
      if (!over) setTimeout(creep, 500).unref();
    });
  };
  const garbage = noise(seed, 64 * 1024);
  const flood = (): void => {
    if (over) return;
    counts.floodConnects += 1;
    const socket = dial();
    const pour = (): void => {
      while (!socket.destroyed && socket.writable) {
        counts.octets += garbage.length;
        if (!socket.write(garbage)) break;
      }
    };
    socket.on("drain", pour);
    // Half of them begin as if they meant it.
    if (counts.floodConnects % 2 === 0) socket.write(Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0));
    pour();
    socket.resume();
    socket.once("close", () => {
      if (!over) setImmediate(flood);
    });
  };
  desk.on("begin", () => {
    for (let i = 0; i < slow; i++) creep();
    for (let i = 0; i < floods; i++) flood();
  });
  desk.on("counts", () => ({ ...counts, sockets: sockets.size }));
  desk.on("end", () => {
    over = true;
    for (const socket of sockets) socket.destroy();
  });
  desk.open({});
};

/** The same octets for the same seed. */
function noise(seed: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed | 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
