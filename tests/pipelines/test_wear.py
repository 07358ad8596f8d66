"""Scripts that ask for or write something else in every record live on in the memory that they have."""

import functools
import json

import pytest

from tests.running import to_json

NAMES = """
local n = 0
function process_message()
  n = n + 1
  write_message("Fields[n" .. n .. "]", n)
  return 0
end
"""
INDEXES = """
local n = 0
function process_message()
  n = n + 1
  if read_message("Fields[list]", 0, n) or read_message("Fields[n" .. n .. "]") then return -1, "there is none" end
  return 0
end
"""
COUNT = 5000
SLOW_MACHINE_MS = 5000
"""CPU for one record: what is tested is what else may run out."""


def test_ever_new_names_and_indexes_do_not_fill_the_memory(bench):
    bench.plugin("decoder", "names", NAMES, "limits: {memory_limit: 4194304}\n")
    bench.plugin(
        "filter", "indexes", INDEXES, "limits: {memory_limit: 3145728}\nmessage_matcher: 'Logger == \"lists\"'\n"
    )
    inputs = {
        "names": {"type": "file", "path": bench.write("names.log", [b"x"] * COUNT), "decoder": "names"},
        "lists": {"type": "file", "path": bench.write("lists.log", [b'{"list":[1]}'] * COUNT), "decoder": "json"},
    }

    host = bench.once(
        {
            "hekate": {"cpu_limit": SLOW_MACHINE_MS},
            "inputs": inputs,
            "filters": {"indexes": {}},
            "outputs": {"names": to_json(bench.path("names"), 'Logger == "names"')},
        }
    )

    assert "was terminated" not in host.log
    assert [message[f"n{number + 1}"] for number, message in enumerate(bench.jsons("names"))] == list(
        range(1, COUNT + 1)
    )
    assert bench.dead_letters() == []


def test_wide_records_of_many_forms_do_not_fill_the_memory(bench):
    records = [
        {f"a_name_as_long_as_they_are_{place}_{number % 25}": place for place in range(110)} for number in range(150)
    ]
    path = bench.write("in.jsonl", [json.dumps(record).encode() for record in records])

    host = bench.once(
        {
            "hekate": {"cpu_limit": SLOW_MACHINE_MS},
            "inputs": {"in": {"type": "file", "path": path, "decoder": "json"}},
            "outputs": {"o": to_json(bench.path("o"), 'Logger == "in"')},
        }
    )

    assert "was terminated" not in host.log
    assert [list(message)[4:] for message in bench.jsons("o")] == [list(record) for record in records]


@pytest.mark.slow
def test_wide_records_that_all_differ_come_through_and_those_that_are_no_message_are_dead_letters(bench):
    records = [{f"{number}_{place}": place for place in range(100)} for number in range(300)]
    most = {f"m{place}": place for place in range(1024)}
    long = {f"{place}" + "n" * 900: place for place in range(72)}
    unfit = [
        ("more than 1024 members", {**most, "z": 1}),
        ("names of more than 65535 bytes", {"n" * 65536: 1}),
        ("names of more than 65535 bytes", {**long, "n" * 700: 1}),
        ("nested too deeply", {"deep": functools.reduce(lambda inner, _: [inner], range(500), 1)}),
    ]
    given = [*records, most, *(record for _, record in unfit), most, long]
    path = bench.write("in.jsonl", [json.dumps(record).encode() for record in given])

    host = bench.once(
        {
            "hekate": {"cpu_limit": SLOW_MACHINE_MS},
            "inputs": {"in": {"type": "file", "path": path, "decoder": "json", "max_record_bytes": 250_000}},
            "outputs": {"o": to_json(bench.path("o"), 'Logger == "in"')},
        },
        status=65,
    )

    assert "was terminated" not in host.log
    assert [list(message)[4:] for message in bench.jsons("o")] == [
        list(record) for record in [*records, most, most, long]
    ]
    assert [letter["reason"] for letter in bench.dead_letters()] == [f"json: {reason}" for reason, _ in unfit]


@pytest.mark.slow
def test_a_logfmt_line_of_too_many_pairs_is_a_dead_letter(bench):
    def line(pairs):
        return " ".join(f"k{place}=v" for place in range(pairs)).encode()

    path = bench.write("in.log", [line(1024), line(1025), line(1)])

    host = bench.once(
        {
            "hekate": {"cpu_limit": SLOW_MACHINE_MS},
            "inputs": {"in": {"type": "file", "path": path, "decoder": "logfmt"}},
            "outputs": {"o": to_json(bench.path("o"), 'Logger == "in"')},
        },
        status=65,
    )

    assert "was terminated" not in host.log
    assert [len(list(message)[4:]) for message in bench.jsons("o")] == [1024, 1]
    assert [letter["reason"] for letter in bench.dead_letters()] == ["logfmt: more than 1024 fields"]
