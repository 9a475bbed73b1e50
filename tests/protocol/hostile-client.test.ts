/** Every hostile row against a client of ours: each call settles, with an error of ours where there is one. */

import { describe, expect, test } from "@jest/globals";
import { AmqpError, ConnectionError, Container } from "../../src/index.ts";
import type { Connection } from "../../src/index.ts";
import { hex } from "../../src/testing/codec/octets.ts";
import { ONCE, afterwards, serve, within } from "./harness.ts";
import { expectAnswer, reach } from "./stages.ts";
import { rowsAgainst } from "./vectors.ts";
import type { HostileRow } from "./vectors.ts";

interface Outcome {
  /** Whether `connect` resolved. */
  readonly connected: boolean;
  /** Of `connect`, or of `connection.closed`. */
  readonly error: unknown;
  /** What the program's session, link or send was told. */
  readonly told: unknown;
}

/** A program that does what the row's stage is about, until the connection is over. */
async function run(url: string, row: HostileRow): Promise<Outcome> {
  const container = new Container({ id: "client", onError: () => {} });
  afterwards(() => container.close());
  let connection: Connection;
  try {
    connection = await within(container.connect(url, ONCE), "connect", 5000);
  } catch (error) {
    return { connected: false, error, told: undefined };
  }
  const told = use(connection, row).catch((error: unknown) => error);
  const error = await within(connection.closed, "connection.closed");
  return { connected: true, error, told: await within(told, "what the program waits for") };
}

/** Answers the error that the session, link or send ended with. */
async function use(connection: Connection, row: HostileRow): Promise<unknown> {
  switch (row.stage) {
    case "session":
      return (await connection.session()).closed;
    case "attaching":
    case "sender": {
      const receiver = await connection.createReceiver("q", { ...row.link });
      for await (const delivery of receiver) void delivery;
      return receiver.closed;
    }
    case "idle-sender":
      return (await connection.createReceiver("q", { ...row.link })).closed;
    case "receiver":
      await (await connection.createSender("q")).send({ body: "one" });
      return undefined;
    default:
      return undefined;
  }
}

function conditions(error: unknown): (string | undefined)[] {
  if (!(error instanceof AmqpError)) return [];
  const causes = error instanceof ConnectionError ? error.errors : [];
  return [error.condition, ...causes.map(({ condition }) => condition), ...conditions(error.cause)];
}

async function attack(row: HostileRow): Promise<Outcome> {
  const peer = await serve(async (script) => {
    const reached = await reach(script, row.stage, "client", "q");
    await row.attack(script, reached);
    await expectAnswer(script, row.answer);
  }, { timeout: 2500 });
  const [outcome] = await Promise.all([run(peer.url, row), peer.done]);
  return outcome;
}

describe("hostile peers of a client", () => {
  test.each(rowsAgainst("client"))("$title", async (row) => {
    const { connected, error, told } = await attack(row);
    if (error !== undefined) expect(error).toBeInstanceOf(AmqpError);
    if (told !== undefined) expect(told).toBeInstanceOf(AmqpError);
    switch (row.answer.kind) {
      case "drop":
        if (row.stage === "connected" || row.stage === "sasl") expect(connected).toBe(false);
        break;
      case "close":
        expect(conditions(error)).toContain(row.answer.condition);
        break;
      case "end":
      case "detach":
        expect(connected).toBe(true);
        if (row.stage !== "session" || row.answer.kind === "end") expect(told).toBeInstanceOf(AmqpError);
        if (row.stage !== "session" && row.stage !== "receiver") expect(conditions(told)).toContain(row.answer.condition);
        break;
      default:
        expect([connected, error]).toEqual([true, undefined]);
    }
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  const early = (title: string, bytes: string): HostileRow => ({
    title, against: "client", stage: "connected", answer: { kind: "drop" },
    attack: async (peer) => {
      await peer.expectHeader("sasl");
      peer.raw(hex(bytes));
      peer.drop();
    },
  });

  test("B1 the error of a server that speaks HTTP says that it is no AMQP", async () => {
    const { error } = await attack(early("HTTP", "485454502f312e3120343030"));
    expect(codes(error)).toContain("not-amqp");
  });

  test("B2 the error names the version that the server asks for", async () => {
    const { error } = await attack(early("0-9-1", "414d515000000901"));
    expect(codes(error)).toContain("not-amqp");
    expect(String(error)).toMatch(/0-9-1/);
  });

  test("B3 the end of the connection during the handshake", async () => {
    const { error } = await attack(early("cut", "414d51"));
    expect(String(error)).toMatch(/closed during (the )?handshake/);
  });

  test("B4 a server that requires SASL, and a client that was told not to use it", async () => {
    const peer = await serve(async (script) => {
      await script.expectHeader("amqp");
      script.sendHeader("sasl");
      script.drop();
      await script.untilEof();
    });
    const container = new Container({ onError: () => {} });
    afterwards(() => container.close());
    await expect(container.connect(peer.url, { ...ONCE, saslEnabled: false })).rejects.toBeInstanceOf(AmqpError);
    await peer.done;
  });

  test("B64 the end without close is a disconnection", async () => {
    const { connected, error } = await attack({ title: "B64", against: "client", stage: "open", attack: (peer) => peer.drop(), answer: { kind: "drop" } });
    expect(connected).toBe(true);
    expect(error).toMatchObject({ code: "disconnected", origin: "transport" });
  });

  test("B64 a reset is a disconnection", async () => {
    const { connected, error } = await attack({ title: "B64", against: "client", stage: "open", attack: (peer) => peer.drop("rst"), answer: { kind: "drop" } });
    expect(connected).toBe(true);
    expect(error).toMatchObject({ code: "disconnected", origin: "transport" });
  });
});

function codes(error: unknown): string[] {
  if (!(error instanceof AmqpError)) return [];
  const causes = error instanceof ConnectionError ? error.errors : [];
  return [error.code, ...causes.map(({ code }) => code)];
}
