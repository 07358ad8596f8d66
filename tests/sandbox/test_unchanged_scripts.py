"""Scripts as users of Heka and Hindsight have them, without a line for us, run as they are."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.config import hindsight_cfg, lua_data
from host.config.model import HostSettings
from host.plugins.library import Library
from tests.effort import examples
from tests.running import Bench, to_json, to_text, until


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


HEKA_DECODER = """\
-- Orders: "id=17 price=3.50 state=paid", one to a line.
local l = require "lpeg"
l.locale(l)
require "string"

local msg_type     = read_config("type") or "order"
local payload_keep = read_config("payload_keep")

local pair    = l.Cg(l.C(l.alpha^1) * "=" * l.C((1 - l.space)^1)) * l.space^0
local grammar = l.Cf(l.Ct("") * pair^1, rawset) * -1

local msg = {Timestamp = nil, Type = msg_type, Payload = nil, Severity = 6, Fields = nil}

function process_message()
    local log = read_message("Payload")
    local fields = grammar:match(log)
    if not fields then return -1 end

    fields.id = {value = tonumber(fields.id), value_type = 2, representation = "count"}
    msg.Fields = fields
    if payload_keep then msg.Payload = log end
    inject_message(msg)
    return 0
end
"""

HEKA_FILTER = """\
--[[
Graph of orders by state.

Config:

- rows (uint, optional, default 1440)
- sec_per_row (uint, optional, default 60)
--]]
require "circular_buffer"
require "cjson"
require "string"
require "math"
local alert = require "alert"

_PRESERVATION_VERSION = read_config("preservation_version") or 0

local rows        = read_config("rows") or 1440
local sec_per_row = read_config("sec_per_row") or 60
local title       = "Orders"

states = {}
seen = 0
cb = circular_buffer.new(rows, 2, sec_per_row)
local PAID = cb:set_header(1, "paid")
local OPEN = cb:set_header(2, "open", "count", "sum")

function process_message()
    local ts = read_message("Timestamp")
    local state = read_message("Fields[state]")
    if type(state) ~= "string" then return -1, "no state" end
    cb:add(ts, state == "paid" and PAID or OPEN, 1)
    states[state] = (states[state] or 0) + 1
    seen = seen + 1
    return 0
end

function timer_event(ns)
    inject_payload("cbuf", title, cb)
    inject_payload("json", title, cjson.encode(states))
    if seen > 2 then alert.send(ns, string.format("%d orders", seen)) end
end
"""

HEKA_ENCODER = """\
require "cjson"

local index = read_config("index") or "heka"

function process_message()
    local header = cjson.encode({index = {_index = index, _type = read_message("Type")}})
    local fields = {}
    while true do
        local typ, name, value, representation, count = read_next_field()
        if not typ then break end
        fields[name] = value
    end
    add_to_payload(header, "\\n", cjson.encode({id = fields.id, state = fields.state}), "\\n")
    inject_payload()
    return 0
end
"""


def test_the_three_kinds_of_heka_without_front_matter(bench):
    for name, text in {"orders": HEKA_DECODER, "order_graph": HEKA_FILTER, "order_es": HEKA_ENCODER}.items():
        bench.write(f"{name}.lua", text)
    lines = [b"id=1 price=3.50 state=paid", b"nonsense", b"id=2 price=1 state=open", b"id=3 price=2 state=paid"]
    bench.once(
        {
            "inputs": {
                "in": {
                    "type": "file",
                    "path": bench.write("in.log", lines),
                    "decoder": {"filename": "orders.lua", "config": {"type": "shop.order"}},
                }
            },
            "filters": {
                "graph": {
                    "filename": "order_graph.lua",
                    "message_matcher": "Type == 'shop.order'",
                    "ticker_interval": 3600,
                    "config": {"rows": 5},
                }
            },
            "outputs": {
                "es": to_text(
                    bench.path("es"),
                    "Type == 'shop.order'",
                    encoder={"filename": "order_es.lua", "config": {"index": "o"}},
                ),
                "graph": to_json(bench.path("graph"), "Type == 'heka.sandbox-output'"),
            },
        },
        status=65,
    )

    assert [letter["reason"] for letter in bench.dead_letters()] == ["orders: process_message returned -1"]
    documents = bench.jsons("es")
    assert documents[0] == {"index": {"_index": "o", "_type": "shop.order"}}
    assert documents[1::2] == [{"id": n, "state": state} for n, state in ((1, "paid"), (2, "open"), (3, "paid"))]
    sent = {message["payload_type"]: message for message in bench.jsons("graph")}
    assert sent.keys() == {"cbuf", "json", "alert"}
    assert json.loads(sent["json"]["Payload"]) == {"paid": 2, "open": 1}
    header = json.loads(sent["cbuf"]["Payload"].splitlines()[0])
    assert (header["rows"], [column["name"] for column in header["column_info"]]) == (5, ["paid", "open"])
    assert sent["alert"]["Payload"] == "3 orders"


def test_the_state_of_a_script_of_heka_goes_on_after_a_restart(bench):
    bench.write("order_graph.lua", HEKA_FILTER)
    bench.write("orders.lua", HEKA_DECODER)
    config = {
        "inputs": {
            "in": {
                "type": "file",
                "path": bench.path("in.log"),
                "keep_position": True,
                "decoder": {"filename": "orders.lua"},
            }
        },
        "filters": {
            "graph": {
                "filename": "order_graph.lua",
                "message_matcher": "Type == 'order'",
                "ticker_interval": 3600,
                "preserve_data": True,
            }
        },
        "outputs": {"o": to_json(bench.path("o"), "Fields[payload_type] == 'json'")},
    }
    lines = [b"id=1 price=3.50 state=paid\n", b"id=2 price=1 state=open\n"]
    for _ in (1, 2):
        with (bench.folder / "in.log").open("ab") as file:
            file.writelines(lines)
        bench.once(config)

    assert [json.loads(message["Payload"]) for message in bench.jsons("o")] == [
        {"paid": count, "open": count} for count in (1, 2)
    ]


HINDSIGHT_ANALYSIS = """\
-- Counts messages by a field and reports each interval.
require "string"
local hll = require "hyperloglog"

local field    = read_config("field") or error("field must be set")
local interval = read_config("ticker_interval")
local labels   = read_config("labels")
local logger   = read_config("Logger")
local host     = read_config("Hostname")
assert(type(read_config("Pid")) == "number" and read_config("output_path") == nil)
assert(read_config("filename") == "by_field.lua" and read_config("message_matcher"))

counts = {}
distinct = hyperloglog.new()

function process_message()
    local value = read_message(field)
    if value == nil then return -1, "no " .. field end
    counts[value] = (counts[value] or 0) + 1
    distinct:add(read_message("Payload", nil, nil, false))
    return 0
end

function timer_event(ns, shutdown)
    local msg = {Type = "counts", Payload = labels[1] .. labels[2], Fields = {
        {name = "interval", value = interval, value_type = 2},
        {name = "logger", value = logger}, {name = "same_host", value = host == read_config("Hostname")},
    }}
    for value, count in pairs(counts) do msg.Fields[#msg.Fields + 1] = {name = value, value = count, value_type = 2} end
    inject_message(msg)
end
"""

CFG = """\
-- what Hindsight would be given
local minute = 60
filename        = "by_field.lua"
message_matcher = "Logger == 'in'" -- all
ticker_interval = 1
memory_limit    = 8 * 1024 * 1024
instruction_limit, output_limit = nil
"""


def test_a_cfg_file_of_hindsight_runs_its_script(bench):
    plugins = bench.folder / "plugins" / "filters"
    plugins.mkdir(parents=True)
    host = bench.start(
        {
            "inputs": {"in": {"type": "generate", "lines": ["x {sequence}"], "rate": 2000}},
            "outputs": {"o": to_json(bench.path("o"), "Type == 'heka.sandbox.counts'")},
        }
    ).ready()
    cfg = CFG.replace("instruction_limit, output_limit = nil\n", 'field = "Logger"\nlabels = { "a", [[b]], }\n')

    (plugins / "by_field.lua").write_text(HINDSIGHT_ANALYSIS)
    host.saw("or add a by_field.cfg")
    (plugins / "first.cfg").write_text(cfg)
    until(lambda: "first" in host.sandboxes(), "the filter")
    (plugins / "second.cfg").write_text(CFG)
    host.saw("second.cfg:7")
    (plugins / "second.cfg").write_text(cfg.replace("Logger ==", "Logger !="))
    until(lambda: {"first", "second"} <= set(host.sandboxes()), "the same script twice")
    until(lambda: bench.read("o").count(b"\n") > 1, "what it says")
    (plugins / "second.cfg").unlink()
    until(lambda: "second" not in host.sandboxes(), "the end of the second")

    assert host.terminate() == 0
    said = [message for message in bench.jsons("o") if message["Logger"] == "first"]
    assert said[-1]["Payload"] == "ab"
    assert (said[-1]["interval"], said[-1]["logger"], said[-1]["same_host"]) == (1, "first", True)
    assert said[-1]["in"] > 0


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a = 1; b = -2.5 c = 0x10", {"a": 1, "b": -2.5, "c": 16}),
        ("a = 1024 * 1024 + 1 b = a / 2 c = 2 * (3 - 1)", {"a": 1048577, "b": 524288.5, "c": 4}),
        ("local base = 'x' a = base .. \"\\ty\\065\" .. 7", {"a": "x\tyA7"}),
        ("a = [==[\none ]] two]==] --[[ b = 1 ]]", {"a": "one ]] two"}),
        (
            "t = {x = {1, 2.5, 'z'}, ['a b'] = {y = false}, u = nil} n = nil e = {}",
            {"t": {"x": [1, 2.5, "z"], "a b": {"y": False}}, "e": {}},
        ),
    ],
)
def test_what_a_cfg_may_say(tmp_path, text, options):
    errors = []
    (tmp_path / "filters").mkdir()
    (tmp_path / "filters" / "s.lua").write_text("function process_message() return 0 end")
    path = tmp_path / "filters" / "f.cfg"
    path.write_text(f'filename = "s.lua" message_matcher = "TRUE"\n{text}')

    cfg = hindsight_cfg.parse(path, errors)
    assert cfg is not None, errors
    made = hindsight_cfg.to_filter(cfg, Library(tmp_path), HostSettings(), errors)

    assert errors == []
    assert made.sandbox.config == options


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a = os.getenv('HOME')", 2, "`os` is not data"),
        ("a = f{}", 2, "`f`"),
        ("\na = b", 3, "`b` has not been assigned"),
        ("a = function() end", 2, "`function`"),
        ("if x then y = 1 end", 2, "`=` is missing"),
        ("a = {1, x = 2}", 2, "either a list or a set"),
        ("a = {[1] = 2}", 2, "must be text"),
        ("a = 'x\ny'", 2, "Unexpected"),
        ("a = '\\255'", 2, "not UTF-8"),
        ("a = 1 / 0", 2, "Division by zero"),
        ("a = 10 .. {}", 2, "joins text and numbers"),
        ("a = " + "{" * 100, 2, "Nested too deeply"),
        ("a = " + "(" * 1000, 2, "Nested too deeply"),
        ("a = " + "-" * 1000 + "1", 2, ""),
        ("a = 1e999", 2, "too large"),
        ("shutdown_on_terminate = true", 2, "cannot stop the host"),
        ("filename = 'no.lua'", 2, "no script `no.lua`"),
        ("filename = '../s.lua'", 2, ""),
        ("ticker_interval = 'often'", 2, "Expected a number"),
    ],
)
def test_what_is_wrong_with_a_cfg_is_said_with_its_line(tmp_path, text, line, why):
    errors = []
    (tmp_path / "filters").mkdir()
    (tmp_path / "filters" / "s.lua").write_text("function process_message() return 0 end")
    path = tmp_path / "filters" / "f.cfg"
    path.write_text(f'filename = "s.lua" message_matcher = "TRUE"\n{text}')

    cfg = hindsight_cfg.parse(path, errors)

    assert cfg is None or hindsight_cfg.to_filter(cfg, Library(tmp_path), HostSettings(), errors) is None
    assert (errors[0].line, why in errors[0].message) == (line, True), errors


PIECES = st.sampled_from(
    [
        "a",
        "=",
        "1",
        "'x'",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ",",
        "..",
        "-",
        "*",
        "/",
        "[[",
        "]]",
        "--",
        "\n",
        "1e308",
        "0x",
        '"',
        "\\",
        "nil",
    ]
)


@settings(max_examples=examples(300))
@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=30).map(lambda pieces: " ".join(pieces).encode())))
def test_no_bytes_of_a_cfg_break_its_reader(source):
    errors = []

    assert (lua_data.parse(source, "f.cfg", errors) is None) == bool(errors)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("local f = io.open('x')", "scripts have no files"),
        ("local x = os.getenv('HOME')", "what they need to know is in read_config"),
        ("loadstring('x')()", "a module in sandbox_dir/modules"),
        ("module('x')", "local M = {} ... return M"),
        ("coroutine.create(print)", "keep what has to go on in a table"),
    ],
)
def test_what_no_sandbox_has_is_named_with_what_takes_its_place(code, why):
    from tests.lua_runtime import KERNEL, load_module, new_runtime

    runtime = new_runtime(*KERNEL)
    said = runtime.eval(b"""function(code)
      local f = setfenv(loadstring(code), { os = {}, print = print })
      return select(2, pcall(f))
    end""")(code.encode())

    assert why in load_module(runtime, "unsupported_api")[b"explain"](said).decode()
    assert load_module(runtime, "unsupported_api")[b"explain"](b"x: my own error") == b"x: my own error"
