"""BSON values and their bytes, as far as the tests need them (Python's standard library has none)."""

import os
import struct
import time
import uuid
from typing import NamedTuple


class Int64(int):
    """An integer that stays 64 bits wide on the wire, as txnNumber must."""


class ObjectId(bytes):
    """Twelve bytes; ObjectId.new() makes one as drivers do."""

    @classmethod
    def new(cls):
        return cls(struct.pack(">I", int(time.time())) + os.urandom(8))

    def __repr__(self):
        return "ObjectId(%r)" % self.hex()


class Timestamp(NamedTuple):
    """MongoDB's internal timestamp; orders as the server orders it."""

    seconds: int
    increment: int


class DateTime(int):
    """Milliseconds since 1970."""


class Opaque(NamedTuple):
    """A value of a type that no test looks into; kept so that it compares and prints."""

    kind: int
    data: bytes


def encode(document):
    """The bytes of a dict, its keys in their order."""
    return _frame(b"".join(_element(name, value) for name, value in document.items()))


def _frame(body):
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _element(name, value):
    kind, data = _encode_value(value)
    return bytes([kind]) + str(name).encode() + b"\0" + data


def _encode_value(value):
    if isinstance(value, bool):
        return 0x08, b"\1" if value else b"\0"
    if isinstance(value, DateTime):
        return 0x09, struct.pack("<q", value)
    if isinstance(value, int):
        if isinstance(value, Int64) or not -2**31 <= value < 2**31:
            return 0x12, struct.pack("<q", value)
        return 0x10, struct.pack("<i", value)
    if isinstance(value, float):
        return 0x01, struct.pack("<d", value)
    if isinstance(value, str):
        text = value.encode()
        return 0x02, struct.pack("<i", len(text) + 1) + text + b"\0"
    if isinstance(value, dict):
        return 0x03, encode(value)
    if isinstance(value, Timestamp):
        return 0x11, struct.pack("<II", value.increment, value.seconds)
    if isinstance(value, Opaque):
        return value.kind, value.data
    if isinstance(value, (list, tuple)):
        return 0x04, _frame(b"".join(_element(i, v) for i, v in enumerate(value)))
    if isinstance(value, ObjectId):
        return 0x07, bytes(value)
    if isinstance(value, uuid.UUID):
        return 0x05, struct.pack("<ib", 16, 4) + value.bytes
    if isinstance(value, (bytes, bytearray)):
        return 0x05, struct.pack("<ib", len(value), 0) + bytes(value)
    if value is None:
        return 0x0A, b""
    raise TypeError("no BSON for %r" % (value,))


def decode(data, offset=0):
    """The dict whose bytes start at offset."""
    length = struct.unpack_from("<i", data, offset)[0]
    end = offset + length - 1
    if length < 5 or end >= len(data) or data[end] != 0:
        raise ValueError("bad BSON length %d at %d" % (length, offset))
    document, at = {}, offset + 4
    while at < end:
        kind, name, at = _name(data, at)
        document[name], at = _decode_value(kind, data, at)
    return document


def raw_array(data, *path):
    """The raw bytes of each document in the array at path: comparing needs no decoding."""
    at = 0
    for wanted in path:
        at += 4
        while True:
            kind, name, at = _name(data, at)
            if name == wanted:
                break
            at = _skip(kind, data, at)
    length, at, items = struct.unpack_from("<i", data, at)[0], at + 4, []
    end = at + length - 5
    while at < end:
        kind, _, at = _name(data, at)
        after = _skip(kind, data, at)
        items.append(bytes(data[at:after]))
        at = after
    return items


def _name(data, at):
    end = data.index(0, at + 1)
    return data[at], data[at + 1:end].decode(), end + 1


_FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}


def _skip(kind, data, at):
    """The offset after the value of this kind that starts at offset at."""
    if kind in _FIXED:
        return at + _FIXED[kind]
    if kind in (0x02, 0x0D, 0x0E):
        return at + 4 + struct.unpack_from("<i", data, at)[0]
    if kind in (0x03, 0x04, 0x0F):
        return at + struct.unpack_from("<i", data, at)[0]
    if kind == 0x05:
        return at + 5 + struct.unpack_from("<i", data, at)[0]
    if kind == 0x0B:
        return data.index(0, data.index(0, at) + 1) + 1
    raise ValueError("unknown BSON type 0x%02x" % kind)


def _decode_value(kind, data, at):
    after = _skip(kind, data, at)
    return _DECODERS.get(kind, _opaque(kind))(data, at, after), after


def _opaque(kind):
    return lambda data, at, after: Opaque(kind, bytes(data[at:after]))


def _binary(data, at, after):
    content = bytes(data[at + 5:after])
    return uuid.UUID(bytes=content) if data[at + 4] == 4 and len(content) == 16 else content


def _timestamp(data, at, _):
    increment, seconds = struct.unpack_from("<II", data, at)
    return Timestamp(seconds, increment)


_DECODERS = {
    0x01: lambda data, at, _: struct.unpack_from("<d", data, at)[0],
    0x02: lambda data, at, after: bytes(data[at + 4:after - 1]).decode(),
    0x03: lambda data, at, _: decode(data, at),
    0x04: lambda data, at, _: list(decode(data, at).values()),
    0x05: _binary,
    0x07: lambda data, at, after: ObjectId(data[at:after]),
    0x08: lambda data, at, _: data[at] != 0,
    0x09: lambda data, at, _: DateTime(struct.unpack_from("<q", data, at)[0]),
    0x0A: lambda data, at, _: None,
    0x10: lambda data, at, _: struct.unpack_from("<i", data, at)[0],
    0x11: _timestamp,
    0x12: lambda data, at, _: Int64(struct.unpack_from("<q", data, at)[0]),
}
