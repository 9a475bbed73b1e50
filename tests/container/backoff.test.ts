/** R.2: how long a connection waits before it is tried again. R.3, J10: after which errors it is tried again at all. */

import { describe, expect, test } from "@jest/globals";
import { Delays, STEADY } from "../../src/container/backoff.ts";
import type { Circumstances } from "../../src/container/retry-rules.ts";
import { judge } from "../../src/container/retry-rules.ts";
import { ConfigError, ConnectionError, SaslError, TlsError } from "../../src/errors.ts";
import type { AmqpErrorInit } from "../../src/errors.ts";
import { Backoff } from "../../src/options/reconnect.ts";
import { resolveReconnect } from "../../src/options/resolve-reconnect.ts";

const DEFAULTS = resolveReconnect(true, "connect()")!;

describe("R.2 waiting", () => {
  test("the first is drawn from 0 to 200 ms, the next from what has doubled, never more than 10 s", () => {
    const highest = new Delays(DEFAULTS, () => 1);
    expect(Array.from({ length: 10 }, () => highest.next())).toEqual([200, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    const lowest = new Delays(DEFAULTS, () => 0);
    expect(Array.from({ length: 3 }, () => lowest.next())).toEqual([0, 0, 0]);
  });

  test("without jitter it is what it could be", () => {
    const delays = new Delays({ ...DEFAULTS, jitter: false, factor: 3, maxDelay: 1000 }, () => 0.5);
    expect(Array.from({ length: 4 }, () => delays.next())).toEqual([100, 300, 900, 1000]);
  });

  test("it begins anew only after a connection that has held for 10 s: a flapping peer gets no hot loop", () => {
    const delays = new Delays(DEFAULTS, () => 1);
    for (let n = 0; n < 5; n++) delays.next();
    delays.opened(1_000);
    delays.lost(1_000 + STEADY - 1);
    expect(delays.next()).toBe(3200);
    delays.opened(50_000);
    delays.lost(50_000 + STEADY);
    expect(delays.next()).toBe(200);
  });

  test("P06 Backoff and options: the same; what cannot work is said", () => {
    expect(resolveReconnect(new Backoff({ initialDelay: 5, maxAttempts: 3 }), "connect()")).toMatchObject({ initialDelay: 5, maxAttempts: 3, maxDelay: 10_000, jitter: true });
    expect(resolveReconnect(false, "connect()")).toBeUndefined();
    expect(() => resolveReconnect({ maxDelay: 1 }, "connect()")).toThrow(/maxDelay/);
    expect(() => resolveReconnect({ maxdelay: 1 } as never, "connect()")).toThrow(/did you mean "maxDelay"/);
    expect(() => resolveReconnect({ maxAttempts: 0 }, "connect()")).toThrow(ConfigError);
  });
});

describe("R.3 J10 verdicts", () => {
  const usual: Circumstances = { fatalConditions: [], reconnecting: true, canRefresh: false };
  const closed = (condition: string | undefined, more: Partial<AmqpErrorInit> = {}): ConnectionError =>
    new ConnectionError("closed", { code: "connection-closed", scope: "connection", origin: "remote", condition, ...more });

  test.each([
    undefined, "amqp:connection:forced", "amqp:internal-error", "amqp:resource-limit-exceeded", "amqp:some-vendor:thing",
  ])("a close with %s is tried again", (condition) => {
    expect(judge(closed(condition), usual)).toBe("retry");
  });

  test.each([
    "amqp:not-found", "amqp:not-allowed", "amqp:not-implemented", "amqp:invalid-field", "amqp:decode-error", "amqp:connection:framing-error", "amqp:unauthorized-access",
  ])("a close with %s is final", (condition) => {
    expect(judge(closed(condition), usual)).toBe("stop");
  });

  test("refused credentials are asked for once more, where they can be", () => {
    const refused = new SaslError("no", { code: "auth-failed", scope: "connection", origin: "remote" });
    expect(judge(refused, { ...usual, canRefresh: true })).toBe("refresh");
    expect(judge(refused, usual)).toBe("stop");
    expect(judge(closed("amqp:unauthorized-access"), { ...usual, canRefresh: true })).toBe("refresh");
  });

  test("sys-temp is tried again, sys-perm and a certificate that does not hold are not", () => {
    expect(judge(new SaslError("temp", { code: "sasl-failed", scope: "connection", retryable: true }), usual)).toBe("retry");
    expect(judge(new SaslError("perm", { code: "sasl-failed", scope: "connection" }), usual)).toBe("stop");
    expect(judge(new TlsError("certificate", { code: "tls-failed", scope: "connection" }), usual)).toBe("stop");
    expect(judge(new TlsError("broken off", { code: "tls-failed", scope: "connection", retryable: true }), usual)).toBe("retry");
  });

  test("our own container-id, refused while the old socket may still live there, is tried again", () => {
    const twice = closed("amqp:invalid-field", { info: { "invalid-field": "container-id" } });
    expect(judge(twice, usual)).toBe("retry");
    expect(judge(twice, { ...usual, reconnecting: false })).toBe("stop");
  });

  test("the program's own fatal conditions, and what can never be right", () => {
    expect(judge(closed("amqp:resource-limit-exceeded"), { ...usual, fatalConditions: ["amqp:resource-limit-exceeded"] })).toBe("stop");
    expect(judge(new ConfigError("wrong", { code: "config", scope: "connection" }), usual)).toBe("stop");
  });
});
