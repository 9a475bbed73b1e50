/**
 * What a party on the way is known not to carry, and what it adds: facts about brokers and clients, each seen with peers that are not
 * this library. Everything else must arrive exactly as it was sent.
 */

/** Who handles the message between our send and the place where it is checked. */
export type Party = "leptonmq" | "rabbitmq3" | "rabbitmq4" | "activemq" | "activemq-jms" | "artemis" | "proton-broker" | "proton-python" | "rhea-sends" | "rhea-receives";

/** Where in a message something stands; a `field` is one of the properties section, a `section` a whole section. */
export type Place = "body" | "properties" | "annotations" | "id" | "field" | "header" | "section";

interface Exclusion {
  readonly party: Party;
  readonly place: Place;
  /** Matches the whole name of a case. */
  readonly name: RegExp;
  readonly reason: string;
}

const row = (party: Party, place: Place, name: RegExp, reason: string): Exclusion => ({ party, place, name, reason });

const POISON = "it fails to send such a message on, and ends the session again and again";
const UNPARSED = "its parser does not know it: the session or the connection ends";
const KEPT = "it keeps annotations of durable messages in a map of Java's own: other keys than text, and some types in lists, are rejected";
const JMS = "the JMS mapping has no such type and converts it";

export const exclusions: readonly Exclusion[] = [
  row("rhea-sends", "body", /value array of array/, "rhea's writer has no constructor for the arrays inside an array"),
  row("rhea-sends", "annotations", /array of array/, "rhea's writer has no constructor for the arrays inside an array"),
  row("rhea-sends", "body", /value described .*/, "rhea writes one descriptor a value, and the section's own is that one"),
  row("rhea-sends", "annotations", /described twice/, "rhea writes one descriptor a value"),
  row("rhea-sends", "section", /footer/, "rhea writes it before the body, which the standard forbids"),

  row("rhea-receives", "body", /value described .*/, "rhea's reader keeps the first of several descriptors, which is the section's"),
  row("rhea-receives", "annotations", /described twice/, "rhea's reader keeps the first of several descriptors"),
  row("rhea-receives", "body", /value (ulong|long) 2\^53\+1/, "rhea reads 64-bit integers a little beyond 2^53 as inexact numbers"),
  row("rhea-receives", "properties", /(ulong|long) 2\^53\+1/, "rhea reads 64-bit integers a little beyond 2^53 as inexact numbers"),
  row("rhea-receives", "annotations", /(ulong|long) 2\^53\+1/, "rhea reads 64-bit integers a little beyond 2^53 as inexact numbers"),
  row("rhea-receives", "body", /value timestamp beyond Date/, "rhea reads it as an invalid Date"),
  row("rhea-receives", "properties", /timestamp beyond Date/, "rhea reads it as an invalid Date"),
  row("rhea-receives", "annotations", /timestamp beyond Date/, "rhea reads it as an invalid Date"),
  row("rhea-receives", "body", /value list of every scalar/, "it holds the 64-bit integers and the timestamp that rhea misreads"),
  row("rhea-receives", "annotations", /list of every scalar/, "it holds the 64-bit integers and the timestamp that rhea misreads"),

  row("proton-python", "body", /data of three sections|sequence of two sections/, "Proton's Message has one body section"),
  row("proton-python", "body", /value null/, "it sends a null body as no body at all"),
  row("proton-python", "body", /value described twice/, "Proton Python reads it with the section's own descriptor in front, twice"),
  row("proton-python", "section", /footer/, "Proton's Message has no footer"),

  row("proton-broker", "body", /data of three sections|sequence of two sections/, "it keeps the message as Proton's Message, which has one body section"),
  row("proton-broker", "body", /value null/, "it sends a message with a null body on without a body"),
  row("proton-broker", "body", /value described twice/, "Proton Python reads it with the section's own descriptor in front, twice"),
  row("proton-broker", "section", /footer/, "Proton's Message has no footer"),

  row("rabbitmq3", "body", /value list (nested|of every scalar)/, "an amqp-value list of two or more items resets the connection"),
  row("rabbitmq3", "body", /data of three sections|sequence of two sections/, "it reverses the order of the sections"),
  row("rabbitmq3", "body", /value array of (float|double|decimal\d+|char|timestamp|uuid|binary|list|map)/, UNPARSED),
  row("rabbitmq3", "annotations", /array of (float|double|decimal\d+|char|timestamp|uuid|binary|list|map)/, UNPARSED),
  row("rabbitmq3", "annotations", /described .*/, UNPARSED),
  row("rabbitmq3", "section", /instructions|footer/, UNPARSED),

  row("rabbitmq4", "annotations", /null|(float|double) (-?infinity|NaN)|decimal\d+|list of every scalar/, POISON),
  row("rabbitmq4", "annotations", /array of decimal\d+|described .*/, UNPARSED),
  row("rabbitmq4", "section", /instructions/, "it keeps delivery annotations to itself, which the standard allows"),
  row("rabbitmq4", "section", /footer/, "it ends the session of the sender"),

  row("activemq", "annotations", /map with (symbol|other) keys|list of every scalar/, KEPT),
  row("activemq-jms", "annotations", /map with (symbol|other) keys/, KEPT),
  row("activemq-jms", "body", /data of three sections|sequence of two sections/, "the first section alone arrives"),
  row("activemq-jms", "properties", /(ubyte|ushort|uint|ulong|decimal\d+|binary|symbol)( .*)?|char wide/, JMS),
  row("activemq-jms", "annotations", /(ubyte|ushort|uint|ulong|decimal\d+|binary|symbol)( .*)?|char wide|list of every scalar/, JMS),
  row("activemq-jms", "section", /instructions|footer/, "JMS has none"),
  row("activemq-jms", "field", /replyTo/, "it becomes a JMS destination: queue://reply"),
  row("activemq-jms", "field", /expiryTime/, "it adds a ttl, what is left until then"),
  row("activemq-jms", "header", /ttl/, "it writes what is left of it"),

  row("artemis", "section", /instructions/, "it keeps delivery annotations to itself, which the standard allows"),
];

/** Annotations that a party adds to what passes. */
export const additions: readonly { readonly party: Party; readonly annotation: RegExp; readonly reason: string }[] = [
  { party: "rabbitmq4", annotation: /x-exchange|x-routing-key/, reason: "where the message came in" },
  { party: "activemq-jms", annotation: /x-opt-jms-.*/, reason: "the JMS mapping" },
];

/** Parties that do not keep the order of a queue, and why. */
const unordered: ReadonlyMap<Party, string> = new Map<Party, string>([
  ["activemq", "messages of several body sections, which its own decoder does not know, count as not durable and are queued apart"],
]);

/** Whether messages arrive in the order in which they were sent. */
export function keepOrder(parties: readonly Party[]): boolean {
  return !parties.some((one) => unordered.has(one));
}

/** Whether all of them carry this. */
export function carries(parties: readonly Party[], place: Place, name: string): boolean {
  return !exclusions.some((one) => parties.includes(one.party) && one.place === place && whole(one.name).test(name));
}

/** The pattern, anchored at both ends. */
export function whole(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, "u");
}
