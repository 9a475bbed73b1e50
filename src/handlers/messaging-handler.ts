/** Proton's MessagingHandler: a base for handlers that says how messages are taken and settled, and settles by hand. */

import type { Handler, IncomingDelivery, OutgoingDelivery } from "../client/api.ts";
import type { DeliveryStateInit } from "../client/shapes.ts";
import type { ErrorInit } from "../options/call.ts";
import type { MessagingHandlerOptions } from "../options/messaging.ts";
import { checkMessagingOptions } from "../options/resolve.ts";

/** What scopes read of a MessagingHandler, whichever copy of the package it comes from. */
export interface MessagingSettings {
  readonly prefetch: number;
  readonly autoAccept: boolean;
  readonly autoSettle: boolean;
  readonly peerCloseIsError: boolean;
}

const SETTINGS = Symbol.for("leptonmq.messaging-handler");

/** The settings of a handler that is a MessagingHandler. */
export function settingsOf(handler: object): MessagingSettings | undefined {
  return (handler as { [SETTINGS]?: MessagingSettings })[SETTINGS];
}

// Its callbacks are there by type alone: one that does nothing would count as handling the event.
export interface MessagingHandler extends Handler {}

/**
 * A handler that receivers in its scope take their settings from, and under which an error that nobody handles closes the connection. Derive from it
 * and add `on_*` methods.
 */
export class MessagingHandler {
  /** Conditions of a failed attempt to connect after which no other is made. @default amqp:unauthorized-access */
  fatalConditions: readonly string[] = ["amqp:unauthorized-access"];

  /** @throws ConfigError config */
  constructor(options?: MessagingHandlerOptions) {
    const { prefetch = 10, autoAccept = true, autoSettle = true, peerCloseIsError = false } = checkMessagingOptions(options);
    const settings: MessagingSettings = { prefetch, autoAccept, autoSettle, peerCloseIsError };
    Object.defineProperty(this, SETTINGS, { value: settings });
  }

  /** Accepts a message that was received. */
  accept(delivery: IncomingDelivery): void {
    void delivery.accept();
  }

  /** Rejects a message as invalid. @param error why, for the sender */
  reject(delivery: IncomingDelivery, error?: ErrorInit): void {
    void delivery.reject(error);
  }

  /** Gives a message back. @param delivered whether this counts as an attempt to deliver it. @default true */
  release(delivery: IncomingDelivery, delivered: boolean = true): void {
    void delivery.release({ delivered });
  }

  /** Settles a delivery of either direction, with a state or as it is. */
  settle(delivery: IncomingDelivery | OutgoingDelivery, state?: DeliveryStateInit): void {
    void delivery.settle(state);
  }
}
