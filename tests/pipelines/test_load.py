"""Two million lines, with counts exact."""

from collections import Counter

import pytest

from tests.running import to_json, to_text

COPIES, DISTINCT = 40, 50_000
COUNTER = """
local counts = {}
function process_message()
  local key = string.format("%d %s", read_message("Fields[status]"), read_message("Fields[uri]"))
  counts[key] = (counts[key] or 0) + 1
  return 0
end
function timer_event(_, last)
  if not last then return end
  for key, count in pairs(counts) do add_to_payload(key, "=", count, "\\n") end
  inject_payload("txt", "counts")
end
"""


def line(number):
    status = (200, 200, 200, 304, 404, 500, 503)[number % 7]
    return b'{"n":%d,"status":%d,"uri":"/p/%d","text":"some more text"}\n' % (number, status, number % 5)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_two_million_lines_are_counted_exactly(bench):
    bench.plugin("filter", "counter", COUNTER)
    block = b"".join(line(number) for number in range(DISTINCT))
    path = bench.folder / "big.jsonl"
    with path.open("wb") as file:
        for _ in range(COPIES):
            file.write(block)
    keys = [b"%d" % ((200, 200, 200, 304, 404, 500, 503)[n % 7]) + b" /p/%d" % (n % 5) for n in range(DISTINCT)]
    expected = {key: count * COPIES for key, count in Counter(keys).items()}
    errors = sum(count for key, count in expected.items() if key >= b"5")

    host = bench.once(
        {
            "inputs": {"big": {"type": "file", "path": str(path), "decoder": "json", "decoders": 2}},
            "filters": {"counter": {"message_matcher": "Type == 'json'", "ticker_interval": 3600}},
            "outputs": {
                "counts": to_text(bench.path("counts"), "Logger == 'counter'"),
                "errors": to_json(
                    bench.path("errors"),
                    "Fields[status] >= 500",
                    encoder={"type": "json", "config": {"fields": ["n"]}},
                ),
            },
        }
    )

    assert "2,000,000 records in" in host.log
    pairs = [entry.split(b"=") for entry in bench.lines("counts") if entry]
    assert {key: int(count) for key, count in pairs} == expected
    of_block = b"".join(b'{"n":%d}\n' % n for n in range(DISTINCT) if keys[n] >= b"5")
    assert bench.read("errors") == of_block * COPIES
    assert bench.read("errors").count(b"\n") == errors
    path.unlink()
