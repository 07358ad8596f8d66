"""What fails is seen: in the API, the graph, the metrics, `top` and `sandbox show`, and in the dead letters."""

import os
import subprocess
import sys

import pytest

from tests.admin.client import TOKENS, admin_section, api_of
from tests.running import until

FAILS = """
function process_message()
  local n = read_message("Fields[n]")
  if n % 20 == 0 then return 0 end
  return n.missing.field
end
"""
LINE = 13  # of the error in FAILS, below the front matter


@pytest.fixture
def failing(bench):
    """A host with a filter that fails at 19 of 20 records, and an output that refuses one of two."""
    bench.plugin("filter", "fails", FAILS, "message_matcher: Fields[n] != NIL\n")
    host = bench.start(
        {
            "admin": admin_section(),
            "inputs": {
                "numbers": {
                    "type": "generate", "lines": ['{"n":{sequence},"text":"\\u001b[31mred"}'], "rate": 200,
                    "decoder": "json",
                },
            },
            "outputs": {
                "all": {"type": "null", "message_matcher": "TRUE", "encoder": "json"},
                "es": {"type": "null", "message_matcher": "Fields[n] != NIL", "encoder": "es_payload"},
            },
        }
    )  # fmt: skip
    host.ready()
    yield bench, host, api_of(host)
    host.terminate()


def verb(host, api, *arguments):
    command = [sys.executable, "-m", "host", *arguments, "--api", f"http://{api.where}"]
    environment = os.environ | {"HEKATE_TOKEN": TOKENS["viewer"]}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment).stdout


def test_a_filter_that_fails_is_failing_everywhere(failing):
    bench, host, api = failing

    def seen():
        found = api.get("/api/v1/filters/fails")["failures"]
        return found if found["condition"] == "failing" and found["failed_records"] > 50 else None

    report = until(seen, "failures")
    assert 0.9 < report["recent_share"] < 1
    assert report["recent_failed"] == report["failed_records"]
    error, first = report["last_error"], report["first_record"]
    assert (error["file"], error["line"]) == ("fails.lua", LINE)
    assert "attempt to index" in error["text"]
    assert first["record"] == '{"n":1,"text":"\\u001b[31mred"}'
    assert "attempt to index" in first["reason"]

    (node,) = [each for each in api.get("/api/v1/graph")["nodes"] if each["id"] == "filters.fails"]
    assert node["health"] == "failing"
    assert f"fails.lua:{LINE}:" in node["reason"]
    assert node["failed_share"] > 0.9
    summary = api.get("/api/v1/sandboxes/fails")
    assert (summary["state"], summary["condition"]) == ("running", "failing")
    metrics = api.ask("GET", "/metrics").body.decode()
    assert 'hekate_component_recent_failed_ratio{kind="filters",name="fails"' in metrics

    top = verb(host, api, "top", "--once")
    assert "running (failing)" in top
    assert f"fails.lua:{LINE}:" in top
    shown = verb(host, api, "sandbox", "show", "fails")
    assert "running (failing)" in shown
    assert f"fails.lua:{LINE}:" in shown
    assert "first failed record:" in shown
    letters = [letter for letter in bench.dead_letters() if letter["kind"] == "filter"]
    assert letters[0]["record"].startswith('{"n":1,')


def test_another_version_of_the_script_begins_anew(failing):
    bench, _, api = failing
    until(lambda: api.get("/api/v1/filters/fails")["failures"]["condition"] == "failing", "failures")

    bench.plugin("filter", "fails", "function process_message() return 0 end", "message_matcher: Fields[n] != NIL\n")

    until(lambda: api.get("/api/v1/filters/fails")["failures"]["condition"] == "ok", "the version that works")


def test_a_failed_letter_of_a_filter_is_replayed_to_that_filter(failing):
    _, _, api = failing

    def letters():
        return api.get("/api/v1/dead-letters?kind=filter&limit=1")["items"]

    (letter,) = until(letters, "dead letters")
    done = api.do("POST", f"/api/v1/dead-letters/{letter['id']}/replay?input=numbers")

    assert done == {"done": [letter["id"]], "failed": {}}
    assert api.get("/api/v1/filters/fails")["counters"]["records_replayed"] == 1


def test_an_encoder_that_makes_nothing_is_no_picture_of_health(failing):
    _, host, api = failing

    def node():
        (found,) = [each for each in api.get("/api/v1/graph")["nodes"] if each["id"] == "encoders.es"]
        return found if found["health"] == "lossy" else None

    assert "The encoder has made nothing of" in until(node, "a warning")["reason"]
    assert api.get("/api/v1/outputs/es")["counters"]["records_skipped"] > 0
    host.saw("The encoder has made nothing of all records so far.")
    assert host.log.count("The encoder has made nothing") == 1
