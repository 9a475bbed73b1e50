/**
 * `duplicateDetection` of senders: what a message is given so that a broker knows a copy of it, such as one that is sent again after a lost
 * connection (features X05). The bytes of a message stay the same however often it is sent, so its id does.
 *
 * The message-id is what Azure Service Bus goes by, and receivers with `deduplicate`. Artemis goes by the application property
 * _AMQ_DUPL_ID. Other brokers have nothing of the kind for AMQP 1.0.
 */

import { ConfigError } from "../errors.ts";
import type { MessageId } from "../message/fields.ts";
import { Message } from "../message/message.ts";
import type { Connection } from "./api.ts";
import { idText } from "./duplicate-window.ts";
import type { Encodable } from "./encoder.ts";
import { freshId } from "./ids.ts";

/** The application property by which Artemis knows copies. */
const ARTEMIS = "_AMQ_DUPL_ID";
/** Products that are known to have no use for it. Routers pass it on, so that unknown ones get it. */
const WITHOUT: ReadonlySet<unknown> = new Set(["RabbitMQ", "ActiveMQ"]);

export class DuplicateIds {
  readonly #connection: Connection;
  readonly #choose: ((message: Encodable) => string) | undefined;
  #run: string | undefined = undefined;
  #count = 0;

  constructor(connection: Connection, choose: true | ((message: never) => string)) {
    this.#connection = connection;
    this.#choose = choose === true ? undefined : choose as (message: Encodable) => string;
  }

  /** The message with its ids; the one that was given stays as it is. @throws ConfigError config, what the user's function throws */
  stamp(message: Encodable): Encodable {
    const { id, properties } = message;
    const text = this.#choose === undefined ? undefined : checked(this.#choose(message));
    const messageId: MessageId = id ?? text ?? this.#fresh();
    const marked = properties?.[ARTEMIS] !== undefined || this.#useless ? properties : { ...properties, [ARTEMIS]: text ?? idText(messageId) ?? null };
    if (!(message instanceof Message)) return { ...message, id: messageId, properties: marked };
    const copy = new Message();
    copy.become(message);
    if (id === undefined) copy.id = messageId;
    if (marked !== properties) copy.properties = marked;
    return copy;
  }

  get #useless(): boolean {
    return WITHOUT.has(this.#connection.remoteProperties?.["product"]);
  }

  #fresh(): string {
    this.#run ??= freshId();
    this.#count += 1;
    return `${this.#run}-${this.#count}`;
  }
}

function checked(id: unknown): string {
  if (typeof id === "string" && id !== "") return id;
  throw new ConfigError(`duplicateDetection: the id of a message must be a text that is not empty; got ${id === "" ? "an empty one" : typeof id}`, { code: "config", scope: "delivery" });
}
