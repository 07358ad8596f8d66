"""Computes the expected output of each job independently, with Python's `re`, `datetime` and orjson."""

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from benchmarks.failures import BenchmarkError

LINE = re.compile(
    rb'(\S+) - (\S+) \[([^]]+)\] "(?:([A-Z]+) (\S+) (HTTP/[\d.]+)|([^"]*))" (\d{3}) (\d+) "([^"]*)" "([^"]*)"\n'
)
FIELDS = (
    "remote_addr",
    "remote_user",
    "time",
    "request_method",
    "request_uri",
    "server_protocol",
    "request",
    "status",
    "body_bytes_sent",
    "http_referer",
    "http_user_agent",
)
_FIRST_SERVER_ERROR = 500
_SECONDS = 60


class Expected(NamedTuple):
    lines: int
    digest: str


@functools.lru_cache(maxsize=4096)
def _utc(text: bytes) -> datetime:
    return datetime.strptime(text.decode(), "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)


@functools.lru_cache(maxsize=4096)
def _rfc3339(text: bytes) -> str:
    return _utc(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def _groups(line: bytes) -> tuple[bytes | None, ...]:
    found = LINE.fullmatch(line)
    if found is None:
        raise BenchmarkError(f"The oracle cannot parse {line!r}.")
    return found.groups()


def parse(line: bytes) -> dict[str, Any]:
    """Return all fields of an access log line, without absent ones."""
    record: dict[str, Any] = {}
    for name, value in zip(FIELDS, _groups(line), strict=True):
        if value is None:
            continue
        if name == "time":
            record[name] = _rfc3339(value)
        else:
            record[name] = int(value) if name in {"status", "body_bytes_sent"} else value.decode()
    return record


def errors(log: Path) -> Iterator[bytes]:
    """Yield server errors as JSON lines: J1, J5, J6."""
    with log.open("rb") as lines:
        for line in lines:
            status = _groups(line)[7]
            if status is not None and int(status) >= _FIRST_SERVER_ERROR:
                yield orjson.dumps(parse(line)) + b"\n"


def raw_with_env(log: Path) -> Iterator[bytes]:
    """Yield every line with the field of the script: J3."""
    with log.open("rb") as lines:
        for line in lines:
            yield orjson.dumps({"Payload": line[:-1].decode(), "env": "prod"}) + b"\n"


def all_with_env(log: Path) -> Iterator[bytes]:
    """Yield every record with all its fields and the field of the script: J3 after decoding."""
    with log.open("rb") as lines:
        for line in lines:
            record = parse(line)
            record.pop("request", None)
            yield orjson.dumps(record | {"env": "prod"}) + b"\n"


def counts(log: Path) -> Iterator[bytes]:
    """Yield lines of minute, status and count: J2."""
    found: Counter[tuple[int, int]] = Counter()
    with log.open("rb") as lines:
        for line in lines:
            groups = _groups(line)
            assert groups[2] is not None
            assert groups[7] is not None
            found[int(_utc(groups[2]).timestamp()) // _SECONDS, int(groups[7])] += 1
    for (minute, status), count in sorted(found.items()):
        yield b"%d %d %d\n" % (minute, status, count)


def copy(log: Path) -> Iterator[bytes]:
    """Yield every line unchanged: J4."""
    with log.open("rb") as lines:
        yield from lines


def _digest(lines: Iterator[bytes]) -> Expected:
    digest, count = hashlib.sha256(), 0
    for line in lines:
        digest.update(line)
        count += 1
    return Expected(count, digest.hexdigest())


Oracle = Callable[[Path], Iterator[bytes]]


@functools.cache
def expected(oracle: Oracle, log: Path) -> Expected:
    """Return the count and digest of an oracle's lines."""
    return _digest(oracle(log))


def _canonical(line: bytes) -> bytes:
    """Return a JSON line in orjson's format, with its order of members; other lines unchanged."""
    try:
        return orjson.dumps(orjson.loads(line)) + b"\n"
    except orjson.JSONDecodeError:
        return line


def check(oracle: Oracle, log: Path, output: Path) -> int:
    """Compare an output, including its order, with the expected one.

    Args:
        oracle: The oracle of the job.
        log: The access log that is the source of the job's input.
        output: The job's output.

    Returns:
        How many records it wrote.

    Raises:
        BenchmarkError: It is not what it must be; the first difference is named.
    """
    want = expected(oracle, log)
    with output.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == want.digest:
            return want.lines
    with output.open("rb") as lines:
        if _digest(map(_canonical, lines)) != want:
            raise BenchmarkError(_first_difference(oracle(log), output))
    return want.lines


def _first_difference(wanted: Iterator[bytes], output: Path) -> str:
    with output.open("rb") as lines:
        number = 0
        for number, line in enumerate(lines, 1):
            want = next(wanted, None)
            if want is None:
                return f"The output has more than {number - 1} lines: {line!r}."
            if _canonical(line) != want:
                return f"Line {number} of the output is\n    {line!r}\ninstead of\n    {want!r}"
        return f"The output ends after {number} lines, before {next(wanted, None)!r}."
