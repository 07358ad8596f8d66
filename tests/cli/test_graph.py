"""`hekate graph`: what flows where, what is suspicious, and what is not called suspicious."""

import json

import pytest

from tests.cli.many import many
from tests.running import Bench

PING = 'function process_message() inject_message {Type = "ping", Payload = "x"} return 0 end'
PONG = 'function process_message() inject_message {Type = "pong", Payload = "x"} return 0 end'
SHOWS = 'require "shows"\nfunction process_message() show() return 0 end'
QUIET = "-- it never calls inject_message\nfunction process_message() return 0 end"
SCRIPT = 'function process_message() write_message("Type", "x") return 0 end'
OWN = """local lpeg = require "lpeg"
declare_grammar {
  type = "own", logger = "of.its.own",
  alternatives = {{
    {name = "a", grammar = lpeg.R"09"^1, also = {{name = "b", type = "string"}}},
    {optional = {" ", {name = "c", grammar = lpeg.R"az"^1}}},
  }},
}"""
CONFIG = """
hekate: {{sandbox_dir: {plugins}, state_dir: {state}}}
inputs:
  access: {{type: file, path: /var/log/a.log, decoder: nginx_access}}
  own: {{type: file, path: /var/log/o.log, decoder: own}}
  made: {{type: generate, lines: ['{{"n":{{sequence}},"user":{{"name":"x"}}}}', 'no JSON'], decoder: json}}
  dark: {{type: generate, lines: ['x'], decoder: {{type: payload, config: {{type: dark}}}}}}
{more}
filters:
  ping: {{message_matcher: "Type == 'heka.sandbox.pong'"}}
  pong: {{message_matcher: "Type == 'heka.sandbox.ping' || Type == 'nginx.access'"}}
  loops: {{type: ping, message_matcher: "Type =~ /^heka/"}}
  shows: {{message_matcher: "Type == 'own'"}}
  quiet: {{message_matcher: "Type == 'json'"}}
outputs:
{outputs}
"""
NULL = "  {name}: {{type: 'null', encoder: json, message_matcher: \"{matcher}\"}}"
NEVER = {  # the matcher, and what is said of it
    "Type == 'apache.access'": "accepts. Known: dark, json, nginx.access, own.",
    "Type == 'nginx.acess'": "accepts. Did you mean `nginx.access`?",
    "Type == 'ping'": "Types of injected messages begin with `heka.sandbox.`. Did you mean `heka.sandbox.ping`?",
    "Type =~ /^apache/": "no producer has a Type that",
    "Type in ('a', 'b')": "no producer has a Type that",
    "Type == 'a' && Type == 'b'": "no message can ever match",
    "Type == 'nginx.access' && Fields[statsu] >= 500": "requires: `statsu`. Did you mean `status`?",
    "Type == 'own' && Fields[d] != NIL": "requires: `d`.",
    "Type == 'own' && Fields[a] == NIL && Fields[d] =~ /x/": "requires: `d`.",
    "Type == 'json' && Fields[user.nmae] == 'x'": "requires: `user.nmae`. Did you mean `user.name`?",
    "Logger == 'acces'": "accepts. Did you mean `access`?",
    "Logger == 'own'": "has a Logger that",
    "Type == 'json' && Logger == 'access'": "has a Logger that",
    "Type == 'heka.sandbox.ping' && Logger == 'pong'": "has a Logger that",
    "Type == 'heka.sandbox-output' && Fields[payload] == 'x'": "requires: `payload`.",
    "Type == 'hekate.sandbox-terminated' && Fields[nam] == 'x'": "requires: `nam`.",
}
FINE = [
    "Type == 'nginx.access' && Fields[status] >= 500",
    "Type == 'nginx.access' && !(Fields[nothing] == 1)",
    "Type == 'own' && Fields[b] == 1 || FALSE",
    "Type == 'own' && Fields[c] == NIL",
    "Type == 'own' && Fields[d] == NIL",
    "Logger == 'of.its.own'",
    "Fields[user.name] == 'x'",
    "Fields[whatever] == 'x' && Logger == 'ping'",
    "Type == 'heka.sandbox-output' && Fields[payload_name] == 'x'",
    "Type == 'hekate.sandbox-terminated' && Fields[name] == 'x'",
    "Payload =~ /anything/ && Severity < 3 && Pid > 0",
    "Type !~ /^nginx/",
]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    for kind, name, code in [
        ("filter", "ping", PING), ("filter", "pong", PONG), ("filter", "shows", SHOWS), ("filter", "quiet", QUIET),
        ("decoder", "own", OWN), ("decoder", "script", SCRIPT),
    ]:  # fmt: skip
        made.plugin(kind, name, code)
    module = made.folder / "plugins" / "modules" / "shows.lua"
    module.parent.mkdir()
    module.write_text('function show() inject_payload("txt", "seen", "x") end')
    return made


def write(bench, name, matchers, more=""):
    outputs = "\n".join(NULL.format(name=f"o{number}", matcher=each) for number, each in enumerate(matchers))
    text = CONFIG.format(plugins=bench.path("plugins"), state=bench.path("state"), outputs=outputs, more=more)
    return bench.write(name, text)


def test_graph_warns_of_what_cannot_be_and_of_nothing_else(bench):
    path = write(bench, "hekate.yaml", [*NEVER, *FINE])
    unknown = write(bench, "unknown.yaml", [*NEVER], "  unknown: {type: stdin, decoder: script}")
    shown, dot, mermaid, text, unsure = many(
        [["graph", path, "--format", form] for form in ("json", "dot", "mermaid", "text")]
        + [["graph", unknown, "--format", "json"]],
        bench.folder,
    )
    assert shown.out, shown.err
    found = json.loads(shown.out)
    edges = {(edge["source"], edge["target"]) for edge in found["edges"]}
    warnings = found["warnings"]

    assert shown.status == 1
    for number, (matcher, said) in enumerate(NEVER.items()):
        (warning,) = [each for each in warnings if each.startswith(f"outputs.o{number}: ")]
        assert said in warning, matcher
        assert f"`{matcher}`" in warning
    told = [each for each in warnings if not each.startswith("outputs.")]
    assert told == [
        f"{way}; a message is dropped after 4 rounds (max_loops)."
        for way in (
            "filters.pong -> filters.ping -> filters.pong: the filters feed each other",
            "filters.loops -> filters.loops: the filter receives its own messages",
        )
    ]
    assert len(warnings) == len(NEVER) + len(told), warnings
    assert {("inputs.access", "filters.pong"), ("filters.shows", "filters.loops")} <= edges
    assert ("inputs.access", "filters.ping") not in edges
    assert ("hekate", f"outputs.o{len(NEVER) + 9}") in edges
    assert "filters.quiet" not in {source for source, _ in edges}
    assert '"inputs.access" -> "filters.pong";' in dot.out
    assert mermaid.out.startswith("flowchart LR\n")
    assert "inputs.access (nginx.access)\n  -> filters.pong" in text.out
    only = json.loads(unsure.out)["warnings"]
    assert [each for each in only if each.startswith("outputs.")] == [
        "outputs.o5: no message can ever match `Type == 'a' && Type == 'b'`."
    ]


def test_graph_tells_of_messages_that_nobody_sees(bench):
    path = bench.write(
        "hekate.yaml",
        "inputs:\n  dark: {type: stdin, decoder: {type: payload, config: {type: dark}}}\n"
        "  a: {type: stdin, decoder: json}\n"
        "outputs: {o: {type: 'null', encoder: json, message_matcher: \"Type == 'json'\"}}\n",
    )
    (said,) = many([["graph", path]], bench.folder)

    assert said.status == 1
    assert said.err == "Warning: inputs.dark: no filter and no output receives its messages.\n"
