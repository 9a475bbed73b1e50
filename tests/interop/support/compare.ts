/** Compares what was sent with what arrived: each message exactly once, and equal in everything that its way is known to carry. */
import { expect } from "@jest/globals";
import { additions, keepOrder, whole } from "./exclusions.ts";
import type { Party } from "./exclusions.ts";
import { expectedOf } from "./messages.ts";
import type { Description, Entries, Seen } from "./messages.ts";

/** Fails unless `seen` is `sent`: each message once, and in order where every party keeps it. */
export function expectArrived(sent: readonly Description[], seen: readonly Seen[], parties: readonly Party[]): void {
  const wanted = sent.map((one) => key(one));
  const got = seen.map((one) => key(one));
  if (keepOrder(parties)) expect(got).toEqual(wanted);
  else expect(got.toSorted()).toEqual(wanted.toSorted());
  const byId = new Map(seen.map((one) => [key(one), one]));
  for (const one of sent) {
    const arrived = byId.get(key(one));
    expect(tidy(arrived as Seen, parties)).toEqual(tidy(expectedOf(one), []));
  }
}

const key = ({ id }: { readonly id: unknown }): string => JSON.stringify(id);

/** Without what the parties add, and with one form for "absent". */
function tidy(message: Seen, parties: readonly Party[]): Seen {
  const added = additions.filter((one) => parties.includes(one.party));
  const annotations = Object.entries(message.annotations ?? {}).filter(([name]) => !added.some((one) => whole(one.annotation).test(name)));
  return {
    id: message.id,
    body: message.body,
    properties: orUndefined(message.properties),
    annotations: orUndefined(Object.fromEntries(annotations)),
    instructions: orUndefined(message.instructions),
    footer: orUndefined(message.footer),
    header: message.header,
    // Proton writes a group-sequence of 0 beside a group-id
    fields: { ...message.fields, groupSequence: message.fields?.groupSequence === 0 ? undefined : message.fields?.groupSequence },
  };
}

function orUndefined(entries: Entries | undefined): Entries | undefined {
  return entries === undefined || Object.keys(entries).length === 0 ? undefined : entries;
}
