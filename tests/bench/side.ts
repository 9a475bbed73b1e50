/** What a measuring process is told on its command line (`key=value`, the same for Node and C++), and the lines that it prints. */

/** The work of one process of a pair. */
export interface Side {
  readonly role: "sender" | "receiver";
  /** The receiver's port; a receiver takes any free one and prints it. */
  readonly port: number;
  /** Octets of a body. */
  readonly size: number;
  readonly body: "string" | "bytes";
  /** `latency` is one unsettled send at a time. */
  readonly mode: "unsettled" | "settled" | "latency";
  readonly credit: number;
  /** How many sends a sender lets wait for their settlement, where that is its own decision. */
  readonly window: number;
  /** Milliseconds of warm-up, of measuring, and of sending on after that. */
  readonly warmUp: number;
  readonly measure: number;
  readonly tail: number;
  /** The clock is looked at for every so many messages; a power of two. */
  readonly stride: number;
  /** 1: the receiver reads each body; 0: it only counts. */
  readonly read: number;
  /** 1: one message object for all sends, where the peer has such a thing. */
  readonly reuse: number;
}

/** A side as arguments. */
export function sideArguments(side: Side): string[] {
  return Object.entries(side).map(([name, value]) => `${name}=${value}`);
}

/** The side that arguments describe. */
export function parseSide(words: readonly string[]): Side {
  const values = new Map(words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
  const text = (name: keyof Side): string => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`option ${name} is missing`);
    return value;
  };
  const number = (name: keyof Side): number => Number(text(name));
  return {
    role: text("role") === "sender" ? "sender" : "receiver",
    port: number("port"),
    size: number("size"),
    body: text("body") === "bytes" ? "bytes" : "string",
    mode: text("mode") as Side["mode"],
    credit: number("credit"),
    window: number("window"),
    warmUp: number("warmUp"),
    measure: number("measure"),
    tail: number("tail"),
    stride: number("stride"),
    read: number("read"),
    reuse: number("reuse"),
  };
}

/** Prints one line for the parent; resolves when it has left the process. */
export function tell(line: object): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${JSON.stringify(line)}\n`, () => resolve());
  });
}
