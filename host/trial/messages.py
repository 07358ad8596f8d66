"""Converts messages written by people in YAML or JSON into messages for a pack.

    Type: nginx.access
    Timestamp: 2024-05-01T10:00:00Z      # or nanoseconds since 1970
    Severity: 6
    Fields: {status: 200, tags: [a, b]}

Fields may also be a list, which keeps their order and allows a name to repeat:

    Fields:
      - {name: status, value: 200, value_type: integer, representation: code}
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from host.core.errors import HekateError
from host.packs.writer import Field, Message, Scalar

TEXT_HEADERS = ("Payload", "EnvVersion", "Hostname")
NUMBER_HEADERS = ("Severity", "Pid")
HEADERS = ("Uuid", "Timestamp", "Type", "Logger", *TEXT_HEADERS, *NUMBER_HEADERS)
_NS = 1_000_000_000
_INT64 = 1 << 63
_MAX_FIELDS = 1024
_FIELD_KEYS = {"name", "value", "value_type", "representation"}
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str, bytes), "bytes": (bytes, str), "integer": (int,), "double": (float, int), "bool": (bool,),
}  # fmt: skip


class MessageError(HekateError):
    """A written message is invalid."""


def timestamp_ns(value: object) -> int:
    """Return nanoseconds since 1970 for an integer of nanoseconds or an RFC 3339 text.

    Raises:
        MessageError: The value is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63:
        return value
    found = _RFC3339.match(value) if isinstance(value, str) else None
    if found is None:
        raise MessageError(
            f"Timestamp: `{value}` is neither nanoseconds since 1970 nor a time such as 2024-05-01T10:00:00Z."
        )
    day, time, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{zone.upper().replace('Z', '+00:00')}")
    except ValueError as error:
        raise MessageError(f"Timestamp: `{value}` is not a valid time: {error}.") from error
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _NS + int((fraction or "0").ljust(9, "0"))


def to_message(given: Mapping[str, Any], now_ns: int) -> Message:
    """Convert a mapping to a message. If it has no Timestamp, use now_ns.

    Raises:
        MessageError: The mapping is not a message; the error names the part.
    """
    unknown = sorted(str(key) for key in given if key not in {*HEADERS, "Fields"})
    if unknown:
        raise MessageError(f"Unknown header `{unknown[0]}`; put fields under `Fields`.")
    moment = now_ns if given.get("Timestamp") is None else timestamp_ns(given["Timestamp"])
    fields = [_field(name, described) for name, described in described_fields(given.get("Fields"))]
    if len(fields) > _MAX_FIELDS:
        raise MessageError(f"A message may have at most {_MAX_FIELDS} fields.")
    return Message(_text(given, "Type"), _text(given, "Logger"), moment, _headers(given), fields)


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if isinstance(value, bytes):  # the pack reader returns bytes for text that is not UTF-8
        value = value.decode(errors="replace")
    if value is not None and not isinstance(value, str):
        raise MessageError(f"{name}: must be text.")
    return value or ""


def _headers(given: Mapping[str, Any]) -> dict[str, Scalar]:
    headers: dict[str, Scalar] = {}
    if given.get("Uuid") is not None:
        headers["Uuid"] = _uuid(given["Uuid"])
    for name in TEXT_HEADERS:
        value = given.get(name)
        if value is not None and not isinstance(value, str | bytes):
            raise MessageError(f"{name}: must be text.")
        if value:
            headers[name] = value
    for name in NUMBER_HEADERS:
        value = given.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise MessageError(f"{name}: must be a whole number.")
        if value is not None:
            headers[name] = value
    return headers


def _uuid(value: object) -> bytes:
    try:
        return value if isinstance(value, bytes) and len(value) == 16 else UUID(str(value)).bytes
    except ValueError as error:
        raise MessageError("Uuid: must be 16 bytes, or text such as 6ba7b810-9dad-11d1-80b4-00c04fd430c8.") from error


def described_fields(fields: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and description of each field, from either form.

    Raises:
        MessageError: The fields are in neither form.
    """
    if fields is None:
        return
    if isinstance(fields, Mapping):
        for name, value in fields.items():
            yield str(name), {"value": value}
        return
    if not isinstance(fields, list):
        raise MessageError("Fields: must be a mapping of names to values, or a list of fields.")
    for field in fields:
        if not isinstance(field, Mapping) or not isinstance(field.get("name"), str):
            raise MessageError("Fields: each field of a list must have a name and a value.")
        unknown = sorted(str(key) for key in field if key not in _FIELD_KEYS)
        if unknown:
            raise MessageError(f"Fields: {field['name']}: unknown key `{unknown[0]}`.")
        yield field["name"], field


def _field(name: str, given: Mapping[str, Any]) -> Field:
    value, value_type = given.get("value"), given.get("value_type")
    if value_type is not None:
        if value_type not in _TYPES:
            raise MessageError(f"Fields: {name}: value_type must be one of {',  '.join(_TYPES)}.")
        elements = [_convert(name, value_type, each) for each in (value if isinstance(value, list) else [value])]
        value = elements if isinstance(value, list) else elements[0]
    elif isinstance(value, list) and {type(each) for each in value} == {int, float}:
        value = [float(each) for each in value]
    if value is None:
        raise MessageError(f"Fields: {name}: the field has no value.")
    return Field(name, value, str(given.get("representation") or ""))


def _convert(name: str, value_type: str, value: Any) -> Scalar:
    if not _has_type(value_type, value):
        raise MessageError(f"Fields: {name}: the value is not of type {value_type}.")
    converted: Scalar = value
    if value_type == "double" or (value_type == "integer" and not -_INT64 <= value < _INT64):
        converted = float(value)  # integers beyond int64 also become doubles, as in Heka's protobuf
    elif value_type == "bytes" and isinstance(value, str):
        converted = value.encode()
    return converted


def _has_type(value_type: str, value: object) -> bool:
    return isinstance(value, _TYPES[value_type]) and (value_type == "bool" or not isinstance(value, bool))


def replace_bytes(value: Any) -> Any:
    """Return a value with its bytes replaced by text, since JSON has no bytes."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, dict):
        return {key: replace_bytes(child) for key, child in value.items()}
    return [replace_bytes(child) for child in value] if isinstance(value, list) else value
