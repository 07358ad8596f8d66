"""Heka's message schema twice, for tests: an encoder of their own, and what Google's library needs."""

import struct
from typing import Any

STRING, BYTES, INTEGER, DOUBLE, BOOL = range(5)
TEXTS = {1: "Uuid", 3: "Type", 4: "Logger", 6: "Payload", 7: "EnvVersion", 9: "Hostname"}
NUMBERS = {2: "Timestamp", 5: "Severity", 8: "Pid"}


def varint(value: int) -> bytes:
    """A varint; a negative number takes ten bytes."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def block(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def field(name: bytes, value_type: int, value: list[Any], representation: bytes | None = None) -> bytes:
    """One of the Fields."""
    out = block(1, name)
    if value_type != STRING:
        out += varint(2 << 3) + varint(value_type)
    if representation is not None:
        out += block(3, representation)
    if value_type in (STRING, BYTES):
        return out + b"".join(block(4 + value_type, item) for item in value)
    if not value:
        return out
    if value_type == INTEGER:
        packed = b"".join(map(varint, value))
    elif value_type == DOUBLE:
        packed = struct.pack(f"<{len(value)}d", *value)
    else:
        packed = bytes(value)
    return out + block(4 + value_type, packed)


def message(msg: dict[str, Any]) -> bytes:
    """A message: headers by name, Fields as a list of the arguments of `field`."""
    out = b""
    for number in range(1, 10):
        name = TEXTS.get(number) or NUMBERS[number]
        if name not in msg:
            continue
        out += block(number, msg[name]) if number in TEXTS else varint(number << 3) + varint(msg[name])
    return out + b"".join(block(10, field(*arguments)) for arguments in msg.get("Fields", []))


def frame(data: bytes) -> bytes:
    """The frame around a message."""
    header = varint(1 << 3) + varint(len(data))
    return b"\x1e" + bytes([len(header)]) + header + b"\x1f" + data


def google_message_class() -> Any:
    """The class that Google's library makes of the schema.

    Raises:
        ImportError: The library is not installed.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="heka.proto", package="heka", syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    of_field = file.message_type.add(name="Field")
    enum = of_field.enum_type.add(name="ValueType")
    for number, name in enumerate(("STRING", "BYTES", "INTEGER", "DOUBLE", "BOOL")):
        enum.value.add(name=name, number=number)
    of_message = file.message_type.add(name="Message")

    def add(to: Any, number: int, name: str, kind: int, label: int = 1) -> Any:
        made = to.field.add(name=name, number=number, type=kind, label=label)
        if number in (6, 7, 8) and label == kinds.LABEL_REPEATED:
            made.options.packed = True
        return made

    # Strings as bytes: the library refuses invalid UTF-8, and on the wire they are the same.
    add(of_field, 1, "name", kinds.TYPE_BYTES, kinds.LABEL_REQUIRED)
    add(of_field, 2, "value_type", kinds.TYPE_ENUM).type_name = ".heka.Field.ValueType"
    add(of_field, 3, "representation", kinds.TYPE_BYTES)
    add(of_field, 4, "value_string", kinds.TYPE_BYTES, kinds.LABEL_REPEATED)
    add(of_field, 5, "value_bytes", kinds.TYPE_BYTES, kinds.LABEL_REPEATED)
    add(of_field, 6, "value_integer", kinds.TYPE_INT64, kinds.LABEL_REPEATED)
    add(of_field, 7, "value_double", kinds.TYPE_DOUBLE, kinds.LABEL_REPEATED)
    add(of_field, 8, "value_bool", kinds.TYPE_BOOL, kinds.LABEL_REPEATED)
    for number, name in TEXTS.items():
        add(of_message, number, name.lower(), kinds.TYPE_BYTES)
    add(of_message, 2, "timestamp", kinds.TYPE_INT64, kinds.LABEL_REQUIRED)
    add(of_message, 5, "severity", kinds.TYPE_INT32)
    add(of_message, 8, "pid", kinds.TYPE_INT32)
    add(of_message, 10, "fields", kinds.TYPE_MESSAGE, kinds.LABEL_REPEATED).type_name = ".heka.Field"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("heka.Message"))
