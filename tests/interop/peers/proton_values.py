"""Between the notation of support/notation.ts (JSON that names the AMQP type of each value) and Proton's Python values.

A message is {"id", "body", "properties", "annotations", "instructions", "footer", "header", "fields"}; see support/messages.ts.
"""

import hashlib
import struct
import uuid

import cproton
from proton import (Array, Data, Described, Message, UNDESCRIBED, byte, char, decimal128, decimal32, decimal64, float32, int32, short,
                    symbol, timestamp, ubyte, uint, ulong, ushort)

ELEMENTS = {
    "null": Data.NULL, "boolean": Data.BOOL, "ubyte": Data.UBYTE, "ushort": Data.USHORT, "uint": Data.UINT, "ulong": Data.ULONG,
    "byte": Data.BYTE, "short": Data.SHORT, "int": Data.INT, "long": Data.LONG, "float": Data.FLOAT, "double": Data.DOUBLE,
    "decimal32": Data.DECIMAL32, "decimal64": Data.DECIMAL64, "decimal128": Data.DECIMAL128, "char": Data.CHAR,
    "timestamp": Data.TIMESTAMP, "uuid": Data.UUID, "binary": Data.BINARY, "string": Data.STRING, "symbol": Data.SYMBOL,
    "list": Data.LIST, "map": Data.MAP, "array": Data.ARRAY,
}
ELEMENT_NAMES = {code: name for name, code in ELEMENTS.items()}


def array_from(notation):
    element, values = notation[1], notation[2]
    descriptor = UNDESCRIBED
    if values and values[0][0] == "described":
        descriptor = from_notation(values[0][1])
        values = [value[2] for value in values]
    return Array(descriptor, ELEMENTS[element], *[from_notation(value) for value in values])


FROM = {
    "null": lambda n: None,
    "boolean": lambda n: n[1],
    "ubyte": lambda n: ubyte(n[1]),
    "ushort": lambda n: ushort(n[1]),
    "uint": lambda n: uint(n[1]),
    "ulong": lambda n: ulong(int(n[1])),
    "byte": lambda n: byte(n[1]),
    "short": lambda n: short(n[1]),
    "int": lambda n: int32(n[1]),
    "long": lambda n: int(n[1]),
    "float": lambda n: float32(struct.unpack(">f", bytes.fromhex(n[1]))[0]),
    "double": lambda n: struct.unpack(">d", bytes.fromhex(n[1]))[0],
    "decimal32": lambda n: decimal32(int(n[1], 16)),
    "decimal64": lambda n: decimal64(int(n[1], 16)),
    "decimal128": lambda n: decimal128(bytes.fromhex(n[1])),
    "char": lambda n: char(chr(n[1])),
    "timestamp": lambda n: timestamp(int(n[1])),
    "uuid": lambda n: uuid.UUID(n[1]),
    "binary": lambda n: bytes.fromhex(n[1]),
    "string": lambda n: n[1],
    "symbol": lambda n: symbol(n[1]),
    "list": lambda n: [from_notation(value) for value in n[1]],
    "map": lambda n: {from_notation(key): from_notation(value) for key, value in n[1]},
    "array": array_from,
    "described": lambda n: Described(from_notation(n[1]), from_notation(n[2])),
}


def from_notation(notation):
    return FROM[notation[0]](notation)


def array_to(value):
    elements = [to_notation(element) for element in value.elements]
    if value.descriptor != UNDESCRIBED:
        elements = [["described", to_notation(value.descriptor), element] for element in elements]
    return ["array", ELEMENT_NAMES[value.type], elements]


# By exact class: Proton's types are subclasses of int and str.
TO = {
    type(None): lambda v: ["null"],
    bool: lambda v: ["boolean", v],
    ubyte: lambda v: ["ubyte", int(v)],
    ushort: lambda v: ["ushort", int(v)],
    uint: lambda v: ["uint", int(v)],
    ulong: lambda v: ["ulong", str(int(v))],
    byte: lambda v: ["byte", int(v)],
    short: lambda v: ["short", int(v)],
    int32: lambda v: ["int", int(v)],
    int: lambda v: ["long", str(v)],
    float32: lambda v: ["float", struct.pack(">f", v).hex()],
    float: lambda v: ["double", struct.pack(">d", v).hex()],
    decimal32: lambda v: ["decimal32", "%08x" % v],
    decimal64: lambda v: ["decimal64", "%016x" % v],
    decimal128: lambda v: ["decimal128", bytes(v).hex()],
    char: lambda v: ["char", ord(v)],
    timestamp: lambda v: ["timestamp", str(int(v))],
    uuid.UUID: lambda v: ["uuid", str(v)],
    bytes: lambda v: ["binary", v.hex()],
    memoryview: lambda v: ["binary", bytes(v).hex()],
    str: lambda v: ["string", v],
    symbol: lambda v: ["symbol", str(v)],
    list: lambda v: ["list", [to_notation(one) for one in v]],
    dict: lambda v: ["map", [[to_notation(key), to_notation(one)] for key, one in v.items()]],
    Array: array_to,
    Described: lambda v: ["described", to_notation(v.descriptor), to_notation(v.value)],
}


def to_notation(value):
    return TO[value.__class__](value)


def chunk_from(chunk):
    if chunk[0] == "hex":
        return bytes.fromhex(chunk[1])
    pattern = bytes((i * 7 + chunk[2]) & 0xFF for i in range(251))
    return (pattern * (chunk[1] // 251 + 1))[:chunk[1]]


def message_from(spec, address):
    """The Proton message of a description."""
    message = Message()
    message.address = address
    kind, content = spec["body"]
    if kind == "value":
        message.body = from_notation(content)
    elif kind == "data":
        message.inferred = True
        message.body = chunk_from(content[0])  # Proton's Message has one section
    else:
        message.inferred = True
        message.body = [from_notation(value) for value in content[0]]
    message.id = from_notation(spec["id"])
    for name in ("properties", "annotations", "instructions"):
        if name in spec:
            setattr(message, name, {key: from_notation(value) for key, value in spec[name].items()})
    header = spec.get("header", {})
    if "durable" in header:
        message.durable = header["durable"]
    if "priority" in header:
        message.priority = header["priority"]
    if "ttl" in header:
        cproton.pn_message_set_ttl(message._msg, header["ttl"])
    for name, value in spec.get("fields", {}).items():
        SET_FIELD[name](message, value)
    return message


SET_FIELD = {
    "correlationId": lambda m, v: setattr(m, "correlation_id", from_notation(v)),
    "subject": lambda m, v: setattr(m, "subject", v),
    "replyTo": lambda m, v: setattr(m, "reply_to", v),
    "contentType": lambda m, v: setattr(m, "content_type", v),
    "contentEncoding": lambda m, v: setattr(m, "content_encoding", v),
    "expiryTime": lambda m, v: cproton.pn_message_set_expiry_time(m._msg, int(v)),
    "creationTime": lambda m, v: cproton.pn_message_set_creation_time(m._msg, int(v)),
    "groupId": lambda m, v: setattr(m, "group_id", v),
    "groupSequence": lambda m, v: setattr(m, "group_sequence", v),
    "replyToGroupId": lambda m, v: setattr(m, "reply_to_group_id", v),
    "userId": lambda m, v: setattr(m, "user_id", bytes.fromhex(v)),
}


def bytes_to(value):
    """Octets as text while they are few, else their number and their digest."""
    if len(value) <= 64:
        return ["hex", value.hex()]
    return ["sha256", len(value), hashlib.sha256(value).hexdigest()]


def body_to(message):
    if message.inferred and isinstance(message.body, (bytes, memoryview)):
        return ["data", 1, bytes_to(bytes(message.body))]
    if message.inferred and isinstance(message.body, list):
        return ["sequence", [[to_notation(value) for value in message.body]]]
    return ["value", to_notation(message.body)]


def id_to(value):
    """Proton gives a ulong id as a plain int."""
    return ["ulong", str(value)] if type(value) is int else to_notation(value)


def description_of(message):
    """The description of a message, in the form that every peer of the suite prints."""
    spec = {"id": id_to(message.id), "body": body_to(message)}
    for name in ("properties", "annotations", "instructions"):
        entries = getattr(message, name)
        if entries:
            spec[name] = {str(key): to_notation(value) for key, value in entries.items()}
    header = {}
    if message.durable:
        header["durable"] = True
    if message.priority != 4:
        header["priority"] = message.priority
    if cproton.pn_message_get_ttl(message._msg):
        header["ttl"] = cproton.pn_message_get_ttl(message._msg)
    if header:
        spec["header"] = header
    fields = {
        "correlationId": None if message.correlation_id is None else id_to(message.correlation_id),
        "subject": message.subject,
        "replyTo": message.reply_to,
        "contentType": str(message.content_type) if cproton.pn_message_get_content_type(message._msg) else None,
        "contentEncoding": str(message.content_encoding) if cproton.pn_message_get_content_encoding(message._msg) else None,
        "expiryTime": str(cproton.pn_message_get_expiry_time(message._msg) or "") or None,
        "creationTime": str(cproton.pn_message_get_creation_time(message._msg) or "") or None,
        "groupId": message.group_id,
        "groupSequence": message.group_sequence or None,
        "replyToGroupId": message.reply_to_group_id,
        "userId": message.user_id.hex() if message.user_id else None,
    }
    spec["fields"] = {name: value for name, value in fields.items() if value is not None}
    return spec
