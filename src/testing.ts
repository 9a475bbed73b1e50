/** The door `leptonmq/testing`: peers that follow a script, transports in memory, and a clock moved by hand. */

export { ManualClock } from "./testing/manual-clock.ts";
export { ScriptedPeer } from "./testing/scripted-peer.ts";
export type { ScriptedPeerOptions, ScriptFunction } from "./testing/scripted-peer.ts";
export type { FieldsInit, HandshakeOptions, Script } from "./testing/script.ts";
export type { Frame, FrameName } from "./testing/codec/frame.ts";
export { memoryPair } from "./transport/streams.ts";
export type { StreamPair } from "./transport/streams.ts";
