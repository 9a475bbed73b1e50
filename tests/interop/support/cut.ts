/** A way to a broker that can be cut at a chosen moment: what the broker says is held back, then both sides are reset. */
import { connect as dial, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface Cut extends AsyncDisposable {
  /** The broker's url, through here. */
  readonly url: string;
  /** What the broker says from now on does not arrive. */
  hold(): void;
  /** Resets every connection; later ones pass again. */
  cut(): void;
}

/** Listens in front of a broker. */
export async function cutting(url: string): Promise<Cut> {
  const target = new URL(url.replace(/^amqp/, "http"));
  const pairs = new Set<readonly [Socket, Socket]>();
  let holds = false;
  const server = createServer((near) => {
    const far = dial(Number(target.port), target.hostname);
    const both = [near, far] as const;
    pairs.add(both);
    near.on("data", (chunk) => far.write(chunk));
    far.on("data", (chunk) => {
      if (!holds) near.write(chunk);
    });
    for (const one of both) {
      one.setNoDelay(true);
      one.on("error", () => undefined);
      one.on("close", () => {
        pairs.delete(both);
        for (const other of both) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    holds = false;
    for (const both of pairs) for (const one of both) one.resetAndDestroy();
  };
  return {
    url: url.replace(/@[^/]+/, `@127.0.0.1:${port}`).replace(/^(amqps?:\/\/)(?![^/]*@)[^/]+/, `$1127.0.0.1:${port}`),
    hold: () => { holds = true; },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
