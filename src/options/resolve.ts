/** What all resolvers share: laying bags over each other and filling in what nobody gave. */

import type { ZodMiniType } from "zod/mini";

import { check } from "./check.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits, ResolvedLimits } from "./limits.ts";
import {
  batchSchema, callSchema, closeSchema, consumeSchema, containerSchema, errorSchema, flowSchema, messagingSchema, requesterSchema, responderSchema, takeSchema, transactionSchema,
} from "./schemas.ts";
import type { BatchOptions, ConsumeOptionsBase, FlowOptions, RequesterOptionsBase, ResponderOptionsBase, TakeOptions } from "./link.ts";
import type { CallOptions, CloseOptions, ErrorInit } from "./call.ts";
import type { ContainerOptions } from "./container.ts";
import type { MessagingHandlerOptions } from "./messaging.ts";
import { DEFAULT_TIMEOUTS } from "./timeouts.ts";
import type { ResolvedTimeouts, Timeouts } from "./timeouts.ts";
import type { TransactionOptionsBase } from "./transaction.ts";

/** One bag from several, the first that gives an option wins; undefined is not giving it. */
export function layered<B extends object>(...bags: readonly (B | undefined)[]): Partial<B> {
  const result: Partial<B> = {};
  for (const bag of bags) {
    if (bag === undefined) continue;
    for (const key of Object.keys(bag) as (keyof B)[]) {
      if (result[key] === undefined && bag[key] !== undefined) result[key] = bag[key];
    }
  }
  return result;
}

/** Limits with every entry there, the first bag first. */
export function resolveLimits(...bags: readonly (Limits | undefined)[]): ResolvedLimits {
  return { ...DEFAULT_LIMITS, ...layered(...bags) } as ResolvedLimits;
}

/** Timeouts with every entry there, the first bag first. */
export function resolveTimeouts(...bags: readonly (Timeouts | undefined)[]): ResolvedTimeouts {
  return { ...DEFAULT_TIMEOUTS, ...layered(...bags) } as ResolvedTimeouts;
}

/** A list where one text stands for a list of one. */
export function asList(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return NONE;
  return typeof value === "string" ? [value] : value;
}

/** A list from words or a list; undefined where nothing is given. */
export function asWords(value: string | readonly string[] | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  return typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : value;
}

/** Checks the bag of a container. @throws ConfigError `config` */
export function checkContainerOptions(options: ContainerOptions | undefined): ContainerOptions {
  return checkBag(containerSchema, options, "new Container()");
}

/** Checks the bag of a call that has only `signal` and `timeout`. @throws ConfigError `config` */
export function checkCallOptions(options: CallOptions | undefined, where: string): CallOptions {
  if (isPlainCall(options)) return options;
  return checkBag(callSchema, options, where);
}

/** Checks an error that is to be told to the peer. @throws ConfigError `config` */
export function checkErrorInit(error: ErrorInit, where: string): ErrorInit {
  return checkBag(errorSchema, error, where);
}

/** Checks the bag of a close. @throws ConfigError `config` */
export function checkCloseOptions(options: CloseOptions | undefined, where: string): CloseOptions {
  return checkBag(closeSchema, options, where);
}

/** Checks the bag of `flow()` or `offered()`. @throws ConfigError `config` */
export function checkFlowOptions(options: FlowOptions | undefined, where: string): FlowOptions {
  return checkBag(flowSchema, options, where);
}

/** Checks the bag of `receiveBatch()` or `batches()`. @throws ConfigError `config` */
export function checkBatchOptions(options: BatchOptions | undefined, where: string): BatchOptions {
  return checkBag(batchSchema, options, where);
}

/** Checks the bag of `take()`. @throws ConfigError `config` */
export function checkTakeOptions(options: TakeOptions | undefined): TakeOptions {
  return checkBag(takeSchema, options, "take()");
}

/** Checks the bag of a MessagingHandler. @throws ConfigError `config` */
export function checkMessagingOptions(options: MessagingHandlerOptions | undefined): MessagingHandlerOptions {
  return checkBag(messagingSchema, options, "new MessagingHandler()");
}

/** Checks the bag of `consume()`, except its `key` and `onError`. @throws ConfigError `config` */
export function checkConsumeOptions(options: ConsumeOptionsBase | undefined): ConsumeOptionsBase {
  return checkBag(consumeSchema, options, "consume()", ["key", "onError"]);
}

/** Checks the bag of `transaction()`, except its `session`. @throws ConfigError `config` */
export function checkTransactionOptions(options: TransactionOptionsBase | undefined): TransactionOptionsBase {
  return checkBag(transactionSchema, options, "transaction()", ["session"]);
}

/** Checks the bag of `createRequester()`, except its `session`. @throws ConfigError `config` */
export function checkRequesterOptions(options: RequesterOptionsBase | undefined): RequesterOptionsBase {
  return checkBag(requesterSchema, options, "createRequester()", ["session"]);
}

/** Checks the bag of `createResponder()`, except its `session` and `onError`. @throws ConfigError `config` */
export function checkResponderOptions(options: ResponderOptionsBase | undefined): ResponderOptionsBase {
  return checkBag(responderSchema, options, "createResponder()", ["session", "onError"]);
}

const NONE: readonly string[] = Object.freeze([]);
const EMPTY_BAG = Object.freeze({});

/** The usual bag, which may come with every message: a timeout and nothing else. */
function isPlainCall(options: CallOptions | undefined): options is CallOptions {
  if (typeof options !== "object" || options === null) return false;
  for (const name in options) if (name !== "timeout") return false;
  return typeof options.timeout === "number" && options.timeout >= 0;
}

function checkBag<B extends object>(schema: ZodMiniType<B>, options: B | undefined, where: string, also?: readonly string[]): B {
  if (options === undefined) return EMPTY_BAG as B;
  return check(schema, options, where, also);
}
