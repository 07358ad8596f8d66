"""Formats end to end: every record that comes out is compared with what plain Python makes of its line."""

import base64
import json
import string
from datetime import UTC, datetime
from random import Random

import pytest
import yaml

from tests.effort import examples
from tests.pipelines import oracle
from tests.running import ROOT, to_json, to_text

J1 = yaml.safe_load((ROOT / "conf/examples/nginx_errors.yaml").read_text())["outputs"]["errors"]["encoder"]["config"][
    "fields"
]
HEADERS = ("Timestamp", "Type", "Logger", "Hostname", "Severity", "Pid", "Payload", "EnvVersion", "Uuid")


def without_headers(member, *keep):
    return {name: value for name, value in member.items() if name not in HEADERS or name in keep}


def test_errors_of_an_nginx_log_come_out_byte_for_byte_in_order_from_two_decoders(bench):
    lines = oracle.access_lines(40_000)
    expected = [member for member in map(oracle.access, lines) if member["status"] >= 500]
    config = (ROOT / "conf" / "examples" / "nginx_errors.yaml").read_text()
    names = {
        "INPUT": bench.write("access.log", lines),
        "OUTPUT": bench.path("errors.jsonl"),
        "STATE_DIR": bench.path("state"),
        "DECODERS": "2",
    }

    host = bench.once(config, env=names)

    as_bytes = [json.dumps(_j1(e), separators=(",", ":"), ensure_ascii=False).encode() for e in expected]
    assert bench.lines("errors.jsonl") == as_bytes
    assert "40,000 records in" in host.log
    assert bench.dead_letters() == []


def _j1(member):
    wanted = [name.removeprefix("Timestamp as ") for name in J1]
    return {name: member[name] for name in wanted if name in member}


def test_every_field_of_every_access_line_with_packs_as_small_as_they_get(bench):
    lines = oracle.access_lines(3000, seed=2)
    path = bench.write("access.log", lines)
    small = {"pack_bytes": 4096, "max_record_bytes": 2048, "decoders": 2}

    bench.once(
        {
            "inputs": {"access": {"type": "file", "path": path, "decoder": "nginx_access", **small}},
            "outputs": {"all": to_json(bench.path("all.jsonl"))},
        }
    )

    got = bench.jsons("all.jsonl")
    assert [without_headers(member) for member in got] == [
        {name: value for name, value in oracle.access(line).items() if name != "time"} for line in lines
    ]
    assert [member["Timestamp"] for member in got] == [oracle.access(line)["time"] for line in lines]
    assert {(member["Type"], member["Logger"]) for member in got} == {("nginx.access", "access")}


def random_json(random, depth=0):
    kind = random.randrange(9 if depth < 3 else 7)
    if kind == 0:
        return random.choice([True, False, None])
    if kind == 1:
        return random.choice([0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 10**25, random.randrange(10**6)])
    if kind == 2:
        return random.choice([1.5, -0.25, 1e300, 5e-324, 0.1])
    if kind in {3, 4, 5, 6}:
        alphabet = string.ascii_letters + ' "\\/\b\f\n\r\té€😀\x00\x1f\x7f'
        return "".join(random.choice(alphabet) for _ in range(random.randrange(12)))
    if kind == 7:
        return [random_json(random, depth + 1) for _ in range(random.randrange(4))]
    return {random.choice("abcdefgh") + str(i): random_json(random, depth + 1) for i in range(random.randrange(4))}


def flatten(value, prefix=""):
    flat = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            flat |= flatten(inner, f"{prefix}{name}.")
        elif inner is not None:
            flat[prefix + name] = inner
    return flat


def test_json_comes_out_as_it_went_in_with_nested_objects_flattened(bench):
    random = Random(3)
    documents = [
        {"n": number, **{f"k{i}": random_json(random) for i in range(random.randrange(6))}} for number in range(3000)
    ]
    spaced = [None, (", ", ": "), (",", ":")]
    lines = [
        json.dumps(d, ensure_ascii=random.random() < 0.5, separators=random.choice(spaced)).encode() for d in documents
    ]
    path = bench.write("service.jsonl", lines)

    bench.once(
        {
            "inputs": {"service": {"type": "file", "path": path, "decoder": "json"}},
            "outputs": {"all": to_json(bench.path("all.jsonl"))},
        }
    )

    got = [without_headers(member) for member in bench.jsons("all.jsonl")]
    assert bench.dead_letters() == []
    expected = [flatten(document) for document in documents]
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert one == other


def test_numbers_and_timestamps_of_json_keep_every_digit(bench):
    numbers = [
        "9007199254740993",
        "-9223372036854775808",
        "9223372036854775807",
        "1.10",
        "1E5",
        "0.1000000000000000055",
    ]
    lines = [f'{{"ts":"2024-05-01T10:00:00.{i:09d}+02:00","n":{n}}}'.encode() for i, n in enumerate(numbers)]
    path = bench.write("n.jsonl", lines)
    decoder = {"type": "json", "config": {"Timestamp": "ts"}}
    encoder = {"type": "json", "config": {"fields": ["n", "Timestamp"]}}

    bench.once(
        {
            "inputs": {"n": {"type": "file", "path": path, "decoder": decoder}},
            "outputs": {"all": to_json(bench.path("all.jsonl"), encoder=encoder)},
        }
    )

    second = oracle.clf_time("01/May/2024:08:00:00 +0000")
    assert bench.lines("all.jsonl") == [
        f'{{"n":{n},"Timestamp":"{oracle.rfc3339(second, i)}"}}'.encode() for i, n in enumerate(numbers)
    ]


VALUES = [
    "", "x", "/a?b=c", "12ms", "true", "false", "truer", "0", "-0", "-1", "7", "007", "-007", "123456789012345",
    "1234567890123456", "-12345678901234", "-123456789012345", "0.5", "-0.25", "00.5", "1.", ".5", "1e3", "1.5E-2",
    "1.e2", "0x10", "nan", "inf", "größe", "a\\n", '""', '"a b"', '"1"', '"true"', '"say \\"hi\\""',
    '"tab\\t\\u00fc"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\q"', '"raw\ttab"', '"x"y', '"open', "a\"b",
    "2024-05-01T10:00:00Z", '"2024-05-01 10:00:00.25"', "2024-13-01T00:00:00Z", "1714557600", "1714557600.5",
    "1714557600000", "info", "WARN", "error", "err", "errors", "9", '"notice"', "db1", '"db 2"', "80\x7f",
]  # fmt: skip


def random_logfmt(random, keys, values):
    """A line of pairs, as programs write them and as they do not."""
    pairs = [f"{key}={random.choice(values[key])}" for key in keys]
    if random.random() < 0.03:
        pairs.insert(random.randrange(len(pairs) + 1), random.choice(["alone", "a=1", "=", "x==y", "  ", "level=info"]))
    return random.choice(["", " "]) * (random.random() < 0.05) + " ".join(pairs) + " " * (random.random() < 0.05)


def test_forms_of_logfmt_say_what_the_script_says_of_each_line(bench):
    random = Random(11)
    lines = []
    for _ in range(examples(150)):
        keys = random.sample(
            ["ts", "level", "msg", "host", "pid", "log", "a", "b", "größe", "a"], random.randrange(1, 7)
        )
        values = {key: random.sample(VALUES, 2) for key in keys}
        lines += [random_logfmt(random, keys, values).encode() for _ in range(20)]
    script = (ROOT / "sandboxes" / "lua" / "decoders" / "logfmt.lua").read_text()
    without = script.replace("name: logfmt", "name: plain_logfmt").replace("declare_logfmt {", "local _ = {")
    folder = bench.folder / "plugins" / "decoders"
    folder.mkdir(parents=True)
    (folder / "plain_logfmt.lua").write_text(without)
    headers = {
        "Timestamp": "ts",
        "Severity": "level",
        "Payload": "msg",
        "Hostname": "host",
        "Pid": "pid",
        "Logger": "log",
    }
    options = [headers, {}, {**headers, "typed": False, "payload_keep": True}]
    path = bench.write("in.log", lines)
    inputs, outputs = {}, {}
    for number, config in enumerate(options):
        for name in ("logfmt", "plain_logfmt"):
            unit = f"{name}_{number}"
            decoder = {"type": name, "config": {**config, "type": unit}}
            inputs[unit] = {"type": "file", "path": path, "decoder": decoder, "logger": "here"}
            outputs[unit] = to_json(bench.path(unit), f"Type == '{unit}'")

    began = f"{datetime.now(UTC):%FT%T.%f}"
    bench.once({"hekate": {"hostname": "here"}, "inputs": inputs, "outputs": outputs}, status=65)

    for number in range(len(options)):
        one, other = ([line.replace(unit, b"logfmt") for line in bench.lines(unit.decode())]
                      for unit in (b"logfmt_%d" % number, b"plain_logfmt_%d" % number))  # fmt: skip
        assert len(one) > len(lines) / 2
        pairs = zip((members(line, began) for line in one), (members(line, began) for line in other), strict=True)
        mismatches = [(a, b) for a, b in pairs if a != b]
        assert not mismatches, mismatches[0]
    letters = {(letter["component"], letter["record"]) for letter in bench.dead_letters() if "record" in letter}
    assert {record for unit, record in letters if unit == "logfmt_0"} == {
        record for unit, record in letters if unit == "plain_logfmt_0"
    }


def members(line, began):
    """What a line of JSON says, in its order; without its time where that is when it arrived, after the test began."""
    pairs = json.loads(line, object_pairs_hook=list)
    now = f"{datetime.now(UTC):%FT%T.%f}"
    return [(key, value) for key, value in pairs if key != "Timestamp" or not began <= value <= now]


def test_syslog_and_logfmt_in_one_run(bench):
    random = Random(5)
    syslog, syslog_expected, logfmt, logfmt_expected = [], [], [], []
    for number in range(2000):
        pri, pid, nanos = random.randrange(192), random.randrange(1, 99999), random.randrange(10**6) * 1000
        second = 1714557600 + number
        text = random.choice(["Accepted publickey", "größe: 1", "a b  c", 'q "x" \\'])
        stamp = oracle.rfc3339(second).removesuffix("Z") + f".{nanos // 1000:06d}Z"
        syslog.append(f"<{pri}>1 {stamp} web01 sshd {pid} ID47 - {text}".encode())
        syslog_expected.append(
            {
                "Timestamp": oracle.rfc3339(second, nanos),
                "Hostname": "web01",
                "Pid": pid,
                "Severity": pri % 8,
                "Payload": text,
                "programname": "sshd",
                "syslogfacility": pri // 8,
                "msgid": "ID47",
            }
        )
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        logfmt.append(f'n={number} level=info msg="{quoted}" ok=true f=1.5'.encode())
        logfmt_expected.append({"n": number, "level": "info", "msg": text, "ok": True, "f": 1.5})

    inputs = {
        "sys": {"type": "file", "path": bench.write("syslog", syslog), "decoder": "syslog"},
        "fmt": {"type": "file", "path": bench.write("logfmt", logfmt), "decoder": "logfmt"},
    }
    bench.once(
        {
            "inputs": inputs,
            "outputs": {
                "sys": to_json(bench.path("sys.jsonl"), "Type == 'syslog'"),
                "fmt": to_json(bench.path("fmt.jsonl"), "Type == 'logfmt'"),
            },
        }
    )

    keep = ("Timestamp", "Hostname", "Pid", "Severity", "Payload")
    assert [without_headers(member, *keep) for member in bench.jsons("sys.jsonl")] == syslog_expected
    assert [without_headers(member) for member in bench.jsons("fmt.jsonl")] == logfmt_expected
    assert bench.dead_letters() == []


def test_a_chain_stops_at_the_first_decoder_that_accepts(bench):
    access = oracle.access_lines(300, seed=9)
    lines, kinds = [], []
    for number, line in enumerate(access):
        kind = ("access", "json", "refused")[number % 3]
        kinds.append(kind)
        lines.append({"access": line, "json": b'{"n":%d}' % number, "refused": b"neither %d \xff" % number}[kind])
    path = bench.write("mixed.log", lines)

    host = bench.once(
        {
            "inputs": {"mixed": {"type": "file", "path": path, "decoder": ["nginx_access", "json"]}},
            "outputs": {"all": to_json(bench.path("all.jsonl"))},
        },
        status=65,
    )

    got = bench.jsons("all.jsonl")
    expected = [(kind, number) for number, kind in enumerate(kinds) if kind != "refused"]
    assert len(got) == len(expected)
    for member, (kind, number) in zip(got, expected, strict=True):
        assert member["Type"] == ("nginx.access" if kind == "access" else "json")
        if kind == "access":
            assert member["request_uri" if "request_uri" in member else "request"] in lines[number].decode()
        else:
            assert member["n"] == number
    letters = bench.dead_letters()
    refused = [number for number, kind in enumerate(kinds) if kind == "refused"]
    offsets = [sum(len(line) + 1 for line in lines[:number]) for number in refused]
    assert [letter["position"] for letter in letters] == offsets
    assert {(letter["component"], letter["kind"]) for letter in letters} == {("mixed", "decoder")}
    assert all(letter["reason"].startswith("json: ") for letter in letters)
    assert [base64.b64decode(letter["record_base64"]) for letter in letters] == [lines[number] for number in refused]
    assert "100 decode_failed" in host.log


def test_a_chain_of_all_decoders_runs_each_in_turn(bench):
    bench.plugin(
        "decoder",
        "marker",
        """
        local count = 0
        function process_message()
          count = count + 1
          write_message("Fields[length]", #read_message("Payload"))
          write_message("Fields[mark]", "m" .. count)
          return 0
        end
        """,
    )
    logs = [oracle.rfc3339(1714557600 + n).encode() for n in range(3000)]
    lines = [b'<13>1 %s web01 app 7 - - {"n":%d,"s":"a\\u00e9\\n"}' % (stamp, n) for n, stamp in enumerate(logs)]
    path = bench.write("a.log", lines)
    chain = {"decoder": ["syslog", "json", "marker"], "decoder_strategy": "all"}

    bench.once(
        {
            "inputs": {"a": {"type": "file", "path": path, **chain}},
            "outputs": {"all": to_json(bench.path("all.jsonl"))},
        }
    )

    got = [without_headers(member) for member in bench.jsons("all.jsonl")]
    payloads = [line.split(b" - - ")[1] for line in lines]
    assert [(m["n"], m["s"], m["length"], m["mark"], m["programname"]) for m in got] == [
        (n, "aé\n", len(payload), f"m{n + 1}", "app") for n, payload in enumerate(payloads)
    ]
    assert bench.dead_letters() == []


@pytest.mark.slow
def test_a_chain_of_all_decoders_keeps_many_short_records_in_their_packs(bench):
    bench.plugin("decoder", "mark", 'function process_message() write_message("Fields[m]", 1) return 0 end')
    path = bench.write("in.log", [b'{"n":%d}' % number for number in range(150_000)])

    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, "decoder": ["mark", "json"], "decoder_strategy": "all"}},
            "outputs": {"all": to_text(bench.path("all"), "Logger == 'in'", encoder=N_ONLY)},
        }
    )

    assert bench.lines("all") == [b"%d" % number for number in range(150_000)]


N_ONLY = {"type": "template", "config": {"template": "%{n}"}}


def test_a_declared_field_that_occurs_several_times_is_the_list_of_those_that_are_there(bench):
    bench.plugin(
        "decoder",
        "servers",
        """
        local digits = require "lpeg".R "09" ^ 1
        local function n(before) return {optional = {before, {name = "n", grammar = digits}}} end
        declare_grammar {alternatives = {{n "a", n "b", n "c"}}}
        """,
    )

    bench.once(
        {
            "inputs": {
                "i": {"type": "file", "path": bench.write("in", "a1\na1b2\nb2\n\nc3\na1b2c3\n"), "decoder": "servers"}
            },
            "outputs": {"o": to_json(bench.path("o"))},
        }
    )

    found = [message.get("n") for message in bench.jsons("o")]
    assert found == [["1"], ["1", "2"], ["2"], None, ["3"], ["1", "2", "3"]]


@pytest.mark.slow
def test_many_records_of_a_pack_that_end_the_process_are_given_up_one_by_one(bench):
    code = "function process_message()\n while read_message 'Payload' == 'bad' do end\n return 0\nend"
    bench.plugin("decoder", "stumbles", code, "limits: {cpu_limit: 20}\n")
    path = bench.write("in.log", [b"good", b"bad"] * 16)

    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, "decoder": "stumbles"}},
            "outputs": {"out": to_text(bench.path("out"), "Logger == 'in'")},
        },
        status=65,
    )

    assert bench.lines("out") == [b"good"] * 16
    assert [letter["record"] for letter in bench.dead_letters()] == ["bad"] * 16
