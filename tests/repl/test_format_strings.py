"""Grammars from format strings, on lines that programs write with these formats."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.repl.session import answers
from tests.sandbox_stdlib.test_formats import DECLARED, FORMATS, LIST, MAKE, PRINTF, SYSLOG, fields_of


def infer_command(kind, each):
    """Return the :infer command for a format."""
    if kind == "printf":
        quoted = each["format"].replace("\\", "\\\\").replace('"', '\\"')
        return f':infer printf "{quoted}" {" ".join(each["names"])}'
    escape = f"escape={each['escape']} " if "escape" in each else ""
    return f":infer {kind} {escape}{each['format']}"


@pytest.mark.slow
def test_each_format_parses_its_line(tmp_path):
    listed = [(kind, each) for kind, formats in FORMATS.items() for each in formats]
    found = iter(
        answers(tmp_path, script="".join(f"{infer_command(*each)}\n:match {each[1]['line']}\n" for each in listed))
    )
    for kind, each in listed:
        assert next(found)["kind"] == "proposal", each
        result = next(found)["results"][0]
        assert result["matched"], (kind, each, result)
        assert {capture["name"] for capture in result["captures"]} >= {
            name for name, value in each["fields"].items() if value is not None
        } - {"syslogfacility"}, each


NGINX = """http {
  log_format main '$remote_addr - $remote_user [$time_local] "$request" '
                  '$status $body_bytes_sent "$http_referer"';
  log_format  structured escape=json '{"addr":"$remote_addr","agent":"$http_user_agent"}';
}
"""
APACHE = """<VirtualHost *:80>
  LogFormat "%h \\"%r\\" %>s" short
  CustomLog logs/access.log short
</VirtualHost>
"""
RSYSLOG = """template(name="one" type="string" string="%hostname% %syslogtag%%msg%\\n")
$template two,"%timestamp:::date-rfc3339% \\"%msg%\\"\\n"
"""


def test_formats_are_found_in_server_configurations(tmp_path):
    for name, text in (("nginx.conf", NGINX), ("httpd.conf", APACHE), ("rsyslog.conf", RSYSLOG)):
        (tmp_path / name).write_text(text)
    agent = json.dumps({"addr": "10.0.0.1", "agent": 'a "b"'}, separators=(",", ":"))
    which, structured, first, short, second, one, third, two, fourth, *faults = answers(
        tmp_path,
        ":infer nginx.conf",
        ":infer nginx.conf structured",
        f":match {agent}",
        ":infer httpd.conf",
        ':match 10.0.0.1 "GET / HTTP/1.1" 200',
        ":infer rsyslog.conf one",
        ":match web1 sshd[1]: hi",
        ":infer rsyslog.conf two",
        ':match 2024-05-01T12:00:00Z "hi"',
        ":infer apache %h %y",
        ":infer rsyslog %hostname",
        ':infer printf "%d" a b',
        ':infer printf "%d%!" a',
        ":infer nginx $a$b",
        status=1,
    )
    assert which["error"] == "The file has 2 formats: name one of main, structured after the file."
    assert all(each["kind"] == "proposal" for each in (structured, short, one, two))
    assert all(each["results"][0]["matched"] for each in (first, second, third, fourth))
    texts = [each["error"] for each in faults]
    for text, part in zip(
        texts, ["unknown directive %y", '"%hostname"', "1 arguments", '"%!"', "between a and b"], strict=True
    ):
        assert part in text


WORD = st.text("abcXYZ019_/.-", min_size=1, max_size=8)
NUMBER = st.integers(-(2**53), 2**53)
CONVERSIONS = st.one_of(
    st.tuples(st.sampled_from(["%d", "%5d", "%-5d", "%-+5d", "%- 5d", "%+d", "%i", "% d"]), NUMBER),
    st.tuples(st.sampled_from(["%05u", "%x", "%#X", "%o", "%u"]), st.integers(0, 2**40)),
    st.tuples(st.sampled_from(["%s", "%10s", "%-10s"]), WORD),
    st.tuples(st.sampled_from(["%.3f", "%e", "%g", "%8.2f"]), st.integers(-4000, 4000).map(lambda n: n / 8)),
)


@settings(max_examples=examples(200))
@given(st.lists(CONVERSIONS, min_size=1, max_size=6), st.sampled_from([" ", "; ", "|", " took ", '="']))
def test_a_printf_grammar_parses_printf_output(conversions, between):
    text = between.join(conversion for conversion, _ in conversions)
    line = between.join(conversion.replace("u", "d") % value for conversion, value in conversions)
    names = [f"n{number}" for number in range(len(conversions))]
    items = PRINTF[b"items"](LIST(text.encode(), *(name.encode() for name in names)))
    found = MAKE(DECLARED, items)(line.encode())
    assert found is not None
    written = [conversion.replace("u", "d") % value for conversion, value in conversions]
    expected = [
        value if isinstance(value, str | int) else float(shown)
        for (_, value), shown in zip(conversions, written, strict=True)
    ]
    assert [fields_of(found)[name] for name in names] == expected


MESSAGE = st.text(st.characters(blacklist_characters="\n\r", max_codepoint=0x24F), max_size=30)


@settings(max_examples=examples(100))
@given(WORD, st.text("abcxyz-_./", min_size=1), st.none() | st.integers(0, 4_000_000), MESSAGE, st.integers(0, 191))
def test_an_rsyslog_grammar_parses_rsyslog_output(host, program, pid, message, priority):
    tag = program + (f"[{pid}]:" if pid is not None else ":")
    shown = message if message.startswith(" ") else f" {message}"
    lines = {
        "RSYSLOG_FileFormat": f"2024-05-01T12:00:00.5+02:00 {host} {tag}{shown}",
        "RSYSLOG_TraditionalFileFormat": f"May  1 12:00:00 {host} {tag}{shown}",
        "RSYSLOG_ForwardFormat": f"<{priority}>2024-05-01T12:00:00Z {host} {tag}{shown}",
    }
    for template, line in lines.items():
        found = OF_RSYSLOG[template](line.encode())
        assert found is not None
        fields = fields_of(found)
        assert fields["Hostname"] == host
        assert fields["programname"] == program
        assert fields.get("Pid") == pid
        assert fields["Payload"].encode("latin-1").decode() == shown[1:]
        assert fields.get("Severity", priority % 8) == priority % 8


OF_RSYSLOG = {
    name: MAKE(DECLARED, SYSLOG[b"rsyslog_items"](name.encode()))
    for name in ("RSYSLOG_FileFormat", "RSYSLOG_TraditionalFileFormat", "RSYSLOG_ForwardFormat")
}
