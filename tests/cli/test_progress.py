"""Long work shows how far it has come, its rate and the time left: on a terminal, and nowhere else."""

import os
import sys

import pexpect
import pytest

from tests.running import ROOT, Bench, to_json

CASES = """--[[
---
name: slow
kind: decoder
summary: A decoder that takes its time.
config:
  times: {{type: integer, default: 1, description: How often it does nothing.}}
cases:
{cases}
---
--]]
function process_message()
  for i = 1, 4e7 do end
  return 0
end
"""


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def seen_by(bench, *arguments):
    """What a command shows on a terminal, and its exit status."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    spawned = pexpect.spawn(
        sys.executable, ["-m", "host", *arguments], env=environment, cwd=str(bench.folder), encoding="utf-8",
        dimensions=(30, 160), timeout=60,
    )  # fmt: skip
    text = spawned.read()
    spawned.close()
    return text, spawned.exitstatus


@pytest.mark.slow
def test_bars_of_cases_and_of_a_run(bench):
    cases = "\n".join(f"- name: number {n}\n  steps: [{{record: x}}]" for n in range(40))
    path = bench.plugin("decoder", "slow", "")
    path.write_text(CASES.format(cases=cases))
    text, status = seen_by(bench, "test", str(path))
    assert status == 0, text
    assert "40 passed" in text
    assert "cases and tests" in text
    assert "/40" in text
    assert "/s" in text

    line = b'192.0.2.7 - - [01/May/2024:12:00:00 +0200] "GET /a HTTP/1.1" 502 512 "-" "curl/7.88.1"\n'
    bench.write("a.log", line * 1_500_000)
    config = bench.write(
        "hekate.yaml",
        f"hekate: {{state_dir: {bench.path('state')}}}\n"
        "inputs: {a: {type: file, path: a.log, decoder: nginx_access}}\n"
        f"outputs: {{o: {to_json('o.jsonl', 'Fields[status] < 0')}}}\n",
    )
    text, status = seen_by(bench, "run", "--once", config)
    assert status == 0, text
    assert "records/s" in text
    assert " left" in text
