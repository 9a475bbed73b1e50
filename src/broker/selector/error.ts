/** What is wrong with a selector, and where in its text. */

/** A text that is no selector; the message names the place. */
export class SelectorError extends Error {
  /** Where in the text, counted from 1. */
  readonly position: number;

  constructor(text: string, at: number, what: string) {
    super(`selector, character ${at + 1}${nearby(text, at)}: ${what}`);
    this.name = "SelectorError";
    this.position = at + 1;
  }
}

const SHOWN = 24;

function nearby(text: string, at: number): string {
  if (at >= text.length) return " (the end)";
  const rest = text.slice(at, at + SHOWN);
  return ` (${JSON.stringify(rest)}${at + SHOWN < text.length ? "..." : ""})`;
}
