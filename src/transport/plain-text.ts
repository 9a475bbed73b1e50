/** Text of a peer's that is to stand in an error: short, on one line, nothing that moves a terminal's cursor. */

const LONGEST = 120;

/** The text, cut and with everything but printable ASCII replaced. */
export function plainText(text: string): string {
  const clean = text.slice(0, LONGEST).replace(/[^\x20-\x7e]/g, "?");
  return text.length > LONGEST ? `${clean}...` : clean;
}
