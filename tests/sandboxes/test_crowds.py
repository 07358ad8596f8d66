"""Filters that list what they have seen, in streams with more of it than they keep and than a payload holds."""

import json

import pytest

from tests.lua_runtime import to_lua
from tests.running import Bench, to_text
from tests.sandboxes.plugins import RUNTIME, new_filter

COUNT = 12_000


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_filters_survive_more_hosts_and_fields_than_a_payload_holds(tmp_path):
    bench = Bench(tmp_path)
    hosts = [{"host": f"host-{n}.{'of-a-long-name.' * 4}example.com"} for n in range(COUNT)]
    fields = [{f"{n}_{place}_{'of_a_long_name' * 5}": 1 for place in range(100)} for n in range(COUNT // 100)]
    types = [{"t": f"{n}" + "-of-a-long-name" * 20} for n in range(2000)]
    inputs = {
        name: {"type": "file", "path": path, "decoder": {"type": "json", "config": {"Type": "t"}}}
        for name, path in (
            ("hosts", bench.write("hosts.log", [json.dumps(record).encode() for record in hosts])),
            ("names", bench.write("names.log", [json.dumps(record).encode() for record in fields + types])),
        )
    }
    filters = {
        "alive": {"type": "heartbeat", "message_matcher": 'Logger == "hosts"', "config": {"variable": "Fields[host]"}},
        "schema": {"type": "message_schema", "message_matcher": 'Logger == "names"'},
        "types": {"type": "message_schema", "message_matcher": 'Logger == "names"', "config": {"max_fields": 100}},
    }
    for settings in filters.values():
        settings["preserve_data"] = False  # so that they put out what they know at the end
    try:
        host = bench.once(
            {
                "hekate": {"cpu_limit": 5000},  # a slow machine takes long for so many; it is about payloads and memory
                "inputs": inputs,
                "filters": filters,
                "outputs": {name: to_text(bench.path(name), f'Logger == "{name}"') for name in filters},
            }
        )
        assert "was terminated" not in host.log
        assert bench.lines("alive")[-2].startswith(b"(others)\t")
        assert bench.lines("schema")[-3].endswith(b" lines more)")
        assert bench.lines("types")[-2].endswith(b"times a field or a Type was left out: max_fields)")
    finally:
        bench.close()


COUNT_ESTIMATES = """
local methods, estimates = require("hyperloglog").metatables.hyperloglog.__index, 0
local count = methods.count
methods.count = function(...) estimates = estimates + 1 return count(...) end
return function() methods.count = count return estimates end
"""


def test_unique_items_estimates_once_a_period_and_tick_and_not_for_each_new_value():
    plugin = new_filter("unique_items", message_variable="Fields[user]")
    estimates = RUNTIME.execute(COUNT_ESTIMATES)
    for period in range(3):
        for user in range(100):
            message = {"Timestamp": (1714557600 + 86400 * period) * 10**9, "Fields[user]": f"user-{user}"}
            assert plugin[b"feed"](to_lua(RUNTIME, message)) == 0
    plugin[b"tick"](0, False)
    assert estimates() == 3
