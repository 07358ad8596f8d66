"""Records and the edges of packs, files and limits."""

from pathlib import Path

import pytest

from host.delivery import dead_letters
from tests.running import to_json, to_text

MOST = 2048
SMALL = {"pack_bytes": 4096, "max_record_bytes": MOST, "decoders": 2}


def copy(bench, path, status=0, **more):
    return bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, **more}},
            "outputs": {"copy": to_text(bench.path("copy"))},
        },
        status=status,
    )


def test_records_of_every_length_cut_at_every_place(bench):
    lines = [bytes([97 + length % 26]) * (length % (MOST + 1)) for length in range(0, 6 * MOST, 7)]

    copy(bench, bench.write("in.log", lines), **SMALL)

    assert bench.lines("copy") == lines


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["no final newline", "final newline"])
@pytest.mark.parametrize("data", [b"", b"one", b"one\n\ntwo", b"\n", b"\n\n"])
def test_ends_of_files(bench, data, end):
    copy(bench, bench.write("in.log", data + end))

    text = data + end
    expected = text.removesuffix(b"\n").split(b"\n") if text else []
    assert bench.lines("copy") == expected


@pytest.mark.parametrize("splitter", ["token", {"type": "regex", "delimiter": "\n"}], ids=["bytes", "regex"])
@pytest.mark.parametrize("policy", ["truncate", "drop"])
def test_records_that_are_too_long(bench, policy, splitter):
    lengths = [MOST - 1, MOST, MOST + 1, 3, 2 * MOST, 0, 4095, 4096, 4097, 5, 20_000, 7, 100_001, 8]
    lines = [bytes([65 + number]) * length for number, length in enumerate(lengths)]

    status = 0 if policy == "truncate" else 65
    host = copy(bench, bench.write("in.log", lines), status, **SMALL, oversize=policy, splitter=splitter)

    if policy == "truncate":
        assert bench.lines("copy") == [line[:MOST] for line in lines]
        assert bench.dead_letters() == []
        return
    assert bench.lines("copy") == [line for line in lines if len(line) <= MOST]
    letters = bench.dead_letters()
    assert sorted(letter["record"][0] for letter in letters) == [chr(line[0]) for line in lines if len(line) > MOST]
    starts = {line[:1].decode(): sum(len(other) + 1 for other in lines[:number]) for number, line in enumerate(lines)}
    assert all(letter["position"] == starts[letter["record"][0]] for letter in letters)
    assert host.wait() == status


def test_many_files_and_a_fan_out_to_many_outputs(bench):
    lines = {name: [b"%s %d" % (name.encode(), number) for number in range(3000)] for name in "abc"}
    for name, of_file in lines.items():
        bench.write(f"{name}.log", of_file)

    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": bench.path("*.log"), **SMALL}},
            "outputs": {f"o{number}": to_text(bench.path(f"o{number}")) for number in range(4)},
        }
    )

    for number in range(4):
        got = bench.lines(f"o{number}")
        assert len(got) == 9000
        for name, of_file in lines.items():
            assert [line for line in got if line.startswith(name.encode())] == of_file


def test_records_of_a_record_count_and_one_byte_each(bench):
    """More records in a pack than its table fits into one slot."""
    data = b"x\n" * 200_000

    copy(bench, bench.write("in.log", data))

    assert bench.read("copy") == data


def test_a_queue_that_drops_its_oldest_packs_counts_every_record(bench):
    bench.plugin(
        "encoder",
        "slow",
        "function process_message()\n local n = 0\n for i = 1, 20000 do n = (n + i) % 7 end\n"
        " add_to_payload(read_message('Payload'), '\\n') inject_payload() return 0 end",
    )
    lines = [b"%06d" % number for number in range(40_000)]
    queue = {"policy": "drop_oldest", "max_packs": 1}

    host = bench.once(
        {
            "inputs": {"in": {"type": "file", "path": bench.write("in.log", lines), **SMALL, "packs": 64}},
            "outputs": {
                "slow": to_text(bench.path("slow"), encoder="slow", queue=queue),
                "all": to_text(bench.path("all")),
            },
        }
    )

    assert bench.lines("all") == lines
    got = bench.lines("slow")
    assert got == sorted(got)
    row = next(line for line in host.log.splitlines() if line.startswith("outputs   slow"))
    dropped = int(row.split(" queue_full")[0].split()[-1].replace(",", ""))
    assert dropped > 0
    assert len(got) + dropped == len(lines)


def test_dead_letters_can_be_read_and_replayed(bench):
    lines = [b'{"n":1}', b"broken {", b"\xff\xfe", b'{"n":2}', b'"quoted"\t\\']
    config = {
        "inputs": {"in": {"type": "file", "path": bench.write("in.log", lines), "decoder": "json"}},
        "outputs": {"o": to_json(bench.path("o"))},
    }

    bench.once(config, status=65)

    letters = list(dead_letters.read(Path(bench.path("state"))))
    assert [letter.record for letter in letters] == [lines[1], lines[2], lines[4]]
    assert [letter.entry["position"] for letter in letters] == [8, 17, 28]


BLOW_UP = """
function process_message()
  write_message("Payload", ("p"):rep(tonumber(read_message "Payload")))
  return 0
end
"""
TOUCH = 'function process_message() write_message("Fields[t]", 1) return 0 end'
COMPUTE = """
local lpeg = require "lpeg"
local x = {name = "x", grammar = lpeg.P "p" ^ 0, transform = function(text) return text end}
declare_grammar { type = "g", alternatives = {{ x }} }
"""


def test_values_as_large_as_a_message_may_be_go_through_chains(bench):
    for name, code in {"blow": BLOW_UP, "touch": TOUCH, "compute": COMPUTE}.items():
        bench.plugin("decoder", name, code)
    sizes = [10, 60_000, 100_000, 120_000, 50_000, 90_000, 65_536, 130_000] * 2
    path = bench.write("in.log", [str(size).encode() for size in sizes])
    chains = {"rewritten": ["blow", "touch", "touch"], "kept": ["blow", "payload"], "computed": ["blow", "compute"]}

    host = bench.once(
        {
            "inputs": {
                name: {"type": "file", "path": path, "decoder": chain, "decoder_strategy": "all"}
                for name, chain in chains.items()
            },
            "outputs": {name: to_json(bench.path(name), f'Logger == "{name}"') for name in chains},
        }
    )

    assert "was terminated" not in host.log
    assert bench.dead_letters() == []
    assert all([len(message["Payload"]) for message in bench.jsons(name)] == sizes for name in chains)
    assert [len(message["x"]) for message in bench.jsons("computed")] == sizes
