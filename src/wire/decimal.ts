/**
 * IEEE 754-2008 decimal numbers in the Binary Integer Decimal encoding: text <-> octets, exactly, both ways.
 * A value is sign, coefficient and exponent; "1.0" and "1.00" are different octets and stay different text.
 *
 * Two forms, told apart by the two bits after the sign:
 *   not 11: sign, exponent, coefficient
 *   11:     sign, 11, exponent, coefficient without its leading 100; with 11110 it is infinite, with 11111 not a number
 */

import type { Bytes } from "../util/bytes.ts";

/** The widths of decimal numbers, in bits. */
export type DecimalWidth = 32 | 64 | 128;

interface Format {
  readonly exponentBits: bigint;
  readonly coefficientBits: bigint;
  readonly bias: number;
  readonly digits: number;
}

const FORMATS: Readonly<Record<DecimalWidth, Format>> = {
  32: { exponentBits: 8n, coefficientBits: 23n, bias: 101, digits: 7 },
  64: { exponentBits: 10n, coefficientBits: 53n, bias: 398, digits: 16 },
  128: { exponentBits: 14n, coefficientBits: 113n, bias: 6176, digits: 34 },
};

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,9}))?$/i;
const SPECIAL = /^([+-]?)(?:(inf|infinity)|(s?)nan(\d*))$/i;
/** Longer text cannot be a number of these widths that is worth reading. */
const LONGEST_TEXT = 10_000;

/**
 * The octets of a decimal number given as text: `-12.50`, `1E+96`, `Infinity`, `NaN`, `sNaN`.
 * @throws RangeError when the text is not a number, or not exactly one of this width.
 */
export function encodeDecimal(width: DecimalWidth, text: string): Bytes {
  const format = FORMATS[width];
  const special = SPECIAL.exec(text);
  if (special !== null) return encodeSpecial(width, special);
  const match = text.length <= LONGEST_TEXT ? NUMBER.exec(text) : null;
  const whole = match?.[2] ?? "";
  const fraction = match?.[3] ?? "";
  if (match === null || whole.length + fraction.length === 0) throw new RangeError(`not a decimal number: ${clip(text)}`);

  let digits = (whole + fraction).replace(/^0+/, "");
  let exponent = Number(match[4] ?? 0) - fraction.length;
  const least = -format.bias;
  const most = 3 * 2 ** Number(format.exponentBits - 2n) - 1 - format.bias;
  // Zeros at the end move into the exponent, or out of it, as far as the width demands; other digits are never dropped.
  while (digits.endsWith("0") && (digits.length > format.digits || exponent < least)) {
    digits = digits.slice(0, -1);
    exponent++;
  }
  if (digits === "") exponent = Math.min(Math.max(exponent, least), most);
  while (exponent > most && digits.length < format.digits) {
    digits += "0";
    exponent--;
  }
  if (digits.length > format.digits) {
    throw new RangeError(`decimal${width} holds ${format.digits} digits, not the ${digits.length} of ${clip(text)}`);
  }
  if (exponent < least || exponent > most) {
    throw new RangeError(`the exponent of ${clip(text)} is outside decimal${width}: ${least} to ${most}`);
  }

  const sign = match[1] === "-" ? 1n : 0n;
  const coefficient = digits === "" ? 0n : BigInt(digits);
  const biased = BigInt(exponent + format.bias);
  if (coefficient >> format.coefficientBits === 0n) {
    return toBytes(width, ((sign << format.exponentBits) | biased) << format.coefficientBits | coefficient);
  }
  const short = format.coefficientBits - 2n;
  const low = coefficient & ((1n << short) - 1n);
  return toBytes(width, ((((sign << 2n) | 3n) << format.exponentBits) | biased) << short | low);
}

/** The text of a decimal number: plain where the exponent is small, else with `E`; never rounded. */
export function decodeDecimal(width: DecimalWidth, bytes: Uint8Array): string {
  const format = FORMATS[width];
  const bits = fromBytes(bytes);
  const sign = bits >> BigInt(width - 1) === 1n ? "-" : "";
  const top = Number((bits >> BigInt(width - 6)) & 31n);
  if (top === 30) return `${sign}Infinity`;
  if (top === 31) return decodeNaN(width, bits, sign);

  const wide = top >> 3 === 3;
  const low = wide ? format.coefficientBits - 2n : format.coefficientBits;
  const exponent = Number((bits >> low) & ((1n << format.exponentBits) - 1n)) - format.bias;
  let coefficient = bits & ((1n << low) - 1n);
  if (wide) coefficient |= 4n << low;
  // A coefficient of too many digits is not canonical and means zero (IEEE 754-2008, 3.5.2).
  if (coefficient >= 10n ** BigInt(format.digits)) coefficient = 0n;
  return sign + scientific(coefficient.toString(), exponent);
}

// The to-scientific-string of the General Decimal Arithmetic Specification.
function scientific(digits: string, exponent: number): string {
  const adjusted = exponent + digits.length - 1;
  if (exponent <= 0 && adjusted >= -6) {
    if (exponent === 0) return digits;
    const padded = digits.padStart(1 - exponent, "0");
    return `${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
  }
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${digits.slice(0, 1)}${fraction}E${adjusted < 0 ? "-" : "+"}${Math.abs(adjusted)}`;
}

function encodeSpecial(width: DecimalWidth, match: RegExpExecArray): Bytes {
  const sign = match[1] === "-" ? 1n : 0n;
  const head = match[2] !== undefined ? 0b111100n : match[3] === "" ? 0b111110n : 0b111111n;
  const payload = BigInt(match[4] || 0);
  if (payload >= payloadLimit(width)) throw new RangeError(`the payload of ${clip(match[0])} is too large for decimal${width}`);
  return toBytes(width, ((sign << 6n) | head) << BigInt(width - 7) | payload);
}

function decodeNaN(width: DecimalWidth, bits: bigint, sign: string): string {
  const signalling = ((bits >> BigInt(width - 7)) & 1n) === 1n;
  const field = bits & ((1n << (FORMATS[width].coefficientBits - 3n)) - 1n);
  const payload = field > 0n && field < payloadLimit(width) ? field.toString() : "";
  return `${sign}${signalling ? "sNaN" : "NaN"}${payload}`;
}

function payloadLimit(width: DecimalWidth): bigint {
  return 10n ** BigInt(FORMATS[width].digits - 1);
}

function toBytes(width: DecimalWidth, bits: bigint): Bytes {
  const bytes = new Uint8Array(width / 8);
  for (let i = bytes.length - 1, rest = bits; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

function fromBytes(bytes: Uint8Array): bigint {
  let bits = 0n;
  for (const octet of bytes) bits = (bits << 8n) | BigInt(octet);
  return bits;
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
