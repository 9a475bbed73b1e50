// Between the notation of support/notation.ts (JSON that names the AMQP type of each value) and rhea's typed values. A message is
// { id, body, properties, annotations, instructions, footer, header, fields }; see support/messages.ts.
import { createHash } from "node:crypto";
import rhea from "rhea";

const { types } = rhea;

/** rhea's value of a notation. */
export function fromNotation([type, a, b]) {
  switch (type) {
    case "null": return types.Null();
    case "boolean": return types.wrap_boolean(a);
    case "float": return types.wrap_float(Buffer.from(a, "hex").readFloatBE());
    case "double": return types.wrap_double(Buffer.from(a, "hex").readDoubleBE());
    case "ulong": return types.wrap_ulong(wide(a));
    case "long": return types.wrap_long(wide(a));
    case "timestamp": return types.wrap_timestamp(wide(a));
    case "uuid": return types.wrap_uuid(Buffer.from(a.replaceAll("-", ""), "hex"));
    case "binary": return types.wrap_binary(Buffer.from(a, "hex"));
    case "decimal32": return types.Decimal32(Buffer.from(a, "hex"));
    case "decimal64": return types.Decimal64(Buffer.from(a, "hex"));
    case "decimal128": return types.Decimal128(Buffer.from(a, "hex"));
    case "list": return types.wrap_list(a.map(fromNotation));
    case "map": return types.Map32(a.flatMap(([key, value]) => [fromNotation(key), fromNotation(value)]));
    case "array": return arrayFrom(a, b);
    case "described": return types.described(fromNotation(a), fromNotation(b));
    default: return types[`wrap_${type}`](a); // ubyte ushort uint byte short int char string symbol
  }
}

/** rhea takes numbers where they are exact, else eight octets. */
function wide(text) {
  const value = BigInt(text);
  if (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))) return Number(value);
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(BigInt.asUintN(64, value));
  return octets;
}

// The constructor that rhea writes in front of an array's elements, and the elements in the raw form that it wants.
const ARRAY_CODES = {
  boolean: 0x56, ubyte: 0x50, ushort: 0x60, uint: 0x70, ulong: 0x80, byte: 0x51, short: 0x61, int: 0x71, long: 0x81, float: 0x72,
  double: 0x82, decimal32: 0x74, decimal64: 0x84, decimal128: 0x94, char: 0x73, timestamp: 0x83, uuid: 0x98, binary: 0xb0,
  string: 0xb1, symbol: 0xb3, list: 0xd0, map: 0xd1,
};

function arrayFrom(element, values) {
  const described = values[0]?.[0] === "described";
  const plain = described ? values.map((value) => value[2]) : values;
  const raw = plain.map((value) => (element === "boolean" ? Number(value[1]) : fromNotation(value).value));
  return types.wrap_array(raw, ARRAY_CODES[element], described ? fromNotation(values[0][1]) : undefined);
}

/** The notation of what rhea read. */
export function toNotation(typed) {
  if (typed.descriptor === undefined) return plainNotation(typed);
  const { descriptor } = typed;
  return ["described", toNotation(descriptor), plainNotation(typed)];
}

const NAMES = {
  Null: "null", Boolean: "boolean", True: "boolean", False: "boolean", Ubyte: "ubyte", Ushort: "ushort", Uint: "uint", SmallUint: "uint",
  Uint0: "uint", Ulong: "ulong", SmallUlong: "ulong", Ulong0: "ulong", Byte: "byte", Short: "short", Int: "int", SmallInt: "int",
  Long: "long", SmallLong: "long", Float: "float", Double: "double", Decimal32: "decimal32", Decimal64: "decimal64",
  Decimal128: "decimal128", CharUTF32: "char", Timestamp: "timestamp", Uuid: "uuid", Vbin8: "binary", Vbin32: "binary",
  Str8: "string", Str32: "string", Sym8: "symbol", Sym32: "symbol", List0: "list", List8: "list", List32: "list", Map8: "map",
  Map32: "map", Array8: "array", Array32: "array",
};

function plainNotation({ type, value, array_constructor: elements }) {
  const name = NAMES[type.name];
  switch (name) {
    case "null": return ["null"];
    case "boolean": return ["boolean", Boolean(value)];
    case "ulong": case "long": return [name, wideText(name, value)];
    case "timestamp": return [name, String(value.getTime())];
    case "float": return [name, hexOf(4, (octets) => octets.writeFloatBE(value))];
    case "double": return [name, hexOf(8, (octets) => octets.writeDoubleBE(value))];
    case "uuid": return [name, value.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")];
    case "decimal32": case "decimal64": case "decimal128": case "binary": return [name, value.toString("hex")];
    case "list": return [name, value.map(toNotation)];
    case "map": {
      const entries = [];
      for (let i = 0; i < value.length; i += 2) entries.push([toNotation(value[i]), toNotation(value[i + 1])]);
      return [name, entries];
    }
    case "array": return arrayNotation(value, elements);
    default: return [name, value];
  }
}

function arrayNotation(values, { typecode, descriptor }) {
  const inner = values.map(plainNotation);
  const outer = descriptor === undefined ? inner : inner.map((value) => ["described", toNotation(descriptor), value]);
  return ["array", NAMES[types.by_code[typecode].name], outer];
}

function wideText(name, value) {
  if (!Buffer.isBuffer(value)) return String(value);
  return String(name === "ulong" ? value.readBigUInt64BE() : value.readBigInt64BE());
}

function hexOf(length, write) {
  const octets = Buffer.alloc(length);
  write(octets);
  return octets.toString("hex");
}

/** The rhea message of a description. */
export function messageFrom(spec) {
  const { fields = {}, header = {} } = spec;
  const message = { message_id: fromNotation(spec.id), body: bodyFrom(spec.body), ...header };
  const sections = { properties: "application_properties", annotations: "message_annotations", instructions: "delivery_annotations", footer: "footer" };
  for (const [name, section] of Object.entries(sections)) if (spec[name] !== undefined) message[section] = mapValues(spec[name]);
  for (const [name, value] of Object.entries(fields)) message[FIELDS[name]] = fieldFrom(name, value);
  return message;
}

const FIELDS = {
  correlationId: "correlation_id", subject: "subject", replyTo: "reply_to", contentType: "content_type", contentEncoding: "content_encoding",
  expiryTime: "absolute_expiry_time", creationTime: "creation_time", groupId: "group_id", groupSequence: "group_sequence",
  replyToGroupId: "reply_to_group_id", userId: "user_id",
};

function fieldFrom(name, value) {
  if (name === "correlationId") return fromNotation(value);
  if (name === "expiryTime" || name === "creationTime") return Number(value);
  return name === "userId" ? Buffer.from(value, "hex") : value;
}

const mapValues = (entries) => Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, fromNotation(value)]));

function bodyFrom([kind, content]) {
  if (kind === "value") return fromNotation(content);
  if (kind === "data") return rhea.message.data_sections(content.map(chunkFrom));
  return rhea.message.sequence_sections(content.map((list) => list.map(fromNotation)));
}

function chunkFrom(chunk) {
  if (chunk[0] === "hex") return Buffer.from(chunk[1], "hex");
  const octets = Buffer.alloc(chunk[1]);
  for (let i = 0; i < octets.length; i++) octets[i] = ((i % 251) * 7 + chunk[2]) & 0xff;
  return octets;
}

/**
 * The description of an encoded message, in the form that every peer of the suite prints. rhea's own `message.decode` drops the
 * types, so this reads the sections with its `types.Reader`.
 */
export function descriptionOf(encoded) {
  const reader = new types.Reader(encoded);
  const spec = { fields: {} };
  const chunks = [];
  const lists = [];
  while (reader.remaining() > 0) {
    const section = reader.read();
    const code = Number(section.descriptor.value);
    if (code === 0x70) spec.header = headerOf(section.value.map(toNotation));
    else if (code === 0x73) Object.assign(spec, propertiesOf(section.value.map(toNotation)));
    else if (code === 0x75) chunks.push(section.value);
    else if (code === 0x76) lists.push(section.value.map(toNotation));
    else if (code === 0x77) spec.body = ["value", plainNotation(section)];
    else if (section.value.length > 0) spec[MAPS[code]] = entriesOf(section);
  }
  if (spec.header !== undefined && Object.keys(spec.header).length === 0) delete spec.header;
  if (chunks.length > 0) spec.body = ["data", chunks.length, bytesOf(Buffer.concat(chunks))];
  if (lists.length > 0) spec.body = ["sequence", lists];
  return spec;
}

const MAPS = { 0x71: "instructions", 0x72: "annotations", 0x74: "properties", 0x78: "footer" };

const entriesOf = (section) => Object.fromEntries(plainNotation({ ...section, descriptor: undefined })[1].map(([key, value]) => [key[1], value]));

function headerOf([durable, priority, ttl]) {
  const header = {};
  if (durable?.[1]) header.durable = true;
  if (priority !== undefined && priority[0] !== "null" && priority[1] !== 4) header.priority = priority[1];
  if (ttl !== undefined && ttl[0] !== "null") header.ttl = ttl[1];
  return header;
}

const PROPERTIES = ["id", "userId", "to", "subject", "replyTo", "correlationId", "contentType", "contentEncoding", "expiryTime", "creationTime", "groupId", "groupSequence", "replyToGroupId"];

function propertiesOf(values) {
  const fields = {};
  let id;
  for (const [i, value] of values.entries()) {
    const name = PROPERTIES[i];
    if (name === "id") id = value;
    else if (value[0] !== "null" && name !== "to") fields[name] = name === "correlationId" ? value : value[1];
  }
  return { id, fields };
}

function bytesOf(octets) {
  if (octets.length <= 64) return ["hex", octets.toString("hex")];
  return ["sha256", octets.length, createHash("sha256").update(octets).digest("hex")];
}
