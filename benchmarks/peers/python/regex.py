"""J1, J2 and J3 as a loop with Python's `re`.

python regex.py JOB INPUT OUTPUT
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

LINE = re.compile(
    r'(\S+) - (\S+) \[([^]]+)\] "(?:([A-Z]+) (\S+) (HTTP/[\d.]+)|[^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"\n'
)
TIME, STATUS = 2, 6
NAMES = (
    "remote_addr",
    "remote_user",
    "time",
    "request_method",
    "request_uri",
    "server_protocol",
    "status",
    "body_bytes_sent",
    "http_referer",
    "http_user_agent",
)


@lru_cache(maxsize=1024)
def epoch_s(text: str) -> int:
    return int(datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp())


def records(path: Path) -> Iterator[list[Any]]:
    match = LINE.fullmatch
    with path.open() as lines:
        for line in lines:
            found = match(line)
            if found is None:
                continue
            record: list[Any] = list(found.groups())
            record[TIME] = epoch_s(record[TIME])
            record[STATUS] = int(record[STATUS])
            record[STATUS + 1] = int(record[STATUS + 1])
            yield record


def errors(source: Path) -> Iterator[str]:
    for record in records(source):
        if record[STATUS] >= 500:
            record[TIME] = datetime.fromtimestamp(record[TIME], UTC).isoformat()
            yield json.dumps(dict(zip(NAMES, record, strict=True))) + "\n"


def counts(source: Path) -> Iterator[str]:
    found = Counter((record[TIME] // 60, record[STATUS]) for record in records(source))
    for (minute, status), count in sorted(found.items()):
        yield f"{minute} {status} {count}\n"


def with_env(source: Path) -> Iterator[str]:
    with source.open() as lines:
        for line in lines:
            yield json.dumps({"Payload": line[:-1], "env": "prod"}) + "\n"


def main() -> None:
    job, source, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    with output.open("w") as file:
        file.writelines({"J1": errors, "J2": counts, "J3": with_env}[job](source))


if __name__ == "__main__":
    main()
