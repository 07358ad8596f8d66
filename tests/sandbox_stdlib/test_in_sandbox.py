"""The tables of cases again, in the real sandbox: one process, one record for each file."""

import shutil

from tests.lua_runtime import ROOT
from tests.running import Bench, to_json

HERE = ROOT / "tests" / "sandbox_stdlib"
FILES = sorted((HERE / "cases").glob("*.lua"))

SCRIPT = """
local read, inject = read_message, inject_message
local result = require "checks"(_G, tostring)

function process_message()
  local name = read "Payload"
  local ok, err = pcall(require, "cases." .. name)
  local count, failures = result()
  if not ok then failures[#failures + 1] = tostring(err) end
  inject {Type = "result", Payload = table.concat(failures, "\\n"), Fields = {name = name, count = count}}
  return 0
end
"""


def test_all_cases_pass_in_the_sandbox(tmp_path):
    bench = Bench(tmp_path)
    modules = tmp_path / "plugins" / "modules"
    modules.mkdir(parents=True)
    shutil.copytree(HERE / "cases", modules / "cases")
    shutil.copy(HERE / "checks.lua", modules)
    lines = [file.stem.encode() for file in FILES]
    bench.write("script.lua", SCRIPT)
    limits = {"memory_limit": 256 * 1024 * 1024, "cpu_limit": 60_000}
    try:
        bench.once(
            {
                "inputs": {"in": {"type": "file", "path": bench.write("in.txt", lines)}},
                "filters": {"cases": {"filename": "script.lua", "message_matcher": "Logger == 'in'", **limits}},
                "outputs": {"o": to_json(bench.path("o"), "Logger == 'cases'")},
            }
        )
        results = {result["name"]: result for result in bench.jsons("o")}
    finally:
        bench.close()

    assert {name: result["Payload"] for name, result in results.items() if result.get("Payload")} == {}
    assert results.keys() == {file.stem for file in FILES}
    assert all(result["count"] > 0 for result in results.values())
