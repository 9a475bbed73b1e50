/** Selectors as functions: the grammar, three-valued logic, names, numbers, and their bounds. */

import { describe, expect, test } from "@jest/globals";
import { Message, types } from "../../src/container/public.ts";
import type { MessageInit } from "../../src/container/public.ts";
import { Selector } from "../../src/broker/selector/selector.ts";

const MESSAGE: MessageInit = {
  body: null, id: "m-1", correlationId: 42, subject: "order", to: "q", replyTo: "r", durable: true, priority: 7, ttl: 1_000, userId: "ann",
  groupId: "g", groupSequence: 3, contentType: "text/plain", creationTime: new Date(1_000), expiryTime: new Date(2_000),
  properties: {
    colour: "red", weight: 2500, half: 0.5, two: types.double(2), three: 3, flag: true, off: false, big: 2n ** 60n, price: types.decimal64("12.5"),
    when: new Date(5_000), symbol: types.symbol("sym"), bytes: new Uint8Array([1]), nothing: null, quote: "it's", percent: "100%", empty: "",
    "x-opt key": "odd", Straße: "öffentlich", "a.b.c": 1, __proto__x: 1, constructor: "own", smile: "a😀b",
  },
};

function facts(init: MessageInit, failures = 0): { message: Message; failures: number } {
  const bytes = new Message(init).encode();
  return { message: Message.fromWire(bytes, 0, bytes.length, { typed: true }), failures };
}

const matches = (text: string, failures = 0): boolean => new Selector(text).matches(facts(MESSAGE, failures));

/** True, false, or null for unknown: a condition is unknown when neither it nor its opposite is true. */
function truth(text: string): boolean | null {
  return matches(text) ? true : matches(`NOT (${text})`) ? false : null;
}

describe("X13 selectors", () => {
  test.each<[string, boolean | null]>([
    // comparison, each sign at both sides of its edge
    ["colour = 'red'", true], ["colour = 'blue'", false], ["colour <> 'blue'", true], ["colour <> 'red'", false],
    ["weight > 2499", true], ["weight > 2500", false], ["weight >= 2500", true], ["weight >= 2501", false],
    ["weight < 2501", true], ["weight < 2500", false], ["weight <= 2500", true], ["weight <= 2499", false],
    ["2500 = weight", true], ["half = 0.5", true], ["two = 2", true], ["flag = TRUE", true], ["flag <> FALSE", true], ["off = true", false],
    // values of different kinds are never equal and never unequal
    ["colour = 5", false], ["colour <> 5", false], ["weight = '2500'", false], ["weight <> '2500'", false], ["bytes = 'x'", false], ["bytes <> 'x'", false], ["colour > 5", false],
    // what is not there is unknown
    ["missing = 1", null], ["missing <> 1", null], ["nothing = 1", null], ["missing > 1", null], ["missing = other", null],
    ["missing IS NULL", true], ["nothing IS NULL", true], ["missing IS NOT NULL", false], ["colour IS NULL", false], ["colour IS NOT NULL", true], ["bytes IS NOT NULL", true],
    // AND, OR, NOT in three values
    ["flag AND flag", true], ["flag AND off", false], ["off AND missing", false], ["missing AND off", false], ["flag AND missing", null], ["missing AND missing", null],
    ["off OR flag", true], ["off OR off", false], ["flag OR missing", true], ["missing OR flag", true], ["off OR missing", null],
    ["NOT off", true], ["NOT flag", false], ["NOT missing", null], ["NOT NOT flag", true], ["colour", null], ["TRUE", true], ["FALSE", false],
    // NOT binds before AND, AND before OR
    ["NOT off AND off", false], ["NOT (off AND off)", true], ["flag OR flag AND off", true], ["(flag OR flag) AND off", false], ["off AND off OR flag", true],
    ["not OFF_ or FLAG_", null], ["flag aNd NoT off", true],
    // BETWEEN, with both ends in it
    ["weight BETWEEN 2500 AND 2600", true], ["weight BETWEEN 2400 AND 2500", true], ["weight BETWEEN 2501 AND 2600", false], ["weight BETWEEN 2400 AND 2499", false],
    ["weight NOT BETWEEN 1 AND 2", true], ["weight NOT BETWEEN 2500 AND 2500", false], ["missing BETWEEN 1 AND 2", null], ["missing NOT BETWEEN 1 AND 2", null],
    ["weight BETWEEN 1 AND 3000 AND flag", true], ["colour BETWEEN 1 AND 2", false], ["colour NOT BETWEEN 1 AND 2", false], ["2 BETWEEN two AND three", true],
    // IN
    ["colour IN ('red', 'blue')", true], ["colour IN ('blue')", false], ["colour NOT IN ('blue')", true], ["colour NOT IN ('red')", false],
    ["missing IN ('red')", null], ["missing NOT IN ('red')", null], ["weight IN (1, 2500)", true], ["weight IN ('2500')", false], ["half IN (-1, 0.5)", true],
    // LIKE
    ["colour LIKE 'r%'", true], ["colour LIKE '%d'", true], ["colour LIKE '%e%'", true], ["colour LIKE 'r_d'", true], ["colour LIKE 'r__d'", false], ["colour LIKE 'red'", true],
    ["colour LIKE 're'", false], ["colour LIKE '%'", true], ["empty LIKE '%'", true], ["empty LIKE '_'", false], ["empty LIKE ''", true], ["colour LIKE ''", false],
    ["colour NOT LIKE 'b%'", true], ["colour NOT LIKE 'r%'", false], ["missing LIKE 'r%'", null], ["missing NOT LIKE 'r%'", null], ["weight LIKE '2%'", false],
    ["percent LIKE '100!%' ESCAPE '!'", true], ["colour LIKE 're!%' ESCAPE '!'", false], ["colour LIKE '!r%' ESCAPE '!'", true], ["percent LIKE '1%!%' ESCAPE '!'", true],
    ["colour LIKE 'R%'", false], ["colour LIKE 'r.d'", false], ["smile LIKE 'a_b'", true], ["smile LIKE 'a__b'", false], ["colour LIKE '%%r%%d%%'", true],
    // arithmetic
    ["weight + 1 = 2501", true], ["weight - 1 = 2499", true], ["three * 2 = 6", true], ["three / 2 = 1", true], ["-three / 2 = -1", true], ["two / 4 = 0.5", true], ["three / 2.0 = 1.5", true],
    ["1 + 2 * 3 = 7", true], ["(1 + 2) * 3 = 9", true], ["10 - 3 - 2 = 5", true], ["-three = -3", true], ["+three = 3", true], ["- - three = 3", true], ["3 - -3 = 6", true], ["-(three) < 0", true],
    ["missing + 1 = 1", null], ["colour + 1 = 1", null], ["three / 0 = 1", null], ["three / 0.0 > 1", true],
    // numbers, as Java writes them
    ["255 = 0xFF", true], ["255 = 0xffL", true], ["8 = 010", true], ["weight = 2500L", true], ["weight = 2.5E3", true], ["weight = 2.5e+3", true], ["half = 5e-1", true], ["half = .5", true], ["three = 3.", true],
    ["half = 0.5f", true], ["half = 0.5D", true], ["big = 1152921504606846976", true], ["big = 1152921504606846977", false], ["big + 1 = 1152921504606846977", true],
    ["9223372036854775807 + 1 = -9223372036854775808", true], ["price = 12.5", true], ["price > 12", true], ["when = 5000", true], ["symbol = 'sym'", true],
    // names and texts
    ["quote = 'it''s'", true], ["\"x-opt key\" = 'odd'", true], ["Straße LIKE 'ö%'", true], ["a.b.c = 1", true], ["constructor = 'own'", true], ["toString IS NULL", true],
    ["__proto__ IS NULL", true], ["hasOwnProperty IS NULL", true], ["Colour IS NULL", true], ["\"AND\" IS NULL", true], ["colour\n=\t'red'", true],
  ])("%s", (text, expected) => {
    expect(truth(text)).toBe(expected);
  });

  test.each<[string]>([
    ["JMSMessageID = 'm-1'"], ["JMSCorrelationID = '42'"], ["JMSType = 'order'"], ["JMSPriority = 7"], ["JMSDeliveryMode = 'PERSISTENT'"], ["JMSTimestamp = 1000"], ["JMSExpiration = 2000"],
    ["JMSDestination = 'q'"], ["JMSReplyTo = 'r'"], ["NOT JMSRedelivered"], ["JMSXDeliveryCount = 1"], ["JMSXGroupID = 'g'"], ["JMSXGroupSeq = 3"], ["JMSXUserID = 'ann'"],
    ["amqp.message_id = 'm-1'"], ["amqp.correlation_id = 42"], ["amqp.subject = 'order'"], ["amqp.to = 'q'"], ["amqp.reply_to = 'r'"], ["amqp.content_type LIKE 'text/%'"],
    ["amqp.content_encoding IS NULL"], ["amqp.priority > 6"], ["amqp.durable"], ["amqp.ttl = 1000"], ["amqp.creation_time = 1000"], ["amqp.absolute_expiry_time = 2000"], ["amqp.user_id = 'ann'"],
    ["amqp.group_id = 'g' AND amqp.group_sequence = 3"], ["amqp.reply_to_group_id IS NULL"], ["amqp.delivery_mode = 'PERSISTENT'"], ["amqp.delivery_count = 0"], ["NOT amqp.redelivered"], ["NOT amqp.first_acquirer"],
  ])("reads the header %s", (text) => {
    expect(matches(text)).toBe(true);
  });

  test("counts the failed deliveries that the broker knows of", () => {
    expect(matches("JMSRedelivered AND JMSXDeliveryCount = 3 AND amqp.delivery_count = 2 AND amqp.redelivered", 2)).toBe(true);
  });

  test("reads a message without headers and properties with the standard's defaults", () => {
    const bare = facts({ body: 1 });
    expect(new Selector("JMSPriority = 4 AND JMSDeliveryMode = 'NON_PERSISTENT' AND JMSExpiration = 0 AND JMSMessageID IS NULL AND JMSTimestamp IS NULL").matches(bare)).toBe(true);
  });

  test("is not met by a message whose properties cannot be decoded", () => {
    // application-properties whose one value is text with an octet that no UTF-8 has; then an amqp-value null
    const bytes = new Uint8Array([0x00, 0x53, 0x74, 0xc1, 0x07, 0x02, 0xa1, 0x01, 0x61, 0xa1, 0x01, 0xff, 0x00, 0x53, 0x77, 0x40]);
    const broken = { message: Message.fromWire(bytes, 0, bytes.length, { typed: true }), failures: 0 };
    expect([new Selector("a IS NULL").matches(broken), new Selector("a IS NOT NULL").matches(broken)]).toEqual([false, false]);
  });

  test.each<[string, number, string]>([
    ["", 1, "a value is missing"], ["colour =", 9, "a value is missing"], ["= 'red'", 1, "before ="], ["colour 'red'", 8, "AND or OR is missing"], ["a = 1 b = 2", 7, "AND or OR is missing"],
    ["(a = 1", 7, "parenthesis of character 1 is not closed"], ["a = 1)", 6, "complete"], ["a = 'x", 5, "never closed"], ["a = \"x", 5, "never closed"], ["a != 1", 3, "<>"], ["a == 1", 3, "written ="],
    ["a = ; 1", 5, "no selector has this character"], ["a BETWEEN 1 OR 2", 13, "AND is missing"], ["a BETWEEN 1", 12, "AND is missing"], ["a IN 1", 6, "parentheses"], ["a IN ()", 7, "a value is missing"],
    ["a IN ('x'", 10, "not closed"], ["a IN (b)", 7, "texts and numbers"], ["a LIKE b", 8, "in quotes"], ["a LIKE 'x' ESCAPE 'yy'", 19, "one character"], ["a LIKE 'x' ESCAPE", 18, "one character"],
    ["a LIKE 'x!' ESCAPE '!'", 8, "nothing follows"], ["a NOT = 1", 7, "BETWEEN, IN or LIKE"], ["a IS 1", 6, "NULL is missing"], ["a = NULL", 5, "IS NULL"], ["NOT", 4, "a value is missing"], ["a AND", 6, "a value is missing"],
    ["a > 'x'", 5, "compares numbers"], ["TRUE > 1", 1, "compares numbers"], ["'a' = 1", 7, "a text is compared with a number"], ["1 + 'a' = 2", 5, "for numbers"], ["'a' + 1 = 2", 1, "for numbers"], ["-'a' = 1", 2, "for numbers"],
    ["5", 1, "a condition"], ["'red'", 1, "a condition"], ["a AND 5", 7, "a condition"], ["NOT 5", 5, "a condition"], ["a + 1", 1, "a condition"], ["5 LIKE 'x'", 1, "for texts"], ["a BETWEEN 'x' AND 'y'", 11, "for numbers"],
    ["a = 5x", 5, "runs into letters"], ["a = 0x", 5, "lacks its digits"], ["a = 1e", 5, "exponent"], ["a = 09", 5, "octal"], ["a = 9223372036854775808", 5, "64 bits"], ["a = 1e999", 5, "larger than a double"],
    ["JMSMesageID = 'x'", 1, "did you mean JMSMessageID"], ["amqp.mesage_id = 'x'", 1, "did you mean amqp.message_id"], ["amqp.nothing_of_the_kind = 1", 1, "there are"], ["\"\" = 1", 1, "empty"],
  ])("refuses %p at character %i", (text, position, reason) => {
    let thrown: unknown;
    try {
      new Selector(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ position, message: expect.stringContaining(reason) });
    expect((thrown as Error).message).toContain(`character ${position} `);
  });

  test("has bounds: depth, length, length of a pattern", () => {
    const nested = (depth: number): string => `${"(".repeat(depth)}flag${")".repeat(depth)}`;
    expect(matches(nested(64))).toBe(true);
    for (const text of [nested(65), `${"NOT ".repeat(100_000).slice(0, 16_000)}flag`, `a = ${"-".repeat(5_000)}b`]) expect(() => new Selector(text)).toThrow(/64 deep/);
    expect(matches(`flag${" ".repeat(16_380)}`)).toBe(true);
    expect(() => new Selector(`flag${" ".repeat(16_381)}`)).toThrow(/at most 16384 characters/);
    expect(() => new Selector(`a LIKE '${"x".repeat(1_025)}'`)).toThrow(/at most 1024 characters/);
    // many on one level are no depth
    expect(matches(Array.from({ length: 1_500 }, () => "flag").join(" AND "))).toBe(true);
    expect(matches(`weight = 2500${" + 0".repeat(3_000)}`)).toBe(true);
  });

  test("LIKE goes through a text once, whatever the pattern", () => {
    const text = "a".repeat(200_000);
    const message = facts({ body: 1, properties: { text } });
    const patterns = [`${"%a".repeat(500)}%b`, `%${"_".repeat(500)}b%`, `%${"a".repeat(900)}b%`, `${"%a_".repeat(300)}b`];
    const start = performance.now();
    for (const pattern of patterns) expect(new Selector(`text LIKE '${pattern}'`).matches(message)).toBe(false);
    expect(new Selector(`text LIKE '%${"a_".repeat(400)}%'`).matches(message)).toBe(true);
    // 5 times 200,000 characters through 32 words at the most; a pattern that backtracks takes hours
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test("LIKE agrees with a straightforward reading of all short patterns", () => {
    const reference = (pattern: string, text: string): boolean => {
      if (pattern === "") return text === "";
      const rest = pattern.slice(1);
      if (pattern[0] === "%") return reference(rest, text) || (text !== "" && reference(pattern, text.slice(1)));
      return text !== "" && (pattern[0] === "_" || pattern[0] === text[0]) && reference(rest, text.slice(1));
    };
    const words = (letters: string, longest: number): string[] => {
      let last = [""];
      const all = [""];
      for (let length = 0; length < longest; length++) all.push(...(last = last.flatMap((word) => [...letters].map((letter) => word + letter))));
      return all;
    };
    const texts = words("ab", 5).map((text) => [text, facts({ body: 1, properties: { text } })] as const);
    for (const pattern of words("ab%_", 4)) {
      const selector = new Selector(`text LIKE '${pattern}'`);
      for (const [text, message] of texts) expect([pattern, text, selector.matches(message)]).toEqual([pattern, text, reference(pattern, text)]);
    }
  });

  test("LIKE keeps its place over the borders of its words", () => {
    for (const length of [30, 31, 32, 33, 63, 64, 65, 100]) {
      const text = Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");
      const message = facts({ body: 1, properties: { text } });
      expect(new Selector(`text LIKE '${`_${text.slice(1)}`}'`).matches(message)).toBe(true);
      expect(new Selector(`text LIKE '%_${text.slice(2)}'`).matches(message)).toBe(true);
      expect(new Selector(`text LIKE '_${text.slice(1)}_'`).matches(message)).toBe(false);
      expect(new Selector(`text LIKE '_${text.slice(1, -1)}'`).matches(message)).toBe(false);
    }
  });
});
