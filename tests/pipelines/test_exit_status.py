"""The exit status says whether everything was processed, and the summary says what was not."""

import subprocess
import sys

import pytest

from tests.running import to_json, to_text

LINES = [b'{"n":1}', b"no JSON", b'{"n":3}']
FAILS = 'function process_message() if read_message("Fields[n]") == 3 then return -1 end return 0 end'
DIES = 'function process_message() if read_message("Fields[n]") == 3 then return 1, "the end" end return 0 end'


def configured(bench, lines, **more):
    log = bench.write("n.jsonl", lines)
    return {
        "inputs": {"n": {"type": "file", "path": log, "decoder": "json"}},
        "outputs": {"o": to_json(bench.path("o"), "Fields[n] != NIL")},
        **more,
    }


def plugged(bench, code):
    bench.plugin("filter", "odd", code, "message_matcher: Fields[n] != NIL\n")
    return configured(bench, [LINES[0], LINES[2]])


def test_a_run_that_processes_everything_ends_with_0(bench):
    bench.once(configured(bench, [LINES[0], LINES[2]]))


def test_records_that_no_decoder_takes(bench):
    host = bench.once(configured(bench, LINES), status=65)
    assert "1 record failed" in host.log


@pytest.mark.parametrize(("code", "said"), [(FAILS, "1 record failed"), (DIES, "sandbox")])
def test_a_filter_that_fails_or_is_ended(bench, code, said):
    host = bench.once(plugged(bench, code), status=65)
    assert said in host.log


@pytest.mark.parametrize("code", [FAILS, DIES])
def test_failures_can_be_allowed(bench, code):
    bench.once(plugged(bench, code), "--allow-failures")


def test_a_filter_that_always_fails_keeps_some_letters_and_counts_the_others(bench):
    bench.plugin("filter", "odd", "function process_message() return -1 end", "message_matcher: Fields[n] != NIL\n")
    host = bench.once(configured(bench, [b'{"n":%d}' % number for number in range(2500)]), status=65)
    letters = bench.dead_letters()
    assert 1000 <= len(letters) < 1500
    assert letters[0]["record"] == '{"n":0}'
    assert f"2,500 process_message, {2500 - len(letters):,} of them not in the dead letters" in host.log


def test_a_message_that_a_filter_made_is_a_letter_with_its_payload(bench):
    bench.plugin(
        "filter",
        "makes",
        'function process_message() inject_payload("txt", "x", "made of ", 3) return 0 end',
        "message_matcher: Fields[n] != NIL\n",
    )
    bench.plugin("filter", "odd", 'function process_message() error("no") end', "message_matcher: Logger == 'makes'\n")
    bench.once(configured(bench, [LINES[0]]), status=65)
    (letter,) = bench.dead_letters()
    assert (letter["component"], letter["record"]) == ("odd", "")
    assert (letter["message_type"], letter["payload"]) == ("heka.sandbox-output", "made of 3")


def test_records_of_which_an_encoder_makes_nothing_are_in_the_summary(bench):
    lines = [b'{"n":%d}' % number for number in range(400)]
    outputs = {
        "es": to_text(bench.path("es"), "Fields[n] != NIL", encoder="es_payload"),
        "plain": to_text(bench.path("plain"), "Fields[n] != NIL", encoder="payload"),
    }
    host = bench.once(configured(bench, lines) | {"outputs": outputs})
    assert "400 skipped by the encoder" in host.log
    assert "400 empty after encoding" in host.log
    assert host.log.count("The encoder has made nothing of all records so far.") == 2


@pytest.mark.parametrize(("options", "status"), [([], 65), (["--allow-failures"], 0)])
def test_cat_and_replay(bench, options, status):
    log, config = bench.write("n.jsonl", LINES), bench.write("replay.yaml", "")
    path = bench.path("n.jsonl")
    bench.write(
        "replay.yaml",
        f"""
inputs: {{n: {{type: file, path: {path}, decoder: json}}}}
outputs: {{o: {{type: "null", message_matcher: "TRUE", encoder: json}}}}
""",
    )
    for arguments in (["cat", log, "--decoder", "json"], ["replay", log, "--config", config]):
        command = [sys.executable, "-m", "host", *arguments, *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
