/**
 * Puts a sender's messages where they belong: into the connection's output if they can leave, else into the backlog. Bodies
 * that are large stay where they are and go by reference. What cannot be encoded leaves no trace.
 */

import type { SenderEndpoint } from "../engine/sender.ts";
import { EncodeError } from "../errors.ts";
import type { MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import type { BodyReference } from "../message/sections.ts";
import { encodeMessage } from "../message/sections.ts";
import type { SlabWriter } from "../util/slab.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import { OutgoingBody } from "./outgoing-body.ts";

/** What can be encoded. */
export type Encodable = MessageInit | Message;

export class MessageEncoder {
  /** Octets of the largest message that goes over the link: the peer's bound, or a smaller one of our own. */
  maxMessageSize = Infinity;
  readonly #references: BodyReference[] = [];

  /** Encodes a message as the transfer that it leaves with; the endpoint is writable. @throws EncodeError */
  encodeNow(endpoint: SenderEndpoint, delivery: ClientOutgoing, message: Encodable): void {
    const w = endpoint.begin(delivery);
    const start = w.position;
    const references = this.#references;
    try {
      encodeMessage(w, message, references);
      if (references.length === 0) {
        this.#check(w.position - start);
        endpoint.commit(delivery);
        return;
      }
      const chunks = this.#takeChunks(w, start, delivery);
      endpoint.cancel(delivery);
      if (delivery.content === undefined) endpoint.sendChunks(delivery, chunks);
      else delivery.content.begin(endpoint, delivery);
    } catch (error) {
      references.length = 0;
      endpoint.cancel(delivery);
      throw error;
    }
  }

  /** Encodes a message that has to wait. @throws EncodeError */
  encodeLater(w: SlabWriter, delivery: ClientOutgoing, message: Encodable): void {
    const start = w.begin();
    const references = this.#references;
    try {
      encodeMessage(w, message, references);
      if (references.length !== 0) {
        const chunks = this.#takeChunks(w, start, delivery);
        if (delivery.content === undefined) delivery.chunks = chunks;
        w.rewind();
        return;
      }
      this.#check(w.position - start);
    } catch (error) {
      references.length = 0;
      w.rewind();
      throw error;
    }
    delivery.slab = w.pin();
    delivery.offset = start;
    delivery.length = w.position - start;
    w.finish();
    w.retain();
  }

  /** Why a message that was encoded before the peer's limit was known cannot be sent. */
  unfit(delivery: ClientOutgoing): EncodeError | undefined {
    if (this.maxMessageSize === Infinity) return undefined;
    const size = delivery.content !== undefined ? delivery.content.size : delivery.chunks === undefined ? delivery.length : delivery.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return size <= this.maxMessageSize ? undefined : this.#tooLarge(size);
  }

  /** The message in pieces: what was written, with the bodies that go by reference in between; one that is streamed becomes the delivery's `content`. */
  #takeChunks(w: SlabWriter, start: number, delivery: ClientOutgoing): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    const written = w.bytes.slice(start, w.position);
    const { at: place, stream } = this.#references[0] as BodyReference;
    if (stream !== undefined) {
      this.#references.length = 0;
      delivery.content = new OutgoingBody(delivery, w.pool, stream, written.subarray(0, place), written.subarray(place), () => this.maxMessageSize);
      this.#check(delivery.content.size);
      return chunks;
    }
    let from = 0;
    let total = written.length;
    for (const { at, bytes } of this.#references) {
      if (at > from) chunks.push(written.subarray(from, at));
      chunks.push(bytes);
      total += bytes.length;
      from = at;
    }
    if (from < written.length) chunks.push(written.subarray(from));
    this.#references.length = 0;
    this.#check(total);
    return chunks;
  }

  #check(size: number): void {
    if (size > this.maxMessageSize) throw this.#tooLarge(size);
  }

  #tooLarge(size: number): EncodeError {
    return new EncodeError(`a message of ${size} octets is larger than the link's max-message-size of ${this.maxMessageSize}`,
      { code: "message-too-large", scope: "delivery" });
  }
}
