/** Format codes of the AMQP 1.0 encodings (types, section 1.6) and what follows each of them. */

/** The octet that begins each encoding, by the names of the standard. */
export const Code = {
  described: 0x00,
  null: 0x40, true: 0x41, false: 0x42, uint0: 0x43, ulong0: 0x44, list0: 0x45,
  ubyte: 0x50, byte: 0x51, smalluint: 0x52, smallulong: 0x53, smallint: 0x54, smalllong: 0x55, boolean: 0x56,
  ushort: 0x60, short: 0x61,
  uint: 0x70, int: 0x71, float: 0x72, char: 0x73, decimal32: 0x74,
  ulong: 0x80, long: 0x81, double: 0x82, timestamp: 0x83, decimal64: 0x84,
  decimal128: 0x94, uuid: 0x98,
  vbin8: 0xa0, str8: 0xa1, sym8: 0xa3,
  vbin32: 0xb0, str32: 0xb1, sym32: 0xb3,
  list8: 0xc0, map8: 0xc1,
  list32: 0xd0, map32: 0xd1,
  array8: 0xe0,
  array32: 0xf0,
} as const;

/** How deep a value may be nested, counting lists, maps, arrays and described values alike. */
export const MAX_DEPTH = 64;

/** How many values one reader makes or passes between two resets; a typed array or a repeated element is one. */
export const MAX_NODES = 65_536;

/** How many elements an array of a zero-width encoding may declare, which cost the sender nothing. */
export const MAX_ZERO_WIDTH = 65_536;

/** What the layout of an encoding is, where it is not a fixed width in octets (0, 1, 2, 4, 8 or 16). */
export const Layout = {
  unknown: 32,
  variable8: 33, variable32: 34,
  list8: 35, list32: 36,
  map8: 37, map32: 38,
  array8: 39, array32: 40,
} as const;

/** The layout of every format code: its width when it is fixed, else one of `Layout`. */
export const LAYOUT: Uint8Array = layouts();

/** The fewest octets that one array element of a layout takes. */
export function leastOctets(layout: number): number {
  if (layout <= 16) return layout;
  switch (layout) {
    case Layout.variable8: return 1;
    case Layout.variable32: return 4;
    case Layout.list8: case Layout.map8: return 2;
    case Layout.list32: case Layout.map32: return 8;
    case Layout.array8: return 3;
    default: return 9;
  }
}

/** Whether an array of this encoding is one value in memory: a typed array, or one element and a count. */
export function isCompact(code: number): boolean {
  switch (code) {
    case Code.ubyte: case Code.byte: case Code.ushort: case Code.short: case Code.smalluint: case Code.uint:
    case Code.smallint: case Code.int: case Code.smallulong: case Code.ulong: case Code.smalllong: case Code.long:
    case Code.float: case Code.double:
      return true;
    default:
      return LAYOUT[code] === 0;
  }
}

function layouts(): Uint8Array {
  const table = new Uint8Array(256).fill(Layout.unknown);
  const fixed = [0, 1, 2, 4, 8, 16];
  for (const code of Object.values(Code)) {
    const category = code >>> 4;
    if (category >= 4 && category <= 9) table[code] = fixed[category - 4] as number;
    if (category === 0xa) table[code] = Layout.variable8;
    if (category === 0xb) table[code] = Layout.variable32;
  }
  table[Code.list8] = Layout.list8;
  table[Code.list32] = Layout.list32;
  table[Code.map8] = Layout.map8;
  table[Code.map32] = Layout.map32;
  table[Code.array8] = Layout.array8;
  table[Code.array32] = Layout.array32;
  return table;
}
