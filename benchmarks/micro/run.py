"""Micro-benchmarks: pack write, field read, matcher and encoders, in microseconds per record."""

from collections.abc import Iterator
from statistics import median

import orjson
from rich.console import Console

from benchmarks import oracle, show, workspace
from benchmarks.micro import routing
from benchmarks.micro.stage import Pack, Sections, Texts, consume_us, decode_us, decoded, spec_of
from benchmarks.results import Row, Table

_LINES = 50_000

_NOTHING = "function process_message() return 0 end"
_ADD_FIELD = 'function process_message() write_message("Fields[env]", "prod") return 0 end'

MATCHERS = [
    "FALSE",
    "Type == 'other'",
    "Fields[status] >= 600",
    "Fields[request_method] == 'BREW'",
    "Fields[status] >= 600 || Fields[request_method] == 'BREW'",
    "Fields[http_user_agent] =~ /NetCrawler/",
    r"Fields[request_uri] =~ /^\/teapot/",
    "Fields[request_uri] =~ /(tea|coffee)[0-9]+[.]pot/",
    "Timestamp > '2030-01-01T00:00:00Z'",
]
READS = ["Type", "Timestamp", "Payload", "Fields[status]", "Fields[request_uri]", "Fields[absent]"]
ALL_FIELDS = [name if name != "time" else "Timestamp as time" for name in oracle.FIELDS]
ENCODERS: list[tuple[str, Sections]] = [
    ("json, all fields", {"type": "json", "config": {"fields": ALL_FIELDS}}),
    ("json, three fields", {"type": "json", "config": {"fields": ["remote_addr", "status", "request_uri"]}}),
    ("payload", {"type": "payload"}),
    ("template", {"type": "template", "config": {"template": "%{Timestamp} %{status} %{request_uri}"}}),
]


def _inputs() -> dict[str, bytes]:
    """Return the same records in several formats."""
    with workspace.access_log(_LINES).open("rb") as file:
        lines = list(file)
    records = [oracle.parse(line) for line in lines]
    logfmt = (
        " ".join(f"{name}={orjson.dumps(value).decode()}" for name, value in record.items()) for record in records
    )
    return {
        "access": b"".join(lines),
        "json": workspace.access_json(_LINES).read_bytes(),
        "logfmt": "".join(f"{line}\n" for line in logfmt).encode(),
        "syslog": b"".join(b"<134>May  1 12:00:00 web01 nginx[4558]: " + line for line in lines),
    }


def _decoders(inputs: dict[str, bytes]) -> Iterator[tuple[str, str, float]]:
    cases: list[tuple[str, str, Sections, str]] = [
        ("payload", "access", {"decoder": "payload"}, ""),
        ("nginx_access", "access", {"decoder": "nginx_access"}, ""),
        ("json", "json", {"decoder": "json"}, ""),
        ("logfmt", "logfmt", {"decoder": "logfmt"}, ""),
        ("syslog", "syslog", {"decoder": "syslog"}, ""),
        ("script: nothing", "access", {"decoder": {"filename": "script.lua"}}, _NOTHING),
        ("script: write_message", "access", {"decoder": {"filename": "script.lua"}}, _ADD_FIELD),
        (
            "nginx_access, then the script",
            "access",
            {"decoder": ["nginx_access", {"filename": "script.lua"}], "decoder_strategy": "all"},
            _ADD_FIELD,
        ),
    ]
    for name, text, entry, script in cases:
        yield "decoder", name, decode_us(spec_of("inputs", {"type": "stdin", **entry}, script), Texts(inputs[text]))


def _filters(texts: Texts, packs: list[Pack]) -> Iterator[tuple[str, str, float]]:
    def cost(matcher: str, script: str) -> float:
        entry = {"filename": "script.lua", "message_matcher": matcher}
        return consume_us(spec_of("filters", entry, script), texts, packs)

    for matcher in MATCHERS:
        yield "matcher", matcher, cost(matcher, _NOTHING)
    empty = cost("TRUE", _NOTHING)
    yield "filter", "an empty process_message", empty
    for name in READS:
        script = f'local v function process_message() v = read_message("{name}") return v == 0.5 and -1 or 0 end'
        yield "field read", f"{name}, without the call", cost("TRUE", script) - empty


def _encoders(texts: Texts, packs: list[Pack]) -> Iterator[tuple[str, str, float]]:
    for name, encoder in ENCODERS:
        entry = {"type": "null", "encoder": encoder, "message_matcher": "TRUE"}
        yield "encoder", name, consume_us(spec_of("outputs", entry), texts, packs)


def _measurements() -> Iterator[tuple[str, str, float]]:
    inputs = _inputs()
    yield from _decoders(inputs)
    texts = Texts(inputs["access"])
    with_payload = {"type": "nginx_access", "config": {"payload_keep": True}}
    packs = decoded(spec_of("inputs", {"type": "stdin", "decoder": with_payload}), texts)
    yield from _filters(texts, packs)
    yield from _encoders(texts, packs)
    yield from routing.measurements()


def main(console: Console, repeat: int) -> None:
    """Measure all components and print the results."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(repeat):
        for part, what, us in _measurements():
            found.setdefault((part, what), []).append(us)
    rows = [Row(part, what, f"{median(times):.3f}", "", "", None) for (part, what), times in found.items()]
    notes = ["CPU per record of what the stage was given; of the router, per pack. Medians, after a first pass."]
    show.print_table(Table("Parts", ("part", "what", "µs", "", "", ""), rows, notes), console)
