/** What the addresses of a broker stand for, as its publishers and consumers see it. */

import type { Message, Sender } from "../container/public.ts";
import type { Interest } from "./interest.ts";

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
  /** Undefined when a message may be put, else what to wait for before asking again. */
  full(): Promise<void> | undefined;
  /** Takes a message in, whatever `full` says; `origin` stands for the connection that it came over. */
  put(message: Message, origin?: object): void;
  /** Adds a consumer; the function that is returned takes it away again. */
  attach(sender: Sender, interest: Interest): () => void;
  /** Copies of the messages in it, in order. */
  peek(): Message[];
  delete(): void;
}
