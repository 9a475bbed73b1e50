/** A line to a listener that is cut once, after so many octets in one direction, and holds from then on. */

import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** Which way the octets go that are counted. */
export type Way = "there" | "back";

export interface Line {
  readonly url: string;
  /** Octets that have gone each way, over all connections. */
  readonly passed: Readonly<Record<Way, number>>;
  /** How often it was cut. */
  readonly cuts: number;
  /** Cuts the connections that are open when so many more octets have gone that way; of what comes then the first part still arrives. */
  cutAfter(octets: number, way: Way): void;
  /** Cuts them now. */
  cut(): void;
  close(): Promise<void>;
}

/** A line to a port of this machine. */
export async function line(port: number): Promise<Line> {
  const sockets = new Set<Socket>();
  const passed = { there: 0, back: 0 };
  const left = { there: Infinity, back: Infinity };
  let cuts = 0;
  const cut = (): void => {
    cuts += 1;
    for (const socket of [...sockets]) socket.resetAndDestroy();
  };
  const pass = (from: Socket, to: Socket, way: Way): void => {
    from.on("data", (bytes: Buffer) => {
      const room = left[way];
      passed[way] += Math.min(bytes.length, room);
      left[way] -= bytes.length;
      if (left[way] > 0) {
        to.write(bytes);
        return;
      }
      left[way] = Infinity;
      // What was written before a reset may be lost with it: the end of this part is waited for.
      from.pause();
      to.write(bytes.subarray(0, room), () => setImmediate(cut));
    });
  };
  const server = createServer((near) => {
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    near.setNoDelay(true);
    for (const [one, other] of [[near, far], [far, near]] as const) {
      sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    pass(near, far, "there");
    pass(far, near, "back");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    get cuts() { return cuts; },
    cutAfter: (octets, way) => {
      left[way] = octets;
    },
    cut,
    close: () => {
      for (const socket of [...sockets]) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
