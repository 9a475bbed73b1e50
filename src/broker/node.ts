/** What the addresses of a broker stand for, as its publishers and consumers see it. */

import type { Message, Sender } from "../container/public.ts";
import type { Interest } from "./interest.ts";

/** A link in its place. */
export interface Attachment {
  /** The link is attached anew, and its peer has nothing any more of what was under way: that comes back, counted as failed. */
  again(): void;
  /** It is there no longer. */
  leave(): void;
}

/** Where one consumer gets its messages from. */
export interface Place {
  /** Whether it collects messages while no link is attached to it. */
  readonly collects: boolean;
  /** Called when the node gives it up with what it has collected. */
  onLost: (() => void) | undefined;
  /** Sends to a link. */
  attach(sender: Sender): Attachment;
  /** Its consumer will not come back. */
  close(): void;
}

/** A queue or a topic. */
export interface Node {
  readonly address: string;
  /** Whether it may be forgotten: nothing in it, and nobody there. */
  readonly idle: boolean;
  /** Messages in it, those out for delivery included. */
  readonly length: number;
  /** Set once its owner is gone: nothing is taken any more. */
  readonly deleted: boolean;
  /** Links that publish to it. */
  publishers: number;
  /** Links that are attached, in either direction. */
  readonly links: number;
  /** Whether messages are refused while it is full, so that nobody waits. */
  readonly rejects: boolean;
  /** Undefined when a message may be put, else what to wait for before asking again. */
  full(): Promise<void> | undefined;
  /** Takes a message in, whatever `full` says; `origin` stands for the connection that it came over. */
  put(message: Message, origin?: object): void;
  /** Takes in what could not be delivered elsewhere: whatever its time was, it has it no more. */
  putDead(letter: Message): void;
  /** Makes room for a consumer. With `copy` it looks at the messages and leaves them there. */
  open(interest: Interest, copy: boolean): Place;
  /** Copies of the messages in it, in order. */
  peek(): Message[];
  delete(): void;
}
