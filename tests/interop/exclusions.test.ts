/** The table of what brokers and clients do not carry: each row still speaks of a case that the suite has. */
import { expect, test } from "@jest/globals";
import { anything, scalars } from "./support/cases.ts";
import { exclusions, whole } from "./support/exclusions.ts";
import type { Place } from "./support/exclusions.ts";
import { bodyCases, idCases, typedMessages } from "./support/messages.ts";

const [first] = typedMessages("r", 1, []);

const names: Readonly<Record<Place, readonly string[]>> = {
  body: bodyCases.map((one) => one.name),
  properties: scalars.map((one) => one.name),
  annotations: anything.map((one) => one.name),
  id: idCases("r", 0).map((one) => one.name),
  field: Object.keys(first?.fields ?? {}),
  header: Object.keys(first?.header ?? {}),
  section: ["instructions", "footer"],
};

test.each(exclusions)("$party, $place $name: excludes something, for a reason", ({ place, name, reason }) => {
  expect(names[place].filter((one) => whole(name).test(one))).not.toHaveLength(0);
  expect(reason).toMatch(/\w/);
});

test("cases have names of their own, and every type has one", () => {
  for (const list of Object.values(names)) expect(new Set(list).size).toBe(list.length);
  const types = new Set(anything.map((one) => one.value[0]));
  for (const type of ["null", "boolean", "ubyte", "ushort", "uint", "ulong", "byte", "short", "int", "long", "float", "double", "decimal32", "decimal64", "decimal128", "char", "timestamp", "uuid", "binary", "string", "symbol", "list", "map", "array", "described"] as const) {
    expect(types).toContain(type);
  }
});

test("without parties nothing is left out: 1,000 messages meet every case in every place", () => {
  const all = typedMessages("r", 1_000, []);
  const bodies = new Set(all.map((one) => JSON.stringify(one.body)));
  expect(bodies.size).toBe(bodyCases.length);
  expect(new Set(all.map((one) => JSON.stringify(one.annotations?.["x-opt-test"]))).size).toBe(anything.length);
  expect(new Set(all.map((one) => JSON.stringify(one.properties?.["p"]))).size).toBe(scalars.length);
  expect(new Set(all.map((one) => JSON.stringify(one.id))).size).toBe(1_000);
});
