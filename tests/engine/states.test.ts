/**
 * The three tables against the standard's own diagrams, cell by cell, and the way the engine goes through them on the
 * wire: what moves it, and what the peer hears where a cell is empty.
 */

import { describe, expect, test } from "@jest/globals";
import type { SaslSide } from "../../src/engine/handshake.ts";
import { connectionTable, linkTable, next, sessionTable } from "../../src/engine/states.ts";
import type { ConnectionState, LinkState, SessionState } from "../../src/engine/states.ts";
import type { SessionOwner } from "./support.ts";
import { Solo } from "./support.ts";

/** A table as text: one row a state, one column an event, "." an empty cell. */
type Grid = readonly [events: string, ...rows: string[]];

// §2.4.6: without the pipelined opens and closes of a side that never pipelines (OC-PIPE is our close-pipe after its header).
const CONNECTION: Grid = [
  "                 send-header     receive-header   send-open    receive-open   send-close  send-error-close receive-close",
  "start            header-sent     header-received  .            .              .           .                .",
  "header-sent      .               header-exchanged open-pipe    .              .           .                .",
  "header-received  header-exchanged .               .            .              .           .                .",
  "header-exchanged .               .                open-sent    open-received  .           .                .",
  "open-pipe        .               open-sent        .            .              .           .                .",
  "open-sent        .               .                .            opened         close-pipe  discarding       .",
  "open-received    .               .                opened       .              .           .                end",
  "opened           .               .                .            .              close-sent  discarding       close-received",
  "close-pipe       .               .                .            close-sent     .           .                .",
  "close-received   .               .                .            .              end         end              .",
  "close-sent       .               .                .            .              .           .                end",
  "discarding       .               .                .            discarding     .           .                end",
  "end              .               .                .            .              .           .                .",
];

// §2.5.5
const SESSION: Grid = [
  "                 send-begin   receive-begin   send-end   send-error-end   receive-end",
  "unmapped         begin-sent   begin-received  .          .                .",
  "begin-sent       .            mapped          end-sent   discarding       .",
  "begin-received   mapped       .               .          .                end-received",
  "mapped           .            .               end-sent   discarding       end-received",
  "end-sent         .            end-sent        .          .                unmapped",
  "end-received     .            .               unmapped   unmapped         .",
  "discarding       .            discarding      .          .                unmapped",
];

// §2.6.3, 2.6.5, 2.6.6
const LINK: Grid = [
  "                 send-attach  receive-attach  send-detach  send-error-detach  receive-detach",
  "detached         attach-sent  attach-received .            .                  .",
  "attach-sent      .            attached        detach-sent  discarding         .",
  "attach-received  attached     .               .            .                  detach-received",
  "attached         .            .               detach-sent  discarding         detach-received",
  "detach-sent      .            detach-sent     .            .                  detached",
  "detach-received  .            .               detached     detached           .",
  "discarding       .            discarding      .            .                  detached",
];

const words = (line: string): string[] => line.trim().split(/\s+/);

function cells([head, ...rows]: Grid): [state: string, event: string, next: string | undefined][] {
  const events = words(head);
  return rows.flatMap((row) => {
    const [state = "", ...nexts] = words(row);
    return events.map((event, i): [string, string, string | undefined] => [state, event, nexts[i] === "." ? undefined : nexts[i]]);
  });
}

describe.each([["connection", CONNECTION, connectionTable], ["session", SESSION, sessionTable], ["link", LINK, linkTable]] as const)("the table of the %s", (_name, grid, table) => {
  test.each(cells(grid))("%s, %s: %s", (state, event, expected) => {
    expect(next(table as Record<string, Record<string, string>>, state, event)).toBe(expected);
  });

  test("has no states and events but these", () => {
    expect(Object.keys(table).sort()).toEqual([...new Set(cells(grid).map(([state]) => state))].sort());
    const events = new Set(Object.values(table).flatMap((row) => Object.keys(row)));
    expect([...events].sort()).toEqual(words(grid[0]).sort());
  });
});

const NOT_ALLOWED = "close amqp:not-allowed";
const FRAMING = "close amqp:connection:framing-error";

/** A SASL layer that is content with any frame. */
const anySasl: SaslSide = {
  handleFrame: () => [{ type: "done", mechanism: "ANONYMOUS", user: undefined }], handleUndecodable: () => [], answer: () => [],
};

// the states in which an engine can be found between two calls, and how it gets there
const CONNECTIONS: Partial<Record<ConnectionState, () => Solo>> = {
  "start": () => new Solo("server"),
  "header-sent": () => new Solo("client"),
  "header-exchanged": () => new Solo("server").header(),
  "open-pipe": () => new Solo("client", { sasl: anySasl }).raw("414d515003010000").send("sasl-outcome", { code: 0 }),
  "open-sent": () => new Solo("client").header(),
  "opened": () => new Solo("server").open(),
  "close-pipe": () => {
    const solo = new Solo("client").header();
    solo.endpoint.close();
    return solo;
  },
  "close-sent": () => {
    const solo = new Solo("client").open();
    solo.endpoint.close();
    return solo;
  },
  "discarding": () => {
    const solo = new Solo("client").open();
    solo.endpoint.close({ condition: "amqp:internal-error" });
    return solo;
  },
  "end": () => new Solo("server").open().send("close"),
};

type Walk<S> = readonly [from: S, step: string, to: S, said: readonly string[]];

const STEPS: Readonly<Record<string, (solo: Solo) => unknown>> = {
  "receive-header": (solo) => solo.header(),
  "receive-open": (solo) => solo.send("open"),
  "receive-close": (solo) => solo.send("close"),
  "send-close": (solo) => solo.endpoint.close(),
  "send-error-close": (solo) => solo.endpoint.close({ condition: "amqp:internal-error" }),
};

describe("a connection on the wire", () => {
  test.each(Object.entries(CONNECTIONS))("can be brought to %s", (state, reach) => {
    expect(reach().endpoint.state).toBe(state);
  });

  const own = "close amqp:internal-error";
  // every receive and every command in every state; what is said includes the answer that follows at once
  const walks: readonly Walk<ConnectionState>[] = [
    ["start", "receive-header", "header-exchanged", ["header"]],
    ["start", "send-close", "close-pipe", ["header", "open", "close"]],
    ["start", "send-error-close", "discarding", ["header", "open", own]],
    ["header-sent", "receive-header", "open-sent", ["open"]],
    ["header-sent", "send-close", "close-pipe", ["open", "close"]],
    ["header-sent", "send-error-close", "discarding", ["open", own]],
    ["header-exchanged", "receive-header", "discarding", ["open", FRAMING]],
    ["header-exchanged", "receive-open", "opened", ["open"]],
    ["header-exchanged", "receive-close", "discarding", ["open", NOT_ALLOWED]],
    ["header-exchanged", "send-close", "close-pipe", ["open", "close"]],
    ["header-exchanged", "send-error-close", "discarding", ["open", own]],
    ["open-pipe", "receive-header", "open-sent", []],
    ["open-pipe", "send-close", "close-pipe", ["close"]],
    ["open-pipe", "send-error-close", "discarding", [own]],
    ["open-sent", "receive-header", "discarding", [FRAMING]],
    ["open-sent", "receive-open", "opened", []],
    // some peers refuse a connection without an open of their own: the reason they give is worth more than the rule
    ["open-sent", "receive-close", "end", ["close"]],
    ["open-sent", "send-close", "close-pipe", ["close"]],
    ["open-sent", "send-error-close", "discarding", [own]],
    ["opened", "receive-header", "discarding", [FRAMING]],
    ["opened", "receive-open", "discarding", [NOT_ALLOWED]],
    ["opened", "receive-close", "end", ["close"]],
    ["opened", "send-close", "close-sent", ["close"]],
    ["opened", "send-error-close", "discarding", [own]],
    ["close-pipe", "receive-open", "close-sent", []],
    ["close-pipe", "receive-close", "end", []],
    ["close-pipe", "send-close", "close-pipe", []],
    ["close-pipe", "send-error-close", "close-pipe", []],
    ["close-sent", "receive-open", "close-sent", []],
    ["close-sent", "receive-close", "end", []],
    ["close-sent", "send-close", "close-sent", []],
    ["close-sent", "send-error-close", "close-sent", []],
    ["discarding", "receive-open", "discarding", []],
    ["discarding", "receive-close", "end", []],
    ["discarding", "send-close", "discarding", []],
    ["discarding", "send-error-close", "discarding", []],
    ["end", "receive-header", "end", []],
    ["end", "receive-open", "end", []],
    ["end", "receive-close", "end", []],
    ["end", "send-close", "end", []],
    ["end", "send-error-close", "end", []],
  ];

  test.each(walks)("B59 B60 B64 %s, %s: %s, says %j", (from, step, to, said) => {
    const solo = (CONNECTIONS[from] as () => Solo)();
    solo.take();
    if (from === "start" || from === "header-sent") expect(solo.endpoint.state).toBe(from);
    STEPS[step]?.(solo);
    expect([solo.endpoint.state, ...solo.said()]).toEqual([to, ...said]);
  });

  test("B59 a local close ahead of the peer's header: the header is sent once, whenever the other one comes", () => {
    for (const side of ["client", "server"] as const) {
      const solo = new Solo(side);
      solo.endpoint.close();
      solo.header().send("open").send("close");
      expect([side, ...solo.said(), solo.endpoint.state]).toEqual([side, "header", "open", "close", "end"]);
    }
  });

  test.each(["opened", "open-sent", "header-exchanged"] as const)("a breach in %s is told once, and the peer's close after it ends the connection quietly", (state) => {
    const solo = (CONNECTIONS[state] as () => Solo)();
    solo.raw("0000000702000000");
    expect(solo.endpoint.state).toBe("discarding");
    expect(solo.said().at(-1)).toBe(FRAMING);
    expect(solo.endpoint.deadline).toBe(Infinity);
    expect(solo.log.filter((line) => line.startsWith("failed") || line.startsWith("closed"))).toEqual(["failed protocol-violation amqp:connection:framing-error"]);
  });

  test("B64 what was on its way when we closed is still read, and after an error discarded", () => {
    for (const [error, begun] of [[undefined, 1], [{ condition: "amqp:internal-error" }, 0]] as const) {
      const solo = new Solo("server").open();
      solo.endpoint.close(error);
      solo.send("begin").send("close");
      expect(solo.owner.sessions).toHaveLength(begun);
      expect(solo.log.at(-1)).toBe("closed -");
      expect(solo.endpoint.finished).toBe(true);
    }
  });
});

interface At {
  readonly solo: Solo;
  readonly session: SessionOwner;
}

const SESSIONS: Partial<Record<SessionState, () => At>> = {
  "begin-sent": () => {
    const solo = new Solo("client").open();
    return { solo, session: solo.owner.begin() };
  },
  "mapped": () => {
    const solo = new Solo("client");
    return { solo, session: solo.session() };
  },
  "end-sent": () => {
    const at = (SESSIONS["mapped"] as () => At)();
    at.session.endpoint.end();
    return at;
  },
  "discarding": () => {
    const at = (SESSIONS["mapped"] as () => At)();
    at.session.endpoint.end({ condition: "amqp:internal-error" });
    return at;
  },
  "unmapped": () => {
    const at = (SESSIONS["mapped"] as () => At)();
    at.solo.send("end");
    return at;
  },
};

const SESSION_STEPS: Readonly<Record<string, (at: At) => unknown>> = {
  "receive-begin": ({ solo }) => solo.send("begin", { remoteChannel: 0 }),
  "receive-end": ({ solo }) => solo.send("end"),
  "send-end": ({ session }) => session.endpoint.end(),
  "send-error-end": ({ session }) => session.endpoint.end({ condition: "amqp:internal-error" }),
};

describe("a session on the wire", () => {
  const own = "end amqp:internal-error";
  const walks: readonly Walk<SessionState>[] = [
    ["begin-sent", "receive-begin", "mapped", []],
    ["begin-sent", "receive-end", "begin-sent", [NOT_ALLOWED]],
    ["begin-sent", "send-end", "end-sent", ["end"]],
    ["begin-sent", "send-error-end", "discarding", [own]],
    ["mapped", "receive-begin", "mapped", [NOT_ALLOWED]],
    ["mapped", "receive-end", "unmapped", ["end"]],
    ["mapped", "send-end", "end-sent", ["end"]],
    ["mapped", "send-error-end", "discarding", [own]],
    ["end-sent", "receive-begin", "end-sent", [NOT_ALLOWED]],
    ["end-sent", "receive-end", "unmapped", []],
    ["end-sent", "send-end", "end-sent", []],
    ["end-sent", "send-error-end", "end-sent", []],
    ["discarding", "receive-begin", "discarding", [NOT_ALLOWED]],
    ["discarding", "receive-end", "unmapped", []],
    ["discarding", "send-end", "discarding", []],
    ["discarding", "send-error-end", "discarding", []],
    ["unmapped", "receive-begin", "unmapped", [NOT_ALLOWED]],
    ["unmapped", "receive-end", "unmapped", [NOT_ALLOWED]],
    ["unmapped", "send-end", "unmapped", []],
    ["unmapped", "send-error-end", "unmapped", []],
  ];

  test.each(walks)("B65 B66 B68 %s, %s: %s, says %j", (from, step, to, said) => {
    const at = (SESSIONS[from] as () => At)();
    expect(at.session.endpoint.state).toBe(from);
    at.solo.take();
    SESSION_STEPS[step]?.(at);
    expect([at.session.endpoint.state, ...at.solo.said()]).toEqual([to, ...said]);
  });

  test.each([["end-sent", undefined], ["discarding", { condition: "amqp:internal-error" }]] as const)("an end before the peer's begin: %s until both have come", (state, error) => {
    const solo = new Solo("client").open();
    const session = solo.owner.begin();
    session.endpoint.end(error);
    expect(session.endpoint.state).toBe(state);
    expect(solo.send("begin", { remoteChannel: 0 }).owner.sessions[0]?.endpoint.state).toBe(state);
    solo.send("end");
    expect(session.endpoint.state).toBe("unmapped");
    expect(solo.endpoint.channels.count).toBe(0);
    expect(solo.said()).toEqual(["begin", error === undefined ? "end" : "end amqp:internal-error"]);
  });

  test("B68 after an end with an error all that comes for the session is discarded, until the peer's end frees the channel", () => {
    const { solo } = (SESSIONS["discarding"] as () => At)();
    solo.take();
    solo.send("attach").send("flow", { handle: 7 }).send("transfer", { handle: 9, deliveryId: 0, deliveryTag: new Uint8Array(1) })
      .send("disposition", { first: 5, last: 1 }).send("detach", { handle: 9 });
    expect(solo.said()).toEqual([]);
    solo.send("end");
    expect(solo.endpoint.channels.count).toBe(0);
    expect(solo.owner.begin().endpoint.channel).toBe(0);
  });

  test("a session of the peer's is mapped in one step, on the lowest free channel of ours", () => {
    const solo = new Solo("server").open();
    solo.send("begin", {}, undefined, { channel: 7 }).send("begin", {}, undefined, { channel: 3 });
    const begins = solo.take();
    expect(begins.map((begin) => [begin.channel, begin.fields["remoteChannel"]])).toEqual([[0, 7], [1, 3]]);
    expect(solo.owner.sessions.map(({ endpoint }) => endpoint.state)).toEqual(["mapped", "mapped"]);
    solo.send("end", {}, undefined, { channel: 7 });
    expect(solo.said()).toEqual(["end"]);
    solo.send("begin", {}, undefined, { channel: 7 });
    expect(solo.take().map(({ channel }) => channel)).toEqual([0]);
  });
});

describe("a link on the wire", () => {
  interface LinkAt extends At {
    readonly link: { readonly state: LinkState; detach(closed: boolean, error?: { condition: string }): void };
  }
  const mapped = (): At => (SESSIONS["mapped"] as () => At)();
  const attached = (): LinkAt => {
    const at = mapped();
    const link = at.session.sender("l").endpoint;
    at.solo.send("attach", { role: "receiver", handle: 5 });
    return { ...at, link };
  };
  const LINKS: Partial<Record<LinkState, () => LinkAt>> = {
    "attach-sent": () => {
      const at = mapped();
      return { ...at, link: at.session.sender("l").endpoint };
    },
    "attach-received": () => {
      const at = mapped();
      at.session.answer = "hold";
      at.solo.send("attach", { role: "receiver", handle: 5 });
      return { ...at, link: at.session.held[0] as unknown as LinkAt["link"] };
    },
    "attached": attached,
    "detach-sent": () => {
      const at = attached();
      at.link.detach(true);
      return at;
    },
    "discarding": () => {
      const at = attached();
      at.link.detach(true, { condition: "amqp:internal-error" });
      return at;
    },
    "detached": () => {
      const at = attached();
      at.solo.send("detach", { handle: 5, closed: true });
      return at;
    },
  };
  const LINK_STEPS: Readonly<Record<string, (at: LinkAt) => unknown>> = {
    "receive-attach": ({ solo }) => solo.send("attach", { role: "receiver", handle: 5 }),
    "receive-detach": ({ solo }) => solo.send("detach", { handle: 5, closed: true }),
    "send-detach": ({ link }) => link.detach(true),
    "send-error-detach": ({ link }) => link.detach(true, { condition: "amqp:internal-error" }),
  };
  const own = "detach amqp:internal-error";
  const IN_USE = "end amqp:session:handle-in-use";
  const UNATTACHED = "end amqp:session:unattached-handle";
  const walks: readonly Walk<LinkState>[] = [
    ["attach-sent", "receive-attach", "attached", []],
    ["attach-sent", "receive-detach", "detached", [UNATTACHED]],
    ["attach-sent", "send-detach", "detach-sent", ["detach"]],
    ["attach-sent", "send-error-detach", "discarding", [own]],
    ["attach-received", "receive-attach", "detached", [IN_USE]],
    // both ends attach before they detach, even where nobody has answered yet
    ["attach-received", "receive-detach", "detached", ["attach", "detach"]],
    ["attach-received", "send-detach", "attach-received", []],
    ["attach-received", "send-error-detach", "attach-received", []],
    ["attached", "receive-attach", "detached", [IN_USE]],
    ["attached", "receive-detach", "detached", ["detach"]],
    ["attached", "send-detach", "detach-sent", ["detach"]],
    ["attached", "send-error-detach", "discarding", [own]],
    ["detach-sent", "receive-attach", "detached", [IN_USE]],
    ["detach-sent", "receive-detach", "detached", []],
    ["detach-sent", "send-detach", "detach-sent", []],
    ["detach-sent", "send-error-detach", "detach-sent", []],
    ["discarding", "receive-attach", "detached", [IN_USE]],
    ["discarding", "receive-detach", "detached", []],
    ["discarding", "send-detach", "discarding", []],
    ["discarding", "send-error-detach", "discarding", []],
    ["detached", "receive-detach", "detached", [UNATTACHED]],
    ["detached", "send-detach", "detached", []],
    ["detached", "send-error-detach", "detached", []],
  ];

  test.each(walks)("B74 B76 B77 %s, %s: %s, says %j", (from, step, to, said) => {
    const at = (LINKS[from] as () => LinkAt)();
    expect(at.link.state).toBe(from);
    at.solo.take();
    LINK_STEPS[step]?.(at);
    expect([at.link.state, ...at.solo.said()]).toEqual([to, ...said]);
  });

  test.each([["detach-sent", undefined], ["discarding", { condition: "amqp:internal-error" }]] as const)("a detach before the peer's attach: %s until both have come", (state, error) => {
    const at = (LINKS["attach-sent"] as () => LinkAt)();
    at.link.detach(true, error);
    at.solo.send("attach", { role: "receiver", handle: 5 });
    expect(at.link.state).toBe(state);
    at.solo.send("detach", { handle: 5, closed: true });
    expect(at.link.state).toBe("detached");
    expect(at.session.endpoint.links.count).toBe(0);
    expect(at.solo.log.filter((line) => line.includes("detached"))).toEqual(["sender detached closed -"]);
  });

  test("B77 input after our detach, with an error or without, is discarded, and its delivery-ids still count", () => {
    for (const error of [undefined, { condition: "amqp:internal-error" }]) {
      const at = mapped();
      const here = at.session.receiver("l").endpoint;
      at.solo.send("attach", { handle: 5 });
      const other = at.session.receiver("m");
      at.solo.send("attach", { name: "m", handle: 6 });
      here.giveCredit(10);
      other.endpoint.giveCredit(10);
      here.detach(true, error);
      at.solo.take();
      at.solo.send("transfer", { handle: 5, deliveryId: 40, deliveryTag: new Uint8Array(1) }, new Uint8Array(3))
        .send("flow", { handle: 5, echo: true })
        .send("transfer", { handle: 6, deliveryId: 41, deliveryTag: new Uint8Array(1) }, new Uint8Array(3));
      expect(other.received).toHaveLength(1);
      expect(at.session.endpoint.state).toBe("mapped");
      expect(at.solo.said().filter((line) => line !== "flow")).toEqual([]);
    }
  });
});
