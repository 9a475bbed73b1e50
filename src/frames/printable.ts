/** Makes the peer's text fit to stand in an error message or a log line. */

// C0 and C1 controls, line and paragraph separators, and the marks that turn the direction of writing.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/g;

/** The beginning of `text`, at most `limit` characters, with control characters and half pairs shown as U+FFFD. */
export function printable(text: string, limit = 64): string {
  const head = text.length > limit ? text.slice(0, limit) : text;
  const clean = isAscii(head) ? head : [...head].map((c) => (c.length === 2 ? c : c.replace(UNPRINTABLE, "\ufffd"))).join("");
  return text.length > limit ? `${clean}…` : clean;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
