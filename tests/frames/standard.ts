/** The standard's field tables, copied from its text for the tests: what is here was not taken from the code. */

/** A field: its name, the type of its encoding, whether it is mandatory. */
export type FieldRow = readonly [name: string, type: WireType, mandatory?: "mandatory"];

/** One valid and several wrong encodings of each type of field. */
export const SAMPLES = {
  string: { valid: "a1 01 63", wrong: ["a3 01 63", "a0 01 63", "52 01", "45", "a1 01 ff"] },
  symbol: { valid: "a3 01 63", wrong: ["a1 01 63", "52 01", "45", "a3 01 ff"] },
  symbols: { valid: "a3 01 63", wrong: ["a1 01 63", "52 01", "45", "e0 04 01 a1 01 63", "c0 04 01 a3 01 63"] },
  binary: { valid: "a0 01 63", wrong: ["a1 01 63", "52 01", "45"] },
  boolean: { valid: "41", wrong: ["52 01", "56 02", "45", "a1 04 74 72 75 65"] },
  ubyte: { valid: "50 00", wrong: ["51 00", "52 00", "43", "45", "60 00 00"] },
  ushort: { valid: "60 00 01", wrong: ["50 01", "52 01", "43", "45", "61 00 01"] },
  uint: { valid: "52 01", wrong: ["53 01", "44", "54 01", "71 00 00 00 01", "50 01", "a1 01 31", "45"] },
  ulong: { valid: "53 01", wrong: ["52 01", "43", "55 01", "a1 01 31", "45"] },
  map: { valid: "c1 01 00", wrong: ["45", "c0 01 00", "a1 01 63", "c1 03 02 43 43"] },
  unsettled: { valid: "c1 01 00", wrong: ["45", "c0 01 00", "a1 01 63", "c1 02 01 43"] },
  error: { valid: "00 53 1d c0 04 01 a3 01 63", wrong: ["45", "00 53 1d 45", "00 53 1d 40", "00 53 24 45", "a3 01 63", "00 53 1d c0 04 01 a1 01 63"] },
  state: { valid: "00 53 24 45", wrong: ["00 53 24 40", "00 53 24 c0 02 01 41", "00 53 23 45", "00 53 33 45", "00 53 34 45"] },
  outcome: { valid: "00 53 24 45", wrong: ["45", "00 53 23 c0 03 02 43 44", "00 53 10 45", "00 53 25 c0 02 01 41"] },
  source: { valid: "00 53 28 45", wrong: ["45", "00 53 29 45", "a1 01 71", "00 53 28 c1 01 00", "00 53 28 c0 02 01 41"] },
  target: { valid: "00 53 29 45", wrong: ["45", "00 53 28 45", "a1 01 71", "00 53 29 a0 00", "00 53 30 c0 02 01 41"] },
} as const satisfies Record<string, { valid: string; wrong: readonly string[] }>;

export type WireType = keyof typeof SAMPLES;

/** Performatives by name: the low octet of the descriptor's code and the fields. */
export const PERFORMATIVES: Readonly<Record<string, readonly [code: string, fields: readonly FieldRow[]]>> = {
  open: ["10", [
    ["container-id", "string", "mandatory"], ["hostname", "string"], ["max-frame-size", "uint"], ["channel-max", "ushort"],
    ["idle-time-out", "uint"], ["outgoing-locales", "symbols"], ["incoming-locales", "symbols"], ["offered-capabilities", "symbols"],
    ["desired-capabilities", "symbols"], ["properties", "map"],
  ]],
  begin: ["11", [
    ["remote-channel", "ushort"], ["next-outgoing-id", "uint", "mandatory"], ["incoming-window", "uint", "mandatory"],
    ["outgoing-window", "uint", "mandatory"], ["handle-max", "uint"], ["offered-capabilities", "symbols"],
    ["desired-capabilities", "symbols"], ["properties", "map"],
  ]],
  attach: ["12", [
    ["name", "string", "mandatory"], ["handle", "uint", "mandatory"], ["role", "boolean", "mandatory"], ["snd-settle-mode", "ubyte"],
    ["rcv-settle-mode", "ubyte"], ["source", "source"], ["target", "target"], ["unsettled", "unsettled"], ["incomplete-unsettled", "boolean"],
    ["initial-delivery-count", "uint"], ["max-message-size", "ulong"], ["offered-capabilities", "symbols"],
    ["desired-capabilities", "symbols"], ["properties", "map"],
  ]],
  flow: ["13", [
    ["next-incoming-id", "uint"], ["incoming-window", "uint", "mandatory"], ["next-outgoing-id", "uint", "mandatory"],
    ["outgoing-window", "uint", "mandatory"], ["handle", "uint"], ["delivery-count", "uint"], ["link-credit", "uint"],
    ["available", "uint"], ["drain", "boolean"], ["echo", "boolean"], ["properties", "map"],
  ]],
  transfer: ["14", [
    ["handle", "uint", "mandatory"], ["delivery-id", "uint"], ["delivery-tag", "binary"], ["message-format", "uint"],
    ["settled", "boolean"], ["more", "boolean"], ["rcv-settle-mode", "ubyte"], ["state", "state"], ["resume", "boolean"],
    ["aborted", "boolean"], ["batchable", "boolean"],
  ]],
  disposition: ["15", [
    ["role", "boolean", "mandatory"], ["first", "uint", "mandatory"], ["last", "uint"], ["settled", "boolean"], ["state", "state"],
    ["batchable", "boolean"],
  ]],
  detach: ["16", [["handle", "uint", "mandatory"], ["closed", "boolean"], ["error", "error"]]],
  end: ["17", [["error", "error"]]],
  close: ["18", [["error", "error"]]],
  "sasl-mechanisms": ["40", [["sasl-server-mechanisms", "symbols", "mandatory"]]],
  "sasl-init": ["41", [["mechanism", "symbol", "mandatory"], ["initial-response", "binary"], ["hostname", "string"]]],
  "sasl-challenge": ["42", [["challenge", "binary", "mandatory"]]],
  "sasl-response": ["43", [["response", "binary", "mandatory"]]],
  "sasl-outcome": ["44", [["code", "ubyte", "mandatory"], ["additional-data", "binary"]]],
};
