/** JSON with the comments of JavaScript, as people write it into configuration files. */

/** The text with each comment replaced by a space; what looks like one inside a string stays. */
export function withoutComments(text: string): string {
  let clean = "";
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === '"') {
      at = endOfString(text, at + 1);
    } else if (char === "/" && (text[at + 1] === "/" || text[at + 1] === "*")) {
      clean += `${text.slice(from, at)} `;
      at = text[at + 1] === "/" ? endOfLine(text, at) : endOfBlock(text, at);
      from = at;
    } else {
      at++;
    }
  }
  return clean + text.slice(from);
}

function endOfString(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfLine(text: string, from: number): number {
  const at = text.slice(from).search(/[\n\r]/);
  return at === -1 ? text.length : from + at;
}

// One that is not closed is left in, so that the parser refuses it.
function endOfBlock(text: string, from: number): number {
  const at = text.indexOf("*/", from + 2);
  return at === -1 ? text.length : at + 2;
}
