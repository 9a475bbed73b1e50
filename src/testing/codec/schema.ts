/**
 * The composite types of the standard as a table: name, descriptor, fields in order. `!` marks a mandatory field,
 * `=` its default. Names are the standard's in camelCase.
 */

/** One field of a composite type. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly mandatory: boolean;
  /** What absence means, or undefined. */
  readonly fallback: unknown;
}

/** A composite type: a list with a descriptor. */
export interface Composite {
  readonly name: string;
  /** Low word of the numeric descriptor; the high word is always 0. */
  readonly code: number;
  /** The symbolic descriptor, which stands for the same type. */
  readonly symbol: string;
  readonly fields: readonly Field[];
}

/** AMQP performatives, frames of type 0. */
export const PERFORMATIVES: readonly Composite[] = [
  composite("open", 0x10, "containerId:string! hostname:string maxFrameSize:uint=4294967295 channelMax:ushort=65535 idleTimeOut:uint outgoingLocales:symbols incomingLocales:symbols offeredCapabilities:symbols desiredCapabilities:symbols properties:fields"),
  composite("begin", 0x11, "remoteChannel:ushort nextOutgoingId:uint! incomingWindow:uint! outgoingWindow:uint! handleMax:uint=4294967295 offeredCapabilities:symbols desiredCapabilities:symbols properties:fields"),
  composite("attach", 0x12, "name:string! handle:uint! role:role! sndSettleMode:sndSettleMode=mixed rcvSettleMode:rcvSettleMode=first source:source target:target unsettled:unsettled incompleteUnsettled:boolean=false initialDeliveryCount:uint maxMessageSize:ulong offeredCapabilities:symbols desiredCapabilities:symbols properties:fields"),
  composite("flow", 0x13, "nextIncomingId:uint incomingWindow:uint! nextOutgoingId:uint! outgoingWindow:uint! handle:uint deliveryCount:uint linkCredit:uint available:uint drain:boolean=false echo:boolean=false properties:fields"),
  composite("transfer", 0x14, "handle:uint! deliveryId:uint deliveryTag:binary messageFormat:uint settled:boolean more:boolean=false rcvSettleMode:rcvSettleMode state:state resume:boolean=false aborted:boolean=false batchable:boolean=false"),
  composite("disposition", 0x15, "role:role! first:uint! last:uint settled:boolean=false state:state batchable:boolean=false"),
  composite("detach", 0x16, "handle:uint! closed:boolean=false error:error"),
  composite("end", 0x17, "error:error"),
  composite("close", 0x18, "error:error"),
];

/** SASL bodies, frames of type 1. */
export const SASL_BODIES: readonly Composite[] = [
  composite("sasl-mechanisms", 0x40, "saslServerMechanisms:symbols!"),
  composite("sasl-init", 0x41, "mechanism:symbol! initialResponse:binary hostname:string"),
  composite("sasl-challenge", 0x42, "challenge:binary!"),
  composite("sasl-response", 0x43, "response:binary!"),
  composite("sasl-outcome", 0x44, "code:ubyte! additionalData:binary"),
];

/** Types that stand inside performatives and messages. */
export const PARTS: readonly Composite[] = [
  composite("error", 0x1d, "condition:symbol! description:string info:fields"),
  composite("received", 0x23, "sectionNumber:uint! sectionOffset:ulong!"),
  composite("accepted", 0x24, ""),
  composite("rejected", 0x25, "error:error"),
  composite("released", 0x26, ""),
  composite("modified", 0x27, "deliveryFailed:boolean undeliverableHere:boolean messageAnnotations:fields"),
  composite("source", 0x28, "address:any durable:uint=0 expiryPolicy:symbol=session-end timeout:uint=0 dynamic:boolean=false dynamicNodeProperties:fields distributionMode:symbol filter:fields defaultOutcome:state outcomes:symbols capabilities:symbols"),
  composite("target", 0x29, "address:any durable:uint=0 expiryPolicy:symbol=session-end timeout:uint=0 dynamic:boolean=false dynamicNodeProperties:fields capabilities:symbols"),
  composite("coordinator", 0x30, "capabilities:symbols"),
  composite("declare", 0x31, "globalId:any"),
  composite("discharge", 0x32, "txnId:binary! fail:boolean"),
  composite("declared", 0x33, "txnId:binary!"),
  composite("transactional-state", 0x34, "txnId:binary! outcome:state"),
  composite("header", 0x70, "durable:boolean priority:ubyte ttl:uint firstAcquirer:boolean deliveryCount:uint"),
  composite("properties", 0x73, "messageId:any userId:binary to:any subject:string replyTo:any correlationId:any contentType:symbol contentEncoding:symbol absoluteExpiryTime:timestamp creationTime:timestamp groupId:string groupSequence:uint replyToGroupId:string"),
];

/** Names of field types that are small sets of values: what the standard calls them, and the wire type and value behind. */
export const CHOICES: ReadonlyMap<string, { readonly type: "boolean" | "ubyte"; readonly names: ReadonlyMap<unknown, string> }> = new Map([
  ["role", { type: "boolean" as const, names: new Map<unknown, string>([[false, "sender"], [true, "receiver"]]) }],
  ["sndSettleMode", { type: "ubyte" as const, names: new Map<unknown, string>([[0, "unsettled"], [1, "settled"], [2, "mixed"]]) }],
  ["rcvSettleMode", { type: "ubyte" as const, names: new Map<unknown, string>([[0, "first"], [1, "second"]]) }],
]);

const ALL = [...PERFORMATIVES, ...SASL_BODIES, ...PARTS];
const BY_NAME = new Map(ALL.map((type) => [type.name, type]));
const BY_DESCRIPTOR = new Map<unknown, Composite>(ALL.flatMap((type) => [[type.code, type], [type.symbol, type]]));

/** The composite type of that name. */
export function compositeNamed(name: string): Composite | undefined {
  return BY_NAME.get(name);
}

/** The composite type with that descriptor, numeric or symbolic. */
export function compositeDescribed(descriptor: unknown): Composite | undefined {
  return BY_DESCRIPTOR.get(descriptor);
}

function composite(name: string, code: number, fields: string): Composite {
  return { name, code, symbol: `amqp:${name}:list`, fields: fields.split(" ").filter((text) => text !== "").map(field) };
}

function field(text: string): Field {
  const [, name = "", type = "", mandatory, fallback] = /^(\w+):(\w+)(!)?(?:=(.*))?$/.exec(text) ?? [];
  return { name, type, mandatory: mandatory === "!", fallback: valueOf(fallback) };
}

function valueOf(text: string | undefined): unknown {
  if (text === "false") return false;
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}
