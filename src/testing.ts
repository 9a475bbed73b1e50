/** The door `leptonmq/testing`: peers that follow a script, a line that breaks, transports in memory, and a clock moved by hand. */

export { FaultProxy } from "./testing/fault-proxy.ts";
export type { FaultDirection, FaultProxyOptions } from "./testing/fault-proxy.ts";
export { ManualClock } from "./testing/manual-clock.ts";
export { ScriptedPeer } from "./testing/scripted-peer.ts";
export type { ScriptedPeerOptions, ScriptFunction } from "./testing/scripted-peer.ts";
export type { FieldsInit, HandshakeOptions, Script } from "./testing/script.ts";
export type { Frame, FrameName } from "./testing/codec/frame.ts";
export { memoryPair } from "./transport/streams.ts";
export type { StreamPair } from "./transport/streams.ts";
