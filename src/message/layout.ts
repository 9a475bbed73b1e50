/**
 * Where the sections of an encoded message lie (§3.2). Everything here trusts its bytes: `checkMessage` has been over
 * them, so a size or a format code needs no second look.
 */

/** Descriptor codes of the sections; their order is the order on the wire. */
export const SECTION = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
  sequence: 0x76,
  value: 0x77,
  footer: 0x78,
} as const;

/** Names of the sections by their symbolic descriptors, which peers may use instead of the codes. */
export const SECTION_CODES: ReadonlyMap<string, number> = new Map<string, number>([
  ["amqp:header:list", SECTION.header],
  ["amqp:delivery-annotations:map", SECTION.deliveryAnnotations],
  ["amqp:message-annotations:map", SECTION.messageAnnotations],
  ["amqp:properties:list", SECTION.properties],
  ["amqp:application-properties:map", SECTION.applicationProperties],
  ["amqp:data:binary", SECTION.data],
  ["amqp:amqp-sequence:list", SECTION.sequence],
  ["amqp:amqp-value:*", SECTION.value],
  ["amqp:footer:map", SECTION.footer],
]);

/** The code of the section at `at`. */
export function sectionCode(bytes: Uint8Array, at: number): number {
  const format = bytes[at + 1];
  if (format === 0x53) return bytes[at + 2] as number;
  if (format === 0x80) return bytes[at + 9] as number;
  const start = at + (format === 0xb3 ? 6 : 3);
  return SECTION_CODES.get(asciiText(bytes, start, valueEnd(bytes, at + 1))) ?? -1;
}

/** Where the value of the section at `at` begins. */
export function sectionValue(bytes: Uint8Array, at: number): number {
  return bytes[at + 1] === 0x53 ? at + 3 : valueEnd(bytes, at + 1);
}

/** Where the first section with this code begins, or -1. */
export function findSection(bytes: Uint8Array, start: number, end: number, code: number): number {
  let at = start;
  while (at < end) {
    const found = sectionCode(bytes, at);
    if (found === code) return at;
    if (found > code) return -1;
    at = valueEnd(bytes, sectionValue(bytes, at));
  }
  return -1;
}

/** Where the body begins: `end`, or the footer, if there is none. */
export function findBody(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && sectionCode(bytes, at) < SECTION.data) at = valueEnd(bytes, sectionValue(bytes, at));
  return at;
}

/** Where the body that begins at `at` ends. */
export function bodyEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && sectionCode(bytes, at) < SECTION.footer) at = valueEnd(bytes, sectionValue(bytes, at));
  return at;
}

/** Where the value that begins at `at` ends, by the size that its format code tells (§1.2). */
export function valueEnd(bytes: Uint8Array, at: number): number {
  let format = bytes[at] as number;
  while (format === 0x00) {
    at = valueEnd(bytes, at + 1);
    format = bytes[at] as number;
  }
  switch (format >>> 4) {
    case 0x4: return at + 1;
    case 0x5: return at + 2;
    case 0x6: return at + 3;
    case 0x7: return at + 5;
    case 0x8: return at + 9;
    case 0x9: return at + 17;
    case 0xa: case 0xc: case 0xe: return at + 2 + (bytes[at + 1] as number);
    default: return at + 5 + readSize(bytes, at + 1);
  }
}

/** Where the elements of the list or map at `at` begin. */
export function firstElement(bytes: Uint8Array, at: number): number {
  const format = bytes[at] as number;
  return format === 0x45 ? at + 1 : at + (format < 0xd0 ? 3 : 9);
}

/** The 32 bits at `at`, unsigned. */
export function readSize(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

/** Short ASCII text; here only for descriptors. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}
