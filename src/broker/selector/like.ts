/**
 * The patterns of LIKE: `%` stands for any text, `_` for one character. A pattern becomes a machine whose states are the
 * bits of a few words, so that a text is gone through once, whatever is in both.
 */

/** The characters that a pattern may have. */
export const MAX_PATTERN = 1_024;

const ANY = -1;
const BITS = 32;

/** A test for a pattern of at most `MAX_PATTERN` characters; `escape` makes the character behind it an ordinary one. Undefined if nothing is behind it. */
export function compilePattern(pattern: string, escape: string | undefined): ((text: string) => boolean) | undefined {
  const steps: number[] = [];
  // Whether any text may come before the step of the same place; the last one is for the end.
  const open: boolean[] = [false];
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    let character = characters[i] as string;
    const ordinary = character === escape;
    if (ordinary) {
      const next = characters[++i];
      if (next === undefined) return undefined;
      character = next;
    }
    if (!ordinary && character === "%") {
      open[steps.length] = true;
      continue;
    }
    steps.push(!ordinary && character === "_" ? ANY : (character.codePointAt(0) as number));
    open.push(false);
  }
  return simple(steps, open) ?? machine(steps, open);
}

// A whole text, its beginning or its end: the strings of JavaScript can do that.
function simple(steps: readonly number[], open: readonly boolean[]): ((text: string) => boolean) | undefined {
  if (steps.includes(ANY)) return undefined;
  const literal = steps.map((code) => String.fromCodePoint(code)).join("");
  const places = open.flatMap((is, place) => (is ? [place] : []));
  if (places.length === 0) return (text) => text === literal;
  if (steps.length === 0) return () => true;
  if (places.length !== 1) return undefined;
  if (places[0] === steps.length) return (text) => text.startsWith(literal);
  return places[0] === 0 ? (text) => text.endsWith(literal) : undefined;
}

function machine(steps: readonly number[], open: readonly boolean[]): (text: string) => boolean {
  const words = Math.floor(steps.length / BITS) + 1;
  const stay = new Uint32Array(words);
  for (const [place, is] of open.entries()) if (is) setBit(stay, place);
  // For a character the places from which it leads on to the next one.
  const others = new Uint32Array(words);
  for (const [place, code] of steps.entries()) if (code === ANY) setBit(others, place);
  const moves = new Map<number, Uint32Array>();
  for (const [place, code] of steps.entries()) {
    if (code === ANY) continue;
    let move = moves.get(code);
    if (move === undefined) moves.set(code, (move = others.slice()));
    setBit(move, place);
  }
  const endWord = Math.floor(steps.length / BITS);
  const endBit = 1 << steps.length % BITS;
  return (text) => {
    const state = new Uint32Array(words);
    state[0] = 1;
    for (let i = 0; i < text.length; i++) {
      const code = text.codePointAt(i) as number;
      if (code > 0xffff) i++;
      if (!advance(state, moves.get(code) ?? others, stay)) return false;
    }
    return ((state[endWord] as number) & endBit) !== 0;
  };
}

// One character on; false when no state is left.
function advance(state: Uint32Array, move: Uint32Array, stay: Uint32Array): boolean {
  let carry = 0;
  let any = 0;
  for (let word = 0; word < state.length; word++) {
    const now = state[word] as number;
    const moved = now & (move[word] as number);
    const next = ((moved << 1) | carry | (now & (stay[word] as number))) >>> 0;
    carry = moved >>> (BITS - 1);
    state[word] = next;
    any |= next;
  }
  return any !== 0;
}

function setBit(words: Uint32Array, place: number): void {
  const word = Math.floor(place / BITS);
  words[word] = (words[word] as number) | (1 << place % BITS);
}
