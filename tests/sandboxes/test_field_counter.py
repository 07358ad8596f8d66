"""The filter that counts by field and interval."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lua_runtime import to_lua, to_python
from tests.sandboxes.plugins import RUNTIME, new_filter, text

MINUTE = 1714557600  # 2024-05-01T10:00:00Z
NS = 10**9


class Filter:
    """One instance of field_counter."""

    def __init__(self, **config: Any) -> None:
        self._filter = new_filter("field_counter", **config)

    def feed(self, second: float, **fields: Any) -> None:
        """Give it a message."""
        variables = {f"Fields[{name}]": value for name, value in fields.items()}
        status = self._filter[b"feed"](to_lua(RUNTIME, {"Timestamp": int((MINUTE + second) * NS), **variables}))
        assert status == 0

    def tick(self, *, shutdown: bool = False) -> None:
        self._filter[b"tick"](0, shutdown)

    def sent(self) -> list[Any]:
        """What it has sent since the last call."""
        return [text(message) for message in to_python(self._filter[b"sent"]()) or []]

    def counts(self) -> list[tuple[int, dict[str, int]]]:
        """The same as start in seconds after MINUTE, and counts."""
        return [
            (message["Timestamp"] // NS - MINUTE, {field["name"]: field["value"] for field in message["Fields"]})
            for message in self.sent()
        ]


def expected(start: int, interval: int = 60, **counts: int) -> tuple[int, dict[str, int]]:
    return start, {**counts, "_total": sum(counts.values()), "_interval_s": interval}


def test_an_interval_is_sent_when_a_newer_message_has_passed_the_grace() -> None:
    counter = Filter()
    for second, status in [(0, 200), (59.9, 500), (30, 200), (61, 404), (119, 404)]:
        counter.feed(second, status=status)
    assert counter.counts() == []

    counter.feed(120, status=200)

    assert counter.counts() == [expected(0, **{"200": 2, "500": 1})]
    counter.tick(shutdown=True)
    assert counter.counts() == [expected(60, **{"404": 2}), expected(120, **{"200": 1})]


def test_the_fields_are_integers_in_the_order_of_their_counts() -> None:
    counter = Filter()
    for status in ["b", "a", "c", "c"]:
        counter.feed(0, status=status)
    counter.tick(shutdown=True)

    (message,) = counter.sent()

    assert message["Type"] == "counts"
    assert [(field["name"], field["value"]) for field in message["Fields"]][:4] == [
        ("c", 2),
        ("a", 1),
        ("b", 1),
        ("_total", 4),
    ]
    assert {field["value_type"] for field in message["Fields"]} == {2}
    assert message["Fields"][0]["representation"] == "count"


def test_a_stream_that_fell_silent_is_sent_by_the_second_tick() -> None:
    counter = Filter()
    counter.feed(0, status=200)
    counter.tick()
    assert counter.counts() == []
    counter.feed(1, status=200)
    counter.tick()
    assert counter.counts() == []

    counter.tick()

    assert counter.counts() == [expected(0, **{"200": 2})]
    counter.tick()
    assert counter.counts() == []


def test_late_messages_are_another_message_of_the_same_interval() -> None:
    counter = Filter(grace_s=0)
    counter.feed(0, status=200)
    counter.feed(60, status=200)
    assert counter.counts() == [expected(0, **{"200": 1})]

    counter.feed(1, status=500)
    counter.feed(2, status=500)
    counter.tick()

    assert counter.counts() == [expected(0, **{"500": 2})]


def test_values_of_any_kind() -> None:
    counter = Filter(fields=["Fields[a]"])
    for value in [200, "200", 0.5, True, 2**40, "x" * 500, 10**15]:
        counter.feed(0, a=value)
    counter.feed(0)
    counter.tick(shutdown=True)

    assert counter.counts() == [
        expected(0, **{"200": 2, "0.5": 1, "true": 1, str(2**40): 1, "x" * 128: 1, "1000000000000000": 1, "(none)": 1})
    ]


def test_several_fields_count_each_combination() -> None:
    counter = Filter(fields=["Fields[status]", "Fields[method]"], interval_s=10)
    counter.feed(0, status=200, method="GET")
    counter.feed(1, status=200, method="GET")
    counter.feed(2, status=200)
    counter.tick(shutdown=True)

    assert counter.counts() == [expected(0, 10, **{"200 GET": 2, "200 (none)": 1})]


def test_values_beyond_the_limits_are_summed_up() -> None:
    counter = Filter(max_values=3, top=2)
    for value in ["a", "a", "b", "b", "c", "d", "e", "a"]:
        counter.feed(0, status=value)
    counter.tick(shutdown=True)

    assert counter.counts() == [expected(0, a=3, b=2, **{"(other)": 3})]


def test_the_payload_has_a_line_for_each_value() -> None:
    counter = Filter(output="payload")
    for status in (200, 404, 200):
        counter.feed(0, status=status)
    counter.tick(shutdown=True)

    assert counter.sent() == [
        {"payload": "2024-05-01T10:00:00Z\t200\t2\n2024-05-01T10:00:00Z\t404\t1\n", "kind": "tsv", "name": "counts"}
    ]


def test_a_log_without_order_keeps_few_intervals_open() -> None:
    counter = Filter(grace_s=10**6)
    for minute in range(300):
        counter.feed(60 * minute, status=200)

    assert len(counter.counts()) == 200


@pytest.mark.parametrize(
    ("config", "message"), [({"fields": []}, "name at least one"), ({"interval_s": 0}, "greater than 0")]
)
def test_wrong_options(config: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        Filter(**config)


steps = st.lists(st.tuples(st.integers(0, 600), st.sampled_from([200, 404, "x"])) | st.none(), max_size=60)


@settings(max_examples=examples(100))
@given(steps, st.sampled_from([0, 60, 300]))
def test_nothing_is_lost_or_counted_twice(messages: list[tuple[int, Any] | None], grace_s: int) -> None:
    counter = Filter(grace_s=grace_s)
    fed: Counter[tuple[int, str]] = Counter()
    sent: Counter[tuple[int, str]] = Counter()
    for message in messages:
        if message is None:
            counter.tick()
        else:
            second, status = message
            counter.feed(second, status=status)
            fed[second - second % 60, str(status)] += 1
    counter.tick(shutdown=True)
    for start, counts in counter.counts():
        for name, count in counts.items():
            if not name.startswith("_"):
                sent[start, name] += count

    assert sent == fed
