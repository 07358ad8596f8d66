"""Log records as an operator reads them."""

import io
import json
import logging

import pytest

from host.telemetry import logs


@pytest.fixture
def stream():
    root = logging.getLogger("host")
    before = (root.handlers[:], root.level, root.propagate)
    yield io.StringIO()
    root.handlers[:], root.level, root.propagate = before


def test_text_puts_component_sentence_and_facts_on_one_line(stream):
    logs.set_up("info", "text", stream)

    logs.get_logger("host.inputs", kind="inputs", component="access").warning("Could not open.", path="/a b", tries=2)

    line = stream.getvalue()
    assert line.endswith('WARNING inputs/access: Could not open. path="/a b" tries=2\n')
    assert line.count("\n") == 1


def test_json_is_one_object_a_line_with_the_facts_in_it(stream):
    logs.set_up("info", "json", stream)

    logs.get_logger("host.outputs", kind="outputs", component="x").error("Lost a batch.", records=7)

    document = json.loads(stream.getvalue())
    assert document["level"] == "error"
    assert document["message"] == "Lost a batch."
    assert document["records"] == 7
    assert document["component"] == "x"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_hostile_facts_cannot_add_lines_or_move_the_cursor(stream, log_format):
    logs.set_up("info", log_format, stream)

    logs.get_logger("host.x").info("Saw.", record="a\nERROR forged\x1b[2J\u2028")

    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "\x1b" not in text


HOSTILE = "go on\nERROR forged\r\x1b[2J\x9b1A\x00\u2028\u202etxt.exe\u2066 \u061c \u200b \ud800"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_hostile_messages_cannot_either(stream, log_format):
    logs.set_up("info", log_format, stream)

    logs.get_logger("host.x").info(HOSTILE)
    logs.get_logger("host.x").info("Grüße, 日本語\tand \N{GREEK SMALL LETTER ALPHA}.")

    text = stream.getvalue()
    assert text.count("\n") == 2
    assert not set(text) & set("\r\x1b\x9b\x00\u2028\u202e\u2066\u061c\u200b\ud800")
    assert "Grüße, 日本語" in text
    if log_format == "json":
        assert json.loads(text.splitlines()[0])["message"] == HOSTILE


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_text_of_an_error_cannot_be_taken_for_a_record(stream, log_format):
    logs.set_up("info", log_format, stream)

    logs.get_logger("host.x").error("Failed.", exc_info=ValueError(HOSTILE))

    text = stream.getvalue()
    assert not set(text) & set("\r\x1b\x9b\x00\u2028\u202e\u2066\u061c\u200b\ud800")
    assert [line for line in text.splitlines()[1:] if not line.startswith("  ")] == []


def test_the_level_holds_back_what_is_less_important(stream):
    logs.set_up("warning", "text", stream)

    logs.get_logger("host.x").info("Unimportant.")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("fact", ["component", "input", "filter", "output", "sandbox"])
def test_a_call_site_is_rate_limited_for_each_component_apart(fact):
    limit = logs.RateLimit(burst=2, window_s=3600)

    def passed(line, component):
        record = logging.LogRecord("host.x", logging.INFO, "file.py", line, "m", (), None)
        record.facts = {"limit": "cpu_limit", fact: component}
        return limit.filter(record)

    assert [passed(1, "a") for _ in range(4)] == [True, True, False, False]
    assert passed(1, "b")
    assert passed(2, "a")


def test_the_record_after_a_window_says_how_many_were_held_back():
    limit = logs.RateLimit(burst=1, window_s=0)
    site = ("host.x", logging.INFO, "file.py", 1, "m", (), None)
    limit.filter(logging.LogRecord(*site))
    next(iter(limit._seen.values())).suppressed = 4

    record = logging.LogRecord(*site)

    assert limit.filter(record)
    assert record.facts == {"suppressed": 4}


def test_set_up_again_replaces_the_former_settings(stream):
    logs.set_up("info", "text", io.StringIO())
    logs.set_up("info", "text", stream)

    logs.get_logger("host.x").info("Once.")

    assert stream.getvalue().count("Once.") == 1
