"""A host under load that has something of everything: what the tests of the page and its screenshots look at."""

from tests.admin.client import admin_section

STATUSES = """
require "circular_buffer"
local cb = circular_buffer.new(300, 3, 1)
local OK = cb:set_header(1, "ok")
local CLIENT = cb:set_header(2, "client_error")
local SERVER = cb:set_header(3, "server_error")
local total, noted = 0, 0

function process_message()
  local status = read_message("Fields[status]")
  total = total + 1
  if total == 1 then print("the first one") end
  cb:add(read_message("Timestamp"), status >= 500 and SERVER or status >= 400 and CLIENT or OK, 1)
  return 0
end

function timer_event(ns, shutdown)
  noted = noted + 1
  if noted % 10 == 3 then cb:annotate(ns, SERVER, "alert", "more errors than usual") end
  inject_payload("cbuf", "status", tostring(cb))
  inject_payload("txt", "total", total)
end

function read_total() return {total = total} end
"""

FRAGILE = """
function process_message()
  local n = read_message("Fields[n]")
  if n == 5000 then while true do end end
  if n % 1000 == 999 then return -1, "this number is not liked" end
  return 0
end
"""

STATUSES_HEADER = """message_matcher: Fields[status] != NIL
ticker_interval: 1
preserve_data: true
readouts:
  total: {function: read_total, description: How many responses there were.}
"""

LINES = [
    '{"n":{sequence},"status":200,"path":"/"}',
    '{"n":{sequence},"status":404,"path":"/missing"}',
    '{"n":{sequence},"status":200,"path":"/about"}',
    '{"n":{sequence},"status":503,"path":"/slow"}',
]


def start(bench, rate=2000):
    """Start it, and wait until it runs."""
    bench.plugin("filter", "statuses", STATUSES, STATUSES_HEADER)
    bench.plugin("filter", "fragile", FRAGILE, "message_matcher: Fields[n] != NIL\n")
    small = {"pack_bytes": 16384, "max_record_bytes": 1024}
    host = bench.start(
        {
            "admin": admin_section(),
            "inputs": {
                "numbers": {"type": "generate", "lines": LINES, "rate": rate, "decoder": "json", **small},
                "noise": {
                    "type": "generate", "lines": ["this is no JSON {sequence}", '{"m":{sequence}}'], "rate": 10,
                    "decoder": "json", **small,
                },
            },
            "outputs": {
                "all": {"type": "file", "path": bench.path("all.jsonl"), "message_matcher": "Fields[n] != NIL",
                        "encoder": "json"},
                "errors": {"type": "null", "message_matcher": "Fields[status] >= 500", "encoder": "json"},
                "nowhere": {"type": "tcp", "address": "127.0.0.1:9", "message_matcher": "Fields[m] != NIL",
                            "encoder": "json"},
            },
        }
    )  # fmt: skip
    return host.ready()
