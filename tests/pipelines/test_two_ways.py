"""What comes out does not depend on the way: on delimiters, on how many records of a form came before, on chains."""

import json

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
WRAPPED = ['{"x":1}', '{"x":"q\\"","y":"gr\\u00f6\\u00dfe"}', '{"x":"\\\\"}'] * 4


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """By input: the messages that came of it, as JSON."""
    bench = Bench(tmp_path_factory.mktemp("two_ways"))
    bench.plugin("decoder", "unhex", UNHEX_CODE)
    files = {
        "nul": b"".join(record + b"\0" for record in MULTI_LINE),
        "host": [b'{"a":1}', b'{"a":2,"h":"there"}'] * 5,
        "nameless": [b'{"":1,"b":{"":2}}'] * 5,
        "named": [b'{"Pid":7,"Hostname":"h","Timestamp":"t","Payload":"p","Severity":2,"Uuid":"u"}'] * 5,
        "logfmt": [b"Pid=7 Hostname=h Timestamp=t Payload=p Severity=2 Uuid=u"] * 5,
        "heap": [BROKEN.hex().encode()] * 5,
        "wrapped": [json.dumps({"log": text, "of": "docker"}).encode() for text in WRAPPED],
    }
    decoders = {
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
    try:
        bench.once({"inputs": inputs, "outputs": outputs})
        yield {name: bench.jsons(f"{name}.out") for name in files}
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
