/**
 * The grammar of selectors, read from left to right into functions:
 *
 *   condition  := conjunct ( OR conjunct )*
 *   conjunct   := negation ( AND negation )*
 *   negation   := NOT negation | predicate
 *   predicate  := sum [ ( = | <> | < | > | <= | >= ) sum
 *                     | IS [ NOT ] NULL
 *                     | [ NOT ] BETWEEN sum AND sum
 *                     | [ NOT ] IN ( literal, ... )
 *                     | [ NOT ] LIKE text [ ESCAPE text ] ]
 *   sum        := product ( ( + | - ) product )*
 *   product    := factor ( ( * | / ) factor )*
 *   factor     := ( + | - ) factor | literal | name | ( condition )
 *
 * What can never be a comparison, such as a text that is added to, is refused here; what depends on the message is
 * unknown or false there.
 */

import { SelectorError } from "./error.ts";
import { compilePattern, MAX_PATTERN } from "./like.ts";
import { resolveName } from "./names.ts";
import type { Read } from "./names.ts";
import { tokenize } from "./tokens.ts";
import type { Keyword, Token } from "./tokens.ts";
import { calculate, compare, negate, Real, shrink } from "./values.ts";
import type { Comparison, Truth, Value } from "./values.ts";

/** How deep parentheses, NOT and signs may stand in each other. */
export const MAX_DEPTH = 64;

/** What is known of an expression before there is a message. */
type Kind = "truth" | "number" | "text" | "any";

interface Expression {
  readonly kind: Kind;
  readonly read: Read;
  readonly at: number;
  /** The value of a literal. */
  readonly literal?: Value;
}

/** Makes a selector's text into a function. @throws SelectorError */
export function parse(text: string): Read {
  return new Parser(text).parse();
}

const LARGEST = 2n ** 63n;

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Read {
    const condition = this.#truth(this.#condition());
    const rest = this.#peek();
    if (rest.kind !== "end") throw this.#fail(rest.at, "the condition is complete before this; AND or OR is missing, or an operator");
    return condition.read;
  }

  // ---------------------------------------------------------------- conditions

  #condition(): Expression {
    return this.#chain("OR", () => this.#chain("AND", () => this.#negation(), allOf), anyOf);
  }

  #chain(word: Keyword, operand: () => Expression, join: (parts: readonly Read[]) => Read): Expression {
    const first = operand();
    if (!this.#isWord(word)) return first;
    const parts = [this.#truth(first).read];
    while (this.#takeWord(word)) parts.push(this.#truth(operand()).read);
    return { kind: "truth", read: join(parts), at: first.at };
  }

  #negation(): Expression {
    const { at } = this.#peek();
    if (!this.#takeWord("NOT")) return this.#predicate();
    const { read } = this.#truth(this.#deeper(() => this.#negation()));
    return { kind: "truth", read: (facts) => not(read(facts)), at };
  }

  #predicate(): Expression {
    const left = this.#sum();
    const token = this.#peek();
    if (token.kind === "sign" && isComparison(token.sign)) return this.#comparison(left, token.sign);
    if (token.kind !== "keyword") return left;
    if (this.#takeWord("IS")) return this.#isNull(left);
    const negated = this.#takeWord("NOT");
    const word = this.#peek();
    let found: Expression | undefined;
    if (this.#takeWord("BETWEEN")) found = this.#between(left, negated);
    else if (this.#takeWord("IN")) found = this.#isIn(left);
    else if (this.#takeWord("LIKE")) found = this.#like(left);
    if (found === undefined) {
      if (negated) throw this.#fail(word.at, "BETWEEN, IN or LIKE is missing after NOT");
      return left;
    }
    if (!negated || word.kind !== "keyword" || word.word === "BETWEEN") return found;
    const { read, at } = found;
    return { kind: "truth", read: (facts) => not(read(facts)), at };
  }

  #comparison(left: Expression, sign: Comparison): Expression {
    this.#next++;
    const right = this.#sum();
    const ordered = sign !== "=" && sign !== "<>";
    for (const side of ordered ? [left, right] : []) {
      if (side.kind === "text" || side.kind === "truth") throw this.#fail(side.at, `${sign} compares numbers; texts and truth values are compared with = and <>`);
    }
    if (left.kind !== "any" && right.kind !== "any" && left.kind !== right.kind) throw this.#fail(right.at, `${nameOf(left.kind)} is compared with ${nameOf(right.kind)}`);
    const [a, b] = [left.read, right.read];
    return { kind: "truth", read: (facts) => compare(sign, a(facts), b(facts)), at: left.at };
  }

  #isNull({ read, at }: Expression): Expression {
    const negated = this.#takeWord("NOT");
    if (!this.#takeWord("NULL")) throw this.#fail(this.#peek().at, "NULL is missing after IS");
    return { kind: "truth", read: (facts) => (read(facts) === null) !== negated, at };
  }

  #between(value: Expression, negated: boolean): Expression {
    const low = this.#sum();
    if (!this.#takeWord("AND")) throw this.#fail(this.#peek().at, "AND is missing in BETWEEN ... AND ...");
    const high = this.#sum();
    for (const part of [value, low, high]) this.#number(part, "BETWEEN");
    const [v, from, to] = [value.read, low.read, high.read];
    const read: Read = negated
      ? (facts) => or(compare("<", v(facts), from(facts)), compare(">", v(facts), to(facts)))
      : (facts) => and(compare(">=", v(facts), from(facts)), compare("<=", v(facts), to(facts)));
    return { kind: "truth", read, at: value.at };
  }

  #isIn({ read, at, kind }: Expression): Expression {
    this.#wantSign("(", "IN needs a list in parentheses");
    const texts = new Set<string>();
    const numbers: Value[] = [];
    do {
      const item = this.#factor();
      if (item.literal === undefined || item.kind === "truth") throw this.#fail(item.at, "the list of IN has texts and numbers only");
      if (kind !== "any" && kind !== item.kind) throw this.#fail(item.at, `${nameOf(kind)} is compared with ${nameOf(item.kind)}`);
      if (typeof item.literal === "string") texts.add(item.literal);
      else numbers.push(item.literal);
    } while (this.#takeSign(","));
    this.#wantSign(")", "the list of IN is not closed");
    return {
      kind: "truth", at,
      read: (facts) => {
        const value = read(facts);
        if (value === null) return null;
        return typeof value === "string" ? texts.has(value) : numbers.some((number) => compare("=", value, number) === true);
      },
    };
  }

  #like({ read, at, kind }: Expression): Expression {
    if (kind !== "any" && kind !== "text") throw this.#fail(at, `LIKE is for texts, not for ${nameOf(kind)}`);
    const pattern = this.#textLiteral("LIKE needs a text in quotes");
    let escape: string | undefined;
    if (this.#takeWord("ESCAPE")) {
      const character = this.#textLiteral("ESCAPE needs one character in quotes");
      escape = character.text;
      if ([...escape].length !== 1) throw this.#fail(character.at, "ESCAPE needs one character");
    }
    if (pattern.text.length > MAX_PATTERN) throw this.#fail(pattern.at, `a pattern has at most ${MAX_PATTERN} characters`);
    const fits = compilePattern(pattern.text, escape);
    if (fits === undefined) throw this.#fail(pattern.at, "nothing follows the escape character at the end of the pattern");
    return {
      kind: "truth", at,
      read: (facts) => {
        const value = read(facts);
        return value === null ? null : typeof value === "string" && fits(value);
      },
    };
  }

  // ---------------------------------------------------------------- values

  #sum(): Expression {
    return this.#arithmetic(() => this.#arithmetic(() => this.#factor(), "*", "/"), "+", "-");
  }

  #arithmetic(operand: () => Expression, one: string, other: string): Expression {
    const first = operand();
    let steps: { readonly sign: string; readonly read: Read }[] | undefined;
    for (let token = this.#peek(); token.kind === "sign" && (token.sign === one || token.sign === other); token = this.#peek()) {
      this.#next++;
      if (steps === undefined) this.#number(first, token.sign);
      steps ??= [];
      steps.push({ sign: token.sign, read: this.#number(operand(), token.sign).read });
    }
    if (steps === undefined) return first;
    const [start, all] = [first.read, steps];
    return {
      kind: "number", at: first.at,
      read: (facts) => {
        let value = start(facts);
        for (const { sign, read } of all) value = calculate(sign, value, read(facts));
        return value;
      },
    };
  }

  #factor(): Expression {
    const token = this.#peek();
    this.#next++;
    switch (token.kind) {
      case "text": return literal("text", token.text, token.at);
      case "real": return literal("number", new Real(token.value), token.at);
      case "exact": return this.#exact(token, token.value);
      case "name": return this.#name(token);
      case "sign": return this.#signed(token);
      case "keyword":
        if (token.word === "TRUE" || token.word === "FALSE") return literal("truth", token.word === "TRUE", token.at);
        if (token.word === "NULL") throw this.#fail(token.at, "nothing equals NULL; write IS NULL or IS NOT NULL");
        throw this.#fail(token.at, `a value is missing before ${token.word}`);
      case "end":
        throw this.#fail(token.at, "a value is missing");
    }
  }

  #signed(token: Token & { kind: "sign" }): Expression {
    const { sign, at } = token;
    if (sign === "(") {
      const inner = this.#deeper(() => this.#condition());
      this.#wantSign(")", `the parenthesis of character ${at + 1} is not closed`);
      return inner;
    }
    if (sign !== "+" && sign !== "-") throw this.#fail(at, `a value is missing before ${sign}`);
    const next = this.#peek();
    if (sign === "-" && next.kind === "exact") {
      this.#next++;
      return this.#exact({ at }, -next.value);
    }
    const value = this.#number(this.#deeper(() => this.#factor()), sign);
    if (sign === "+") return value;
    if (value.literal !== undefined) return literal("number", negate(value.literal), at);
    const { read } = value;
    return { kind: "number", read: (facts) => negate(read(facts)), at };
  }

  #exact({ at }: { readonly at: number }, value: bigint): Expression {
    if (value >= LARGEST || value < -LARGEST) throw this.#fail(at, "a whole number is larger than 64 bits can hold; with a decimal point it is approximate");
    return literal("number", shrink(value), at);
  }

  #name({ name, at }: Token & { kind: "name" }): Expression {
    const read = resolveName(name);
    if (typeof read !== "function") throw this.#fail(at, read.hint);
    return { kind: "any", read, at };
  }

  // ---------------------------------------------------------------- words

  #truth(expression: Expression): Expression {
    if (expression.kind === "truth" || expression.kind === "any") return expression;
    throw this.#fail(expression.at, `a condition is wanted here, not ${nameOf(expression.kind)}`);
  }

  #number(expression: Expression, where: string): Expression {
    if (expression.kind === "number" || expression.kind === "any") return expression;
    throw this.#fail(expression.at, `${where} is for numbers, not for ${nameOf(expression.kind)}`);
  }

  #deeper(inner: () => Expression): Expression {
    if (++this.#depth > MAX_DEPTH) throw this.#fail(this.#peek().at, `parentheses, NOT and signs stand more than ${MAX_DEPTH} deep in each other`);
    const found = inner();
    this.#depth--;
    return found;
  }

  #textLiteral(missing: string): { readonly text: string; readonly at: number } {
    const token = this.#peek();
    if (token.kind !== "text") throw this.#fail(token.at, missing);
    this.#next++;
    return token;
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)] as Token;
  }

  #isWord(word: Keyword): boolean {
    const token = this.#peek();
    return token.kind === "keyword" && token.word === word;
  }

  #takeWord(word: Keyword): boolean {
    const is = this.#isWord(word);
    if (is) this.#next++;
    return is;
  }

  #takeSign(sign: string): boolean {
    const token = this.#peek();
    const is = token.kind === "sign" && token.sign === sign;
    if (is) this.#next++;
    return is;
  }

  #wantSign(sign: string, missing: string): void {
    if (!this.#takeSign(sign)) throw this.#fail(this.#peek().at, missing);
  }

  #fail(at: number, what: string): SelectorError {
    return new SelectorError(this.#text, at, what);
  }
}

function literal(kind: Kind, value: Value, at: number): Expression {
  return { kind, read: () => value, at, literal: value };
}

function isComparison(sign: string): sign is Comparison {
  return sign === "=" || sign === "<>" || sign === "<" || sign === ">" || sign === "<=" || sign === ">=";
}

function nameOf(kind: Kind): string {
  return kind === "truth" ? "a truth value" : kind === "any" ? "a name" : `a ${kind}`;
}

// ---------------------------------------------------------------- three-valued logic; what is no truth value is unknown

function truthOf(value: Value): Truth {
  return typeof value === "boolean" ? value : null;
}

function not(value: Value): Truth {
  return typeof value === "boolean" ? !value : null;
}

function and(a: Truth, b: Truth): Truth {
  return a === false || b === false ? false : a === null || b === null ? null : true;
}

function or(a: Truth, b: Truth): Truth {
  return a === true || b === true ? true : a === null || b === null ? null : false;
}

function allOf(parts: readonly Read[]): Read {
  return (facts) => {
    let all: Truth = true;
    for (const part of parts) {
      all = and(all, truthOf(part(facts)));
      if (all === false) return false;
    }
    return all;
  };
}

function anyOf(parts: readonly Read[]): Read {
  return (facts) => {
    let any: Truth = false;
    for (const part of parts) {
      any = or(any, truthOf(part(facts)));
      if (any) return true;
    }
    return any;
  };
}
