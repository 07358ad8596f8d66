"""Encodes a message in Heka's protobuf format and frame."""

import struct
from uuid import UUID, uuid4

from host.packs.writer import Field, Message, Scalar

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_STRING_TYPE, _BYTES_TYPE, _INTEGER_TYPE, _DOUBLE_TYPE, _BOOL_TYPE = range(5)
_HEADERS = {"Severity": 5, "Payload": 6, "EnvVersion": 7, "Pid": 8, "Hostname": 9}
_MOST = 1 << 64


def framed(message: Message) -> bytes:
    """Return the encoded message in Heka's frame."""
    body = encoded(message)
    header = _number(1, len(body))
    return b"\x1e" + bytes([len(header)]) + header + b"\x1f" + body


def encoded(message: Message) -> bytes:
    """Return the encoded message without a frame."""
    uuid = message.headers.get("Uuid")
    parts = [
        _text(1, uuid if isinstance(uuid, bytes) else UUID(str(uuid)).bytes if uuid else uuid4().bytes),
        _number(2, message.timestamp_ns),
        _text(3, message.type.encode()),
        _text(4, message.logger.encode()),
    ]
    for name, number in _HEADERS.items():
        value = message.headers.get(name)
        if isinstance(value, int):
            parts.append(_number(number, value))
        elif value is not None:
            parts.append(_text(number, _bytes(value)))
    parts += [_text(10, _field(field)) for field in message.fields]
    return b"".join(parts)


def _field(field: Field) -> bytes:
    values: list[Scalar] = list(field.value) if isinstance(field.value, list) else [field.value]
    kind = _kind(values[0]) if values else _STRING_TYPE
    parts = [_text(1, field.name.encode())]
    if kind != _STRING_TYPE:
        parts.append(_number(2, kind))
    if field.representation:
        parts.append(_text(3, field.representation.encode()))
    return b"".join(parts + [_value(kind, value) for value in values])


def _kind(value: Scalar) -> int:
    kinds = {bool: _BOOL_TYPE, int: _INTEGER_TYPE, float: _DOUBLE_TYPE, bytes: _BYTES_TYPE}
    return kinds.get(type(value), _STRING_TYPE)


def _value(kind: int, value: Scalar) -> bytes:
    if kind in {_STRING_TYPE, _BYTES_TYPE}:
        return _text(4 + kind, _bytes(value))
    if kind == _INTEGER_TYPE:
        return _number(6, int(value))
    if kind == _DOUBLE_TYPE:
        return bytes([7 << 3 | _FIXED64]) + struct.pack("<d", float(value))
    return _number(8, int(bool(value)))


def _bytes(value: Scalar) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _varint(value: int) -> bytes:
    value %= _MOST
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3 | _VARINT]) + _varint(value)


def _text(field: int, value: bytes) -> bytes:
    return bytes([field << 3 | _BYTES]) + _varint(len(value)) + value
