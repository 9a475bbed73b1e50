/** `sender.stream()`: one large message as a web stream that is written to. */

import { ConfigError } from "../errors.ts";
import type { BodySection } from "../message/body.ts";
import type { MessageInit } from "../message/fields.ts";
import { Message } from "../message/message.ts";
import type { OutgoingDelivery } from "./api.ts";
import type { ClientOutgoing } from "./outgoing.ts";

export class MessageStream extends WritableStream<Uint8Array> {
  /** What `send()` would have answered: it resolves when the message is accepted. */
  readonly delivery: Promise<OutgoingDelivery>;

  constructor(delivery: ClientOutgoing, sent: Promise<OutgoingDelivery>) {
    super({
      start: (controller) => {
        // Whatever ends the delivery ends the stream; the promise of its close tells it too.
        sent.catch((error: unknown) => controller.error(error));
      },
      write: (chunk, controller) => {
        const { content } = delivery;
        try {
          content?.write(chunk);
        } catch (error) {
          delivery.failed(error);
          controller.error(error);
          return undefined;
        }
        return content?.room();
      },
      close: async () => {
        try {
          delivery.content?.end();
        } catch (error) {
          delivery.failed(error);
        }
        await sent;
      },
      abort: (reason: unknown) => delivery.failed(reason ?? new Error("the stream was aborted")),
    });
    this.delivery = sent;
  }
}

/** A message with a body that is written later. @throws ConfigError config where it has one already */
export function withBody(init: MessageInit | Message | undefined, body: BodySection): MessageInit | Message {
  if (init instanceof Message) {
    const message = new Message(init);
    message.body = body;
    return message;
  }
  if (init?.body !== undefined) throw new ConfigError("stream(): the body is what is written to the stream, so the message must have none", { code: "config", scope: "delivery" });
  return { ...init, body };
}
