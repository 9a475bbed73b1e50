/**
 * A scripted server that does what any peer would: it answers every frame, gives senders credit, accepts what they send, and
 * sends receivers what it was told to. What it saw and what it answers can be chosen by the test.
 */

import { encodeMessage } from "../../src/testing/codec/message.ts";
import type { Sections } from "../../src/testing/codec/message.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import type { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { serve } from "../protocol/harness.ts";

/** What a test chooses. */
export interface Behaviour {
  /** Fields of our open, begin and attach beside the usual ones. */
  readonly open?: Readonly<Record<string, unknown>> | undefined;
  readonly begin?: Readonly<Record<string, unknown>> | undefined;
  readonly attach?: ((frame: Frame) => Readonly<Record<string, unknown>>) | undefined;
  /** What receivers get as soon as they give credit. */
  readonly messages?: readonly Sections[] | undefined;
  /** Credit of senders. @default 10 */
  readonly credit?: number | undefined;
  /** The state and settlement with which a transfer is answered; undefined leaves it without an answer. @default accepted, settled */
  readonly outcome?: ((transfer: Frame) => Readonly<Record<string, unknown>> | undefined) | undefined;
  /** Called for each frame before it is answered; true means that it is taken care of. */
  readonly on?: ((frame: Frame, peer: Script) => boolean | undefined) | undefined;
}

/** A server that a test can look at and make speak. */
export interface Served {
  readonly url: string;
  /** The connection's script, once somebody has connected. */
  readonly script: Promise<Script>;
  /** Resolves with the first frame of that name, seen already or to come, for which `match` holds. */
  seen(name: Frame["name"], match?: (frame: Frame) => boolean): Promise<Frame>;
  /** Breaks the connection off. */
  drop(): Promise<void>;
  readonly peer: ScriptedPeer;
}

/** Starts one. */
export async function obedientPeer(behaviour: Behaviour = {}): Promise<Served> {
  const connected = new Deferred<Script>();
  const frames: Frame[] = [];
  const waiting = new Set<() => void>();
  let dropped = false;
  const peer = await serve(async (script) => {
    connected.resolve(script);
    const note = (frame: Frame): void => {
      frames.push(frame);
      for (const look of [...waiting]) look();
    };
    note(await script.handshake(behaviour.open));
    for (;;) {
      const frame = await script.next().catch((error: unknown) => {
        if (dropped) return undefined;
        throw error;
      });
      if (frame === undefined) return;
      note(frame);
      if (behaviour.on?.(frame, script) !== true) answer(frame, script, behaviour);
      if (frame.name === "close") return;
    }
  });
  return {
    url: peer.url,
    script: connected.promise,
    peer,
    drop: async () => {
      dropped = true;
      (await connected.promise).drop("rst");
    },
    seen: (name, match = () => true) => new Promise((resolve) => {
      const look = (): void => {
        const found = frames.find((frame) => frame.name === name && match(frame));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    }),
  };
}

function answer(frame: Frame, peer: Script, behaviour: Behaviour): void {
  switch (frame.name) {
    case "begin":
      peer.reply(frame, behaviour.begin);
      return;
    case "attach":
      peer.reply(frame, behaviour.attach?.(frame));
      if (frame.fields["role"] === "sender" && behaviour.credit !== 0) {
        peer.send("flow", { channel: frame.channel, handle: frame.fields["handle"], deliveryCount: 0, linkCredit: behaviour.credit ?? 10 });
      }
      return;
    case "flow":
      if (Number(frame.fields["linkCredit"] ?? 0) > 0 && Number(frame.fields["deliveryCount"] ?? 0) === 0) {
        for (const message of behaviour.messages ?? []) peer.send("transfer", { channel: frame.channel }, encodeMessage(message));
      }
      return;
    case "transfer": {
      const state = behaviour.outcome === undefined ? { state: "accepted", settled: true } : behaviour.outcome(frame);
      if (state !== undefined && frame.fields["settled"] !== true && frame.fields["more"] !== true) peer.reply(frame, state);
      return;
    }
    case "detach":
    case "end":
    case "close":
      peer.reply(frame);
      return;
    default:
  }
}
