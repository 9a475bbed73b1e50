/** The words of a selector: names, keywords, literals and signs, each with its place in the text. */

import { SelectorError } from "./error.ts";

/** One word. */
export type Token =
  | { readonly kind: "name"; readonly name: string; readonly at: number }
  | { readonly kind: "keyword"; readonly word: Keyword; readonly at: number }
  | { readonly kind: "sign"; readonly sign: string; readonly at: number }
  | { readonly kind: "text"; readonly text: string; readonly at: number }
  | { readonly kind: "exact"; readonly value: bigint; readonly at: number }
  | { readonly kind: "real"; readonly value: number; readonly at: number }
  | { readonly kind: "end"; readonly at: number };

const KEYWORDS = ["AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ESCAPE", "IS", "NULL", "TRUE", "FALSE"] as const;

/** A word that no name can be; upper and lower case are the same. */
export type Keyword = (typeof KEYWORDS)[number];

const SIGNS = ["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-", "*", "/"] as const;

/** All words of a selector, the last one of kind "end". @throws SelectorError */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(text, at)) at++;
    if (at === text.length) {
      tokens.push({ kind: "end", at });
      return tokens;
    }
    const [token, end] = read(text, at);
    tokens.push(token);
    at = end;
  }
}

function read(text: string, at: number): [Token, number] {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return readQuoted(text, at, QUOTE);
  if (first === DOUBLE_QUOTE) return readQuoted(text, at, DOUBLE_QUOTE);
  if (isDigit(first) || (first === POINT && isDigit(text.charCodeAt(at + 1)))) return readNumber(text, at);
  if (isNameStart(first)) return readName(text, at);
  if (text.startsWith("==", at)) throw new SelectorError(text, at, "equal is written =");
  const sign = SIGNS.find((candidate) => text.startsWith(candidate, at));
  if (sign !== undefined) return [{ kind: "sign", sign, at }, at + sign.length];
  if (text.startsWith("!=", at)) throw new SelectorError(text, at, "unequal is written <>");
  throw new SelectorError(text, at, "no selector has this character outside quotes");
}

// 'text' is a literal, "text" a name with characters that names do not have otherwise; the quote itself is written twice.
function readQuoted(text: string, at: number, quote: number): [Token, number] {
  let value = "";
  let from = at + 1;
  for (let end = from; end < text.length; end++) {
    if (text.charCodeAt(end) !== quote) continue;
    value += text.slice(from, end);
    if (text.charCodeAt(end + 1) !== quote) {
      if (quote === QUOTE) return [{ kind: "text", text: value, at }, end + 1];
      if (value === "") throw new SelectorError(text, at, "a name is empty");
      return [{ kind: "name", name: value, at }, end + 1];
    }
    from = ++end;
  }
  throw new SelectorError(text, at, "a quote is opened here and never closed");
}

function readName(text: string, at: number): [Token, number] {
  let end = at + 1;
  while (end < text.length && isNamePart(text.charCodeAt(end))) end++;
  const name = text.slice(at, end);
  const upper = name.toUpperCase();
  const keyword = KEYWORDS.find((word) => word === upper);
  return [keyword === undefined ? { kind: "name", name, at } : { kind: "keyword", word: keyword, at }, end];
}

// As Java writes them: 57, 57L, 0x39, 071; 7., .5, 7E3, 5.7e-2, 6.2f.
function readNumber(text: string, at: number): [Token, number] {
  const second = text[at + 1];
  if (text[at] === "0" && (second === "x" || second === "X")) return readExact(text, at, digitsEnd(text, at + 2, isHexDigit), 2);
  let end = digitsEnd(text, at, isDigit);
  let real = false;
  if (text.charCodeAt(end) === POINT) {
    real = true;
    end = digitsEnd(text, end + 1, isDigit);
  }
  if (isOneOf(text, end, "eE")) {
    const digits = isOneOf(text, end + 1, "+-") ? end + 2 : end + 1;
    const exponentEnd = digitsEnd(text, digits, isDigit);
    if (exponentEnd === digits) throw new SelectorError(text, at, "a number lacks the digits of its exponent");
    real = true;
    end = exponentEnd;
  }
  if (!real && !isOneOf(text, end, "fFdD")) return readExact(text, at, end, 0);
  const value = Number(text.slice(at, end));
  if (isOneOf(text, end, "fFdD")) end++;
  if (!Number.isFinite(value)) throw new SelectorError(text, at, "a number is larger than a double can be");
  endsHere(text, at, end);
  return [{ kind: "real", value, at }, end];
}

function readExact(text: string, at: number, end: number, prefix: number): [Token, number] {
  const digits = text.slice(at + prefix, end);
  if (digits === "") throw new SelectorError(text, at, "a number lacks its digits");
  const octal = prefix === 0 && digits.length > 1 && digits.startsWith("0");
  if (octal && (digits.includes("8") || digits.includes("9"))) throw new SelectorError(text, at, "a number that begins with 0 is octal, and has no 8 and no 9");
  const value = BigInt(prefix === 2 ? `0x${digits}` : octal ? `0o${digits}` : digits);
  const after = isOneOf(text, end, "lL") ? end + 1 : end;
  endsHere(text, at, after);
  return [{ kind: "exact", value, at }, after];
}

function endsHere(text: string, at: number, end: number): void {
  if (end < text.length && isNamePart(text.charCodeAt(end))) throw new SelectorError(text, at, "a number runs into letters");
}

function digitsEnd(text: string, at: number, isOne: (code: number) => boolean): number {
  while (at < text.length && isOne(text.charCodeAt(at))) at++;
  return at;
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const POINT = 0x2e;

function isOneOf(text: string, at: number, letters: string): boolean {
  return at < text.length && letters.includes(text[at] as string);
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

// Letters of any script, _ and $.
function isNameStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code === 0x24 || code > 0xa0;
}

// Points too, since property names often have them.
function isNamePart(code: number): boolean {
  return isNameStart(code) || isDigit(code) || code === POINT;
}
