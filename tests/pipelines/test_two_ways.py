"""What comes out does not depend on the way: on delimiters, on how many records of a form came before, on chains."""

import json
import uuid

import pytest

from tests.running import Bench, to_json

JSON, UNHEX = {"type": "json"}, "unhex"
UNHEX_CODE = """
function process_message()
  write_message("Payload", (read_message("Payload"):gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)))
  return 0
end
"""
MULTI_LINE = [b"a\nb", b'plain "x"', b"\n", b"tab\t\n"] * 50
BROKEN = b'{"a":"\xff\xe2\x82"}'
COPY_CODE = """
function process_message()
  local fields = {}
  for value_type, name, value in read_next_field do
    fields[#fields + 1] = {name = name, value = value, value_type = value_type}
  end
  inject_message {Uuid = read_message "Uuid", Fields = fields}
  return 0
end
"""
OPTIONAL_CODE = """
local lpeg = require "lpeg"
local name = {name = "name", grammar = lpeg.R "az" ^ 1, also = {{name = "Hostname"}}}
local severity = {name = "Severity", type = "integer", grammar = lpeg.R "09" ^ 1}
local version = {name = "EnvVersion", grammar = lpeg.R "az" ^ 1}
declare_grammar { alternatives = {{ name, {optional = {" ", severity, {optional = {" ", version}}}} }} }
"""
NUMBERS = ["1.5", "-2.5", "3", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808"]
NUMBERS += ["18446744073709551615", "-9223372036854775809", "100000000000000000000", "-100000000000000000000", "0.5"]
MATCHERS = {
    "severity_7": "Severity == 7",
    "severity_above_3": "Severity > 3",
    "severity_3": "Severity <= 3",
    "no_version": "EnvVersion == NIL",
    "not_version_x": "EnvVersion != 'x' && EnvVersion !~ /x/",
}
ABOVE = 9223372036854775806
WRAPPED = ['{"x":1}', '{"x":"q\\"","y":"gr\\u00f6\\u00dfe"}', '{"x":"\\\\"}'] * 4


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """By input: the messages that came of it, as JSON."""
    bench = Bench(tmp_path_factory.mktemp("two_ways"))
    bench.plugin("decoder", "unhex", UNHEX_CODE)
    bench.plugin("filter", "copy", COPY_CODE, "message_matcher: 'Logger == \"numbers\"'\n")
    bench.plugin("decoder", "optional", OPTIONAL_CODE)
    files = {
        "syslog": [b'<165>1 2003-10-11T22:14:15Z host app - ID [a@1 b="c"] text', b"<34>Oct 11 22:14:15 host su: text"],
        "optional": [b"ab", b"cd 3", b"ef 4 x", b"gh 7"],
        "numbers": [b'{"n":%s}' % number.encode() for number in NUMBERS],
        "nul": b"".join(record + b"\0" for record in MULTI_LINE),
        "host": [b'{"a":1}', b'{"a":2,"h":"there"}'] * 5,
        "nameless": [b'{"":1,"b":{"":2}}'] * 5,
        "named": [b'{"Pid":7,"Hostname":"h","Timestamp":"t","Payload":"p","Severity":2,"Uuid":"u"}'] * 5,
        "logfmt": [b"Pid=7 Hostname=h Timestamp=t Payload=p Severity=2 Uuid=u"] * 5,
        "heap": [BROKEN.hex().encode()] * 5,
        "wrapped": [json.dumps({"log": text, "of": "docker"}).encode() for text in WRAPPED],
    }
    decoders = {
        "numbers": "json",
        "syslog": ["payload", "syslog"],
        "optional": "optional",
        "nul": "payload",
        "host": {**JSON, "config": {"Hostname": "h"}},
        "nameless": "json",
        "named": "json",
        "logfmt": "logfmt",
        "heap": [UNHEX, "json"],
        "wrapped": [{**JSON, "config": {"Payload": "log"}}, "json"],
    }
    inputs = {
        name: {"type": "file", "path": bench.write(name, data), "decoder": decoders[name], "decoder_strategy": "all"}
        for name, data in files.items()
    }
    inputs["nul"]["splitter"] = {"type": "token", "delimiter": "\0"}
    outputs = {name: to_json(bench.path(f"{name}.out"), f'Logger == "{name}"') for name in files}
    outputs["above"] = to_json(bench.path("above.out"), f'Logger == "numbers" && Fields[n] > {ABOVE}')
    for name, matcher in MATCHERS.items():
        outputs[name] = to_json(bench.path(f"{name}.out"), f'Logger == "optional" && {matcher}')
    uuids = {"type": "json", "config": {"fields": ["Uuid"]}}
    template = '{"name":"%{name}","Severity":%{Severity},"EnvVersion":"%{EnvVersion}"}'
    for name, encoder in {
        "chosen": {**JSON, "config": {"fields": ["name", "Severity", "EnvVersion"]}},
        "template": {"type": "template", "config": {"template": template}},
    }.items():
        outputs[name] = to_json(bench.path(f"{name}.out"), 'Logger == "optional"', encoder=encoder)
    for name in ("numbers", "copy"):
        outputs[f"{name}_uuids"] = to_json(bench.path(f"{name}_uuids.out"), f'Logger == "{name}"', encoder=uuids)
    outputs["copy"] = to_json(bench.path("copy.out"), 'Logger == "copy"')
    try:
        bench.once({"inputs": inputs, "filters": {"copy": {}}, "outputs": outputs})
        yield {name: bench.jsons(f"{name}.out") for name in outputs}
        assert bench.dead_letters() == []
    finally:
        bench.close()


def test_line_feeds_within_a_record_are_escaped(outputs):
    assert [message["Payload"] for message in outputs["nul"]] == [record.decode() for record in MULTI_LINE]


def test_a_header_that_is_missing_is_the_hosts_in_every_record(outputs):
    own = outputs["host"][0]["Hostname"]

    assert own
    assert [message["Hostname"] for message in outputs["host"]] == [own, "there"] * 5


def test_members_without_a_name_are_fields(outputs):
    assert [(message[""], message["b."]) for message in outputs["nameless"]] == [(1, 2)] * 5


@pytest.mark.parametrize("name", ["named", "logfmt"])
def test_fields_may_be_called_as_headers_are(outputs, name):
    fields = {"Pid": 7, "Hostname": "h", "Timestamp": "t", "Payload": "p", "Severity": 2, "Uuid": "u"}

    assert [{key: message[key] for key in fields} for message in outputs[name]] == [fields] * 5
    assert all(list(message)[2:] == list(fields) for message in outputs[name])


def test_text_of_json_that_a_script_has_made_is_utf_8(outputs):
    assert [message["a"] for message in outputs["heap"]] == ["\ufffd\ufffd\ufffd"] * 5


def test_a_payload_from_json_is_read_by_the_next_decoder(outputs):
    inner = [
        {name: message.get(name) for name in json.loads(text)}
        for message, text in zip(outputs["wrapped"], WRAPPED, strict=True)
    ]

    assert inner == [json.loads(text) for text in WRAPPED]
    assert {message["of"] for message in outputs["wrapped"]} == {"docker"}


def test_numbers_beyond_64_bits_are_compared_as_what_they_are(outputs):
    numbers = [json.loads(number) for number in NUMBERS]

    assert [message["n"] for message in outputs["numbers"]] == numbers
    assert [message["n"] for message in outputs["above"]] == [number for number in numbers if number > ABOVE]


def test_a_filter_that_copies_keeps_64_bits_and_rounds_what_is_more(outputs):
    numbers = [json.loads(number) for number in NUMBERS]

    wanted = [number if -(2**63) <= number < 2**63 else float(number) for number in numbers]
    assert [message["n"] for message in outputs["copy"]] == wanted


def test_a_uuid_that_was_given_is_written_as_one_that_was_not(outputs):
    own = [message["Uuid"] for message in outputs["numbers_uuids"]]

    assert len({str(uuid.UUID(text)) for text in own}) == len(NUMBERS)
    assert [message["Uuid"] for message in outputs["copy_uuids"]] == own


def test_a_header_that_some_records_lack_has_its_default_there(outputs):
    found = {name: [message["name"] for message in outputs[name]] for name in MATCHERS}

    assert [message["Hostname"] for message in outputs["optional"]] == ["ab", "cd", "ef", "gh"]
    assert found == {
        "severity_7": ["ab", "gh"],
        "severity_above_3": ["ab", "ef", "gh"],
        "severity_3": ["cd"],
        "no_version": ["ab", "cd", "gh"],
        "not_version_x": ["ab", "cd", "gh"],
    }


def test_what_the_grammar_of_a_later_decoder_does_not_take_is_for_its_script(outputs):
    found = [(message["programname"], message.get("a@1.b"), message["Payload"]) for message in outputs["syslog"]]

    assert found == [("app", "c", "text"), ("su", None, "text")]


def test_encoders_write_the_severity_that_records_without_one_have(outputs):
    expected = [("ab", 7), ("cd", 3), ("ef", 4), ("gh", 7)]

    for name in ("chosen", "template"):
        assert [(message["name"], message["Severity"]) for message in outputs[name]] == expected
    assert [message.get("EnvVersion") for message in outputs["chosen"]] == [None, None, "x", None]
    assert [message["EnvVersion"] for message in outputs["template"]] == ["-", "-", "x", "-"]
