/**
 * SASLprep (RFC 4013), by which SCRAM makes user names and passwords that look the same be the same octets: characters without a
 * width are left out, spaces become the ASCII one, the rest is normalised (NFKC). Text with a character that the profile
 * prohibits is refused. Its two rules that only refuse and never change an octet, on the direction of writing and on
 * characters that Unicode 3.2 did not have, are left out: they would shut out passwords that other implementations take.
 */

/** The text to be hashed or sent; undefined where it has a character that is prohibited. */
export function saslprep(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  const prepared = text.replace(SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  return PROHIBITED.test(prepared) ? undefined : prepared;
}

/** Printable ASCII stays as it is. */
const PLAIN = /^[\x20-\x7e]*$/;
/** RFC 3454, C.1.2. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;
/** RFC 3454, B.1. */
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g;
/** RFC 3454, C.1.2 and C.2.1 to C.9. */
const PROHIBITED = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00a0\\u0340\\u0341\\u06dd\\u070f\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u2063\\u206a-\\u206f"
  + "\\u2ff0-\\u2ffb\\u3000\\ud800-\\udfff\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufeff\\ufff9-\\uffff\\u{1d173}-\\u{1d17a}\\u{e0001}\\u{e0020}-\\u{e007f}"
  + "\\u{f0000}-\\u{10ffff}]|[\\u{1fffe}\\u{1ffff}\\u{2fffe}\\u{2ffff}\\u{3fffe}\\u{3ffff}\\u{4fffe}\\u{4ffff}\\u{5fffe}\\u{5ffff}\\u{6fffe}\\u{6ffff}"
  + "\\u{7fffe}\\u{7ffff}\\u{8fffe}\\u{8ffff}\\u{9fffe}\\u{9ffff}\\u{afffe}\\u{affff}\\u{bfffe}\\u{bffff}\\u{cfffe}\\u{cffff}\\u{dfffe}\\u{dffff}\\u{efffe}\\u{effff}]",
  "u",
);
