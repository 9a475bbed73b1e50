/** Each schema has the names of its interface: the compiler holds it to this, and the lists here are what users read. */

import { describe, expect, test } from "@jest/globals";
import { expectTypeOf } from "expect-type";

import type { CallOptions, CloseOptions, ErrorInit } from "../../src/options/call.ts";
import type { ConnectOptions, TlsOptions } from "../../src/options/connect.ts";
import type { ContainerOptions } from "../../src/options/container.ts";
import { DEFAULT_LIMITS } from "../../src/options/limits.ts";
import type { Limits } from "../../src/options/limits.ts";
import type { MessagingHandlerOptions } from "../../src/options/messaging.ts";
import type { ConsumeOptionsBase, FlowOptions, ReceiverOptionsBase, RequesterOptionsBase, ResponderOptionsBase, SenderOptionsBase, SessionOptions, TakeOptions } from "../../src/options/link.ts";
import type { ListenOptionsBase } from "../../src/options/listen.ts";
import * as schemas from "../../src/options/schemas.ts";
import { nearest } from "../../src/util/suggest.ts";
import type { SourceInit, TargetInit } from "../../src/options/terminus.ts";
import { DEFAULT_TIMEOUTS } from "../../src/options/timeouts.ts";
import type { Timeouts } from "../../src/options/timeouts.ts";

// A record that must have every name of the interface and no other; what it has is then compared at run time.
const names = <B>(record: Record<keyof B, 1>): string[] => Object.keys(record).sort();
const call = { signal: 1, timeout: 1 } as const;
const terminus = { address: 1, capabilities: 1, dynamic: 1, properties: 1, durability: 1, expiryPolicy: 1, timeout: 1 } as const;
const link = {
  ...call, name: 1, handler: 1, guarantee: 1, options: 1, guaranteeFallback: 1, terminusTimeout: 1, properties: 1, offeredCapabilities: 1, desiredCapabilities: 1,
  maxMessageSize: 1, sndSettleMode: 1, rcvSettleMode: 1,
} as const;
const sender = { ...link, source: 1, tags: 1, onInDoubt: 1, duplicateDetection: 1, autoSettle: 1, schema: 1 } as const;
const receiver = {
  ...link, target: 1, partial: 1, prefetch: 1, autoAccept: 1, dynamic: 1, selector: 1, filter: 1, filterRequired: 1, durable: 1, distributionMode: 1, int64: 1, typed: 1,
  schema: 1, deduplicate: 1,
} as const;

describe("schema and interface have the same names", () => {
  test.each<[string, object, string[]]>([
    ["CallOptions", schemas.callShape, names<CallOptions>(call)],
    ["ErrorInit", schemas.errorShape, names<ErrorInit>({ condition: 1, description: 1, info: 1 })],
    ["CloseOptions", schemas.closeShape, names<CloseOptions>({ ...call, error: 1, drain: 1 })],
    ["TlsOptions", schemas.tlsShape, names<TlsOptions>({ ca: 1, cert: 1, key: 1, passphrase: 1, pfx: 1, minVersion: 1, rejectUnauthorized: 1, requestCert: 1 })],
    ["ConnectOptions", schemas.connectShape, names<ConnectOptions>({
      ...call, url: 1, urls: 1, address: 1, handler: 1, heartbeat: 1, tls: 1, reconnect: 1, saslEnabled: 1, allowedMechs: 1, allowInsecureMechs: 1, virtualHost: 1, sni: 1, user: 1,
      password: 1, credentials: 1, token: 1, cbs: 1, mechanisms: 1, containerId: 1, maxFrameSize: 1, channelMax: 1, idleTimeout: 1, offeredCapabilities: 1, desiredCapabilities: 1, properties: 1,
      webSocket: 1, transport: 1, limits: 1, timeouts: 1, redirects: 1, int64: 1, typed: 1,
    })],
    ["SessionOptions", schemas.sessionShape, names<SessionOptions>({ ...call, handler: 1, incomingWindow: 1, outgoingWindow: 1, handleMax: 1, properties: 1, offeredCapabilities: 1, desiredCapabilities: 1 })],
    ["TargetInit", schemas.targetShape, names<TargetInit>(terminus)],
    ["SourceInit", schemas.sourceShape, names<SourceInit>({ ...terminus, filter: 1, distributionMode: 1, outcomes: 1, defaultOutcome: 1 })],
    ["SenderOptions", schemas.senderShape, names<SenderOptionsBase>(sender)],
    ["ReceiverOptions", schemas.receiverShape, names<ReceiverOptionsBase>(receiver)],
    ["RequesterOptions", schemas.requesterShape, names<RequesterOptionsBase>({ ...sender, replyTo: 1, correlate: 1, paired: 1 })],
    ["ResponderOptions", schemas.responderShape, names<ResponderOptionsBase>({ ...receiver, concurrency: 1 })],
    ["ListenOptions", schemas.listenShape, names<ListenOptionsBase>({
      ...call, url: 1, handler: 1, host: 1, port: 1, tls: 1, allowedMechs: 1, allowInsecureMechs: 1, authenticate: 1, passwords: 1, authenticateToken: 1, authenticateCertificate: 1, mechanisms: 1, offeredCapabilities: 1, properties: 1, limits: 1, webSocket: 1, transport: 1,
    })],
    ["ContainerOptions", schemas.containerShape, names<ContainerOptions>({ id: 1, handlers: 1, connection: 1, session: 1, sender: 1, receiver: 1, timeouts: 1, limits: 1, store: 1, keepSettled: 1, clock: 1, logger: 1, onError: 1 })],
    ["FlowOptions", schemas.flowShape, names<FlowOptions>({ properties: 1, echo: 1 })],
    ["MessagingHandlerOptions", schemas.messagingShape, names<MessagingHandlerOptions>({ prefetch: 1, autoAccept: 1, autoSettle: 1, peerCloseIsError: 1 })],
    ["TakeOptions", schemas.takeShape, names<TakeOptions>({ max: 1, idle: 1, drain: 1, signal: 1 })],
    ["ConsumeOptions", schemas.consumeShape, names<ConsumeOptionsBase>({ concurrency: 1, drain: 1, signal: 1 })],
    ["Limits", schemas.limitsShape, Object.keys(DEFAULT_LIMITS).sort()],
    ["Timeouts", schemas.timeoutsShape, Object.keys(DEFAULT_TIMEOUTS).sort()],
  ])("%s", (_, shape, expected) => {
    expect(Object.keys(shape).sort()).toEqual(expected);
  });

  test("also for the compiler", () => {
    expectTypeOf<keyof typeof schemas.connectShape>().toEqualTypeOf<keyof ConnectOptions>();
    expectTypeOf<keyof typeof schemas.senderShape>().toEqualTypeOf<keyof SenderOptionsBase>();
    expectTypeOf<keyof typeof schemas.receiverShape>().toEqualTypeOf<keyof ReceiverOptionsBase>();
    expectTypeOf<keyof typeof schemas.listenShape>().toEqualTypeOf<keyof ListenOptionsBase>();
    expectTypeOf<keyof typeof schemas.limitsShape>().toEqualTypeOf<keyof Limits>();
    expectTypeOf<keyof typeof schemas.timeoutsShape>().toEqualTypeOf<keyof Timeouts>();
  });
});

test("did you mean", () => {
  const known = ["heartbeat", "urls", "url", "idleTimeout", "user"];
  expect(["hearbeat", "heartbaet", "HEARTBEAT", "ulr", "idle_timeout", "usr", "reconnect", "x", ""].map((name) => nearest(name, known)))
    .toEqual(["heartbeat", "heartbeat", "heartbeat", "url", "idleTimeout", "user", undefined, undefined, undefined]);
});
