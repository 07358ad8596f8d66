"""Grammars in both forms, in the real kernel: what it stores of a line is what the table form says of it."""

import json
import shutil
from typing import Any

import pytest

from tests.lua_runtime import ROOT, STDLIB, load_module, new_runtime, to_python
from tests.running import Bench, to_text

HERE = ROOT / "tests" / "sandbox_stdlib"
FILES = sorted(file.stem for file in (HERE / "cases").glob("*.lua") if "items" in file.read_text())
TIMES = 3  # each line in a row, as the kernel takes records in groups of two where it can

DECODER = """
local found = require "forms".collect(_G, function() require("cases." .. read_config "file") end)
local alternatives = found[read_config "form"].alternatives
declare_grammar {type = "both", alternatives = type(alternatives) == "function" and alternatives() or alternatives}
"""

HEADER = """config:
  file: {type: string, required: true, description: Which cases.}
  form: {type: integer, required: true, description: Which of the forms in the file.}
"""

# Numbers with all their digits, and infinite ones as Python has them, which cjson does not write.
FILTER = """
local cjson = require "cjson"

local function shown(value)
  return type(value) == "number" and ("%.17g"):format(value):gsub("inf", "Infinity") or cjson.encode(value)
end

function process_message()
  local fields, headers = {}, {}
  while true do
    local _, name, value, representation = read_next_field()
    if not name then break end
    fields[#fields + 1] = ("[%s,%s,%s]"):format(cjson.encode(name), shown(value), cjson.encode(representation))
  end
  for i, name in ipairs {"Timestamp", "Severity", "Pid", "Hostname", "Payload"} do
    headers[i] = ("%s:%s"):format(cjson.encode(name), shown(read_message(name) or false))
  end
  add_to_payload(("{%s,\\"logger\\":%s,\\"fields\\":[%s]}"):format(table.concat(headers, ","),
    cjson.encode(read_message "Logger"), table.concat(fields, ",")))
  inject_payload("txt", "seen")
  return 0
end
"""

HEADERS = {"Timestamp", "Severity", "Pid", "Hostname", "Payload"}


Pairs = list[tuple[bytes, dict[str, Any] | None]]


def expected_of(file: str) -> list[Pairs]:
    """For each form of a file of cases the lines, with the fields that the table form finds in them."""
    runtime = new_runtime(STDLIB, HERE)
    load = runtime.eval(b"function(name) return function() dofile(name) end end")(
        str(HERE / "cases" / f"{file}.lua").encode()
    )
    forms = load_module(runtime, "forms")[b"expected"](runtime.globals(), load)
    return [[(pair[1].rstrip(b"\n"), to_python(pair[2])) for pair in pairs.values()] for pairs in forms.values()]


def plain(value: Any) -> tuple[Any, str]:
    """A value of the table form, and its representation."""
    if isinstance(value, dict):
        found, representation = value["value"], value.get("representation", b"").decode()
    else:
        found, representation = value, ""
    return found.decode(errors="replace") if isinstance(found, bytes) else found, representation


def check(line: bytes, seen: dict[str, Any], table: dict[str, Any]) -> None:
    """What the kernel stored of a line is what the table says."""
    for name in table.keys() & HEADERS:
        assert seen[name] == plain(table[name])[0], (line, name)
    fields = {name: (value, representation) for name, value, representation in seen["fields"]}
    assert len(fields) == len(seen["fields"]), line
    assert fields == {name: plain(value) for name, value in table.items() if name not in HEADERS}, line


def config_of(bench: Bench, expected: dict[tuple[str, int], Pairs]) -> dict[str, Any]:
    inputs = {}
    for (file, form), pairs in expected.items():
        records = [line for line, _ in pairs for _ in range(TIMES)]
        # entries of several lines need another delimiter than their line breaks
        delimiter = "\x1e" if any(b"\n" in record for record in records) else "\n"
        path = bench.folder / f"{file}-{form}.txt"
        path.write_bytes(b"".join(record + delimiter.encode() for record in records))
        inputs[f"{file}-{form}"] = {
            "type": "file",
            "path": str(path),
            "splitter": {"type": "token", "delimiter": delimiter},
            "decoder": {"type": "declared", "config": {"file": file, "form": form}},
        }
    return {
        "inputs": inputs,
        "filters": {"seen": {"filename": "seen.lua", "message_matcher": "Type == 'both'"}},
        "outputs": {"o": to_text(bench.path("o"), "Logger == 'seen'")},
    }


@pytest.mark.slow
def test_the_kernel_stores_what_the_tables_say(tmp_path):
    expected = {(file, i): pairs for file in FILES for i, pairs in enumerate(expected_of(file), 1)}
    bench = Bench(tmp_path)
    modules = tmp_path / "plugins" / "modules"
    modules.mkdir(parents=True)
    shutil.copytree(HERE / "cases", modules / "cases")
    shutil.copy(HERE / "forms.lua", modules)
    bench.plugin("decoder", "declared", DECODER, HEADER)
    bench.write("seen.lua", FILTER)
    try:
        bench.once(config_of(bench, expected), status=65)
        seen = [json.loads(line) for line in bench.lines("o")]
    finally:
        bench.close()

    for (file, form), pairs in expected.items():
        matched = [(line, table) for line, table in pairs if table is not None for _ in range(TIMES)]
        stored = [message for message in seen if message["logger"] == f"{file}-{form}"]
        assert len(stored) == len(matched) > 0, (file, form, bench.dead_letters())
        for message, (line, table) in zip(stored, matched, strict=True):
            check(line, message, table)
