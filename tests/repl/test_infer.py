"""Grammars that :infer proposes for unknown logs: templates, field names and types."""

from pathlib import Path

import pytest
import yaml

from host.repl.infer import trailing_pairs
from tests.repl.session import answers

CLOCKS = [f"10:0{minute}:07" for minute in range(8)]


def lines(*templates):
    """Fill each template for each clock; `{n}` is a number, `{t}` a time of day."""
    return [
        template.format(t=clock, n=number * 37 + 4) for number, clock in enumerate(CLOCKS) for template in templates
    ]


TEMPLATES = yaml.safe_load((Path(__file__).parent / "logs.yaml").read_text())
LOGS = {name: [*given.get("head", ()), *lines(*given["lines"])] for name, given in TEMPLATES.items()}
EXPECTED = {name: given["fields"] for name, given in TEMPLATES.items() if "fields" in given}


@pytest.fixture(scope="module")
def proposals(tmp_path_factory):
    """Return proposal, coverage, cost, saved file and cases for each log."""
    folder = tmp_path_factory.mktemp("logs")
    by_log = {}
    for some in (list(LOGS)[::2], list(LOGS)[1::2]):  # the test timeout applies per session
        pieces = []
        for name in some:
            (folder / f"{name}.log").write_text("\n".join(LOGS[name]) + "\n")
            pieces += [f":infer {name}.log", f":coverage {name}.log", ":bench", f":save {name}", ":cases"]
        found = iter(answers(folder, *pieces))
        by_log |= {name: (*(next(found) for _ in range(5)), folder / f"plugins/decoders/{name}.lua") for name in some}
    return by_log


@pytest.mark.parametrize("name", EXPECTED)
def test_fields_have_names_and_types(proposals, name):
    first = proposals[name][0]["results"][0]["captures"]
    assert [f"{each['name']} {each['type']}: {each['text']}" for each in first] == EXPECTED[name]


@pytest.mark.parametrize("name", LOGS)
def test_all_records_parse_and_the_decoder_is_correct_and_fast(proposals, name):
    proposal, coverage, bench, saved, cases, file = proposals[name]
    records = [text for text in LOGS[name] if text[0] not in "#\tjwS"]
    assert proposal["parsed"] == coverage["parsed"] == len(records)
    assert bench["decoder"]["declared"]
    assert not bench["runs_on"]
    assert cases["cases"][0]["passed"]
    front = yaml.safe_load(file.read_text().partition("---\n")[2].partition("\n---\n")[0])
    assert len(front["cases"][0]["steps"]) == saved["records"] == min(10, len(records))
    times = [str(step["messages"][0].get("Timestamp")) for step in front["cases"][0]["steps"]]
    assert name in {"german", "kube"} or all("2024" in time for time in times)


def test_each_template_is_an_alternative_with_its_share(proposals):
    assert [round(each["share"], 2) for each in proposals["collector"][0]["formats"]] == [0.5, 0.5]
    assert [round(each["share"], 2) for each in proposals["audit"][0]["formats"]] == [0.5, 0.5]
    assert proposals["collector"][0]["source"].count("{ -- 50%: [2024-05-01T10:00:07") == 2
    assert [each["title"] for each in proposals["kube"][0]["formats"]] == ["glog and klog, as Kubernetes writes them"]
    proxied = {each["name"] for each in proposals["proxy"][0]["results"][0]["captures"]}
    assert {"Hostname", "Pid", "Timestamp", "status", "request_uri"} <= proxied


def test_web_servers_get_a_hint_about_their_log_format(proposals):
    assert "`:infer /etc/nginx/nginx.conf`" in proposals["web"][0]["hint"]
    assert not proposals["java"][0]["hint"]


def test_stack_traces_become_part_of_their_record(proposals, tmp_path):
    proposal = proposals["java"][0]
    assert proposal["continued"] == 16
    assert proposal["splitter"].startswith("{type: regex, delimiter: '\\n(\\d{4}-")
    decoders = tmp_path / "plugins" / "decoders"
    decoders.mkdir(parents=True)
    inputs = {}
    for name in ("java", "jobs", "csv", "php", "cassandra"):
        (decoders / f"{name}.lua").write_text(proposals[name][5].read_text())
        (tmp_path / f"{name}.log").write_text("\n".join(LOGS[name]) + "\n")
        splitter = yaml.safe_load(proposals[name][0]["splitter"])
        inputs[name] = {"type": "file", "path": f"{name}.log", "splitter": splitter, "decoder": name}
    outputs = {
        name: {"type": "file", "path": f"{name}.txt", "message_matcher": f"Logger == '{name}'", "encoder": "payload"}
        for name in inputs
    }
    from tests.running import Host

    host = Host(tmp_path, {"hekate": {"sandbox_dir": "plugins"}, "inputs": inputs, "outputs": outputs}, "--once")
    assert host.process.wait(30) == 0, host.log
    trace = "was not found\njava.lang.IllegalStateException: no stock\n\tat com.acme"
    assert (tmp_path / "java.txt").read_text().count(trace) == len(CLOCKS)
    trace = "java.lang.IllegalStateException: no such order\n\tat com.acme.Cart.add(Cart.java:42)\n\tat com.acme.Main"
    assert (tmp_path / "jobs.txt").read_text().count(trace) == len(CLOCKS)
    trace = "Exception in thread\njava.lang.RuntimeException: no"
    assert (tmp_path / "cassandra.txt").read_text().count(trace) == len(CLOCKS)
    assert "decode_failed" not in host.log


def test_lines_of_an_existing_decoder_are_refused(tmp_path):
    (tmp_path / "mixed.log").write_text("a=1 b=2\nc=2 d=4 e=5\nb=1 x=2\nz=3 y=4\nf=2 g=7\n")
    (tmp_path / "empty.log").write_text("")
    (tmp_path / "binary.log").write_bytes(bytes(range(256)) * 40 + b"\nx\n")
    header = "May  1 10:00:0{n} web app[{n}]: "
    (tmp_path / "json.log").write_text("".join(f'{header}{{{{"a":{{n}}}}}}\n'.format(n=n) for n in range(5)))
    (tmp_path / "gelf.log").write_text('{"version":"1.1","host":"web","short_message":"up"}\n' * 3)
    zap = '{"level":"info","ts":1700000000.12{n},"logger":"main","pid":{n},"msg":"x"}\n'
    (tmp_path / "zap.log").write_text("".join(zap.replace("{n}", str(n)) for n in range(5)))
    mongo = '{"t":{"$date":"2026-05-01T10:00:07.123+00:00"},"s":"I","id":1,"attr":{"n":2}}\n'
    (tmp_path / "journal.log").write_text("__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=17\nMESSAGE=x\n\n" * 3)
    (tmp_path / "mongo.log").write_text(mongo * 5)
    (tmp_path / "slow.log").write_text("# User@Host: a[a] @ b []\n# Query_time: 2.3  Lock_time: 0.0\nSELECT 1;\n" * 3)
    (tmp_path / "long.log").write_text("x" * 300_000)
    names = "mixed.log empty.log no.log . binary.log json.log gelf.log slow.log long.log zap.log mongo.log journal.log"
    found = answers(tmp_path, *(f":infer {name}" for name in names.split()), ":coverage gelf.log", status=1)
    mixed, empty, missing, folder, binary, json, gelf, slow, long, zap, mongo, journal, covered = found
    config = "{Timestamp: ts, timestamp_format: epoch_s, Logger: logger, Pid: pid, Payload: msg}"
    assert f"Give the input `decoder: {{type: json, config: {config}}}`." in zap["error"]
    assert "match it as Fields[level]" in zap["error"]
    assert "`decoder: {type: json, config: {Timestamp: t.$date}}`" in mongo["error"]
    assert r'{type: token, delimiter: "\n\n"}' in journal["error"]
    assert "the decoder `gelf`" in gelf["error"]
    assert "the decoder `mysql_slow_query`" in slow["error"]
    assert "all are empty, or of " in long["error"]
    assert covered["parsed"] == 0, "the earlier proposal is kept"
    assert "`decoder: [syslog, json]` and `decoder_strategy: all`" in json["hint"]
    assert "the decoder `logfmt`" in mixed["error"]
    assert "no lines" in empty["error"]
    assert "no.log" in missing["error"]
    assert "directory" in folder["error"]
    assert binary["kind"] == "proposal"


def test_windows_encodings_are_handled_or_reported(tmp_path):
    lines = "".join(f"0{day}.05.2024 10:00:07\tgröße {day}\tB\t{day}\r\n" for day in range(1, 6))
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "latin-1"):
        (tmp_path / f"{encoding}.log").write_bytes(lines.encode(encoding))
    event = '<Event xmlns="x">\n  <System>\n    <EventID>4624</EventID>\n  </System>\n</Event>\n'
    (tmp_path / "events.xml").write_text(event * 5)
    marked, covered, saved, *wide, latin, events = answers(
        tmp_path, ":infer utf-8-sig.log", ":coverage utf-8-sig.log", ":save windows",
        ":infer utf-16.log", ":load utf-16-le.log", ":load latin-1.log",
        ":infer events.xml", status=1,
    )  # fmt: skip
    assert marked["results"][0]["captures"][0]["text"] == "01.05.2024 10:00:07"
    assert (covered["parsed"], covered["hint"]) == (5, "")
    assert marked["splitter"] == '{type: token, delimiter: "\\r\\n"}'
    assert f"splitter: {marked['splitter']}" in (tmp_path / saved["file"]).read_text()
    assert '"\\t"' in marked["source"]
    assert "`iconv -f UTF-16 -t UTF-8 utf-16.log > utf-16.log.utf8`" in wide[0]["error"]
    assert "iconv -f UTF-16LE" in wide[1]["error"]
    assert "iconv -f WINDOWS-1252" in latin["hint"]
    assert (events["parsed"], events["splitter"]) == (
        5,
        r"{type: regex, delimiter: '\n(<Event[ >])', delimiter_eol: false}",
    )
    assert "Windows events as XML" in events["hint"]


def test_a_grammar_parses_lines_of_other_files(tmp_path):
    rails = [f"I, [2026-05-01T10:00:0{n}.125001 #4711]  INFO -- : took {n} ms" for n in range(5)]
    (tmp_path / "rails.log").write_text("\n".join(rails) + "\n")
    csv = ["time,symbol,qty,note", *(f"2026-05-01T10:00:0{n}Z,ABC,{n},x" for n in range(4))]
    (tmp_path / "trades.csv").write_text("\n".join(csv) + "\n")

    (tmp_path / "envoy.log").write_text(
        '[2026-05-01T10:00:00.123Z] "GET /a HTTP/1.1" 200 - 0 1234 "curl/8.0"\n'
        '[2026-05-01T10:00:01.001Z] "POST /a HTTP/2" 503 UF,URX 312 91 "Mozilla/5.0"\n'
        '[2026-05-01T10:00:02.500Z] "- - -" 0 UH 0 0 "-"\n'
    )

    restarted = f":match {rails[0].replace('4711', '99')}"
    process, after_restart, trades, envoy = answers(
        tmp_path, ":infer rails.log", restarted, ":infer trades.csv", ":infer envoy.log"
    )

    assert process["parsed"] == 5
    assert after_restart["results"][0]["matched"]
    assert trades["parsed"] == 4, "a comma between columns is none of a time"
    flags = [each["text"] for each in envoy["results"][1]["captures"]]
    assert flags[1:] == ["POST /a HTTP/2", "503", "UF,URX", "312", "91", "Mozilla/5.0"], "a list is one column"


def test_a_long_line_of_pairs_is_scanned_once():
    line = "2026-05-01 x " + "a=1 " * 50_000 + "- behind"
    assert trailing_pairs.find_starts([line]) is None  # a quadratic scan would take hours
