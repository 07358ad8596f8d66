"""The keys of the JSON that the verbs write. docs/cli.md is generated from them, and tests check the verbs.

A shape is a set of key paths. `[]` stands for each item of a list, `*` for any key; a key with `?` may be missing.
"""

_FAULT = {"file": "", "line": "0 if unknown", "path": "in the configuration", "message": "", "hint": "what to do"}
_FAULTS = {f"errors[].{key}": said for key, said in _FAULT.items()}
_OPTION = {"name": "", "type": "", "description": "", "required": "", "default": "", "choices": "null, or all of them"}

SHAPES: dict[str, dict[str, str]] = {
    "validate": {
        "valid": "whether it is",
        **_FAULTS,
        "counts.*": "how many inputs, filters and outputs",
        "notes[]": "what was cut to a maximum",
    },
    "test": {
        "passed": "how many",
        "failed": "how many",
        **_FAULTS,
        "elapsed_ms": "",
        "cases[].name": "",
        "cases[].file": "",
        "cases[].line": "",
        "cases[].passed": "",
        "cases[].elapsed_ms": "",
        "cases[].differences[].where": "as `step 2: message 1: Fields[status]`",
        "cases[].differences[].line": "",
        "cases[].differences[].expected": "as text",
        "cases[].differences[].got": "as text",
        "coverage[].file": "a plugin, or a module of yours",
        "coverage[].lines": "how many can run",
        "coverage[].percent": "that did",
        "coverage[].missed[]": "lines that did not",
        "coverage[].missed_ranges[][]": "first and last of each stretch of them",
        "coverage_percent": "of all; null without --coverage",
    },
    "new": {
        "path": "the file that was written",
        "next": "the command to try next",
        "shadows": "whether it goes before one of the same name that comes with Hekate",
    },
    "graph": {
        "nodes[]": "places, as `inputs.access`",
        "edges[].source": "",
        "edges[].target": "",
        "warnings[]": "",
    },
    "files": {
        "[].input": "",
        "[].path": "",
        "[].size": "bytes",
        "[].resume_at": "bytes",
        "[].status": "what would become of it, as text",
        "[].is_packed": "whether it is gzip",
    },
    "sandbox unload": {"name": "", "unloaded": "true"},
    "tap": {
        "Uuid?": "",
        "Timestamp": "nanoseconds since 1970",
        "Type": "",
        "Logger": "",
        "Severity": "",
        "Payload": "",
        "EnvVersion": "",
        "Pid": "",
        "Hostname": "",
        "Fields[].name": "",
        "Fields[].value": "",
        "Fields[].value_type": "",
        "Fields[].representation": "",
    },
    "top": {
        **{f"[].{key}": "as in the graph of the API" for key in (
            "id", "stage", "name", "type", "state", "health", "reason", "message_matcher", "received_per_second",
            "sent_per_second", "errors_per_second", "dropped_per_second", "failed_share", "last_error", "lag_ms",
            "queue_packs", "waiting_ms", "held_by", "sandboxes[]", "cpu_ms", "memory_bytes", "memory_limit",
        )},
        "[].cpu_percent": "of one core; null if it has no sandbox",
        "[].memory_percent": "of its limit; null if it has no sandbox",
    },
    "deadletters replay": {"done[]": "letters that are not there any more", "failed.*": "why it stays, by letter"},
    "deadletters drop": {"done[]": "letters that are not there any more", "failed.*": "why it stays, by letter"},
    "inject": {"sent": "messages or lines", "bytes": ""},
    "flood": {"lines": "that were taken", "bytes": "", "seconds": "", "lines_per_second": ""},
    "doctor": {
        "[].name": "what was looked at",
        "[].state": "`ok`, `warning` or `wrong`",
        "[].text": "",
        "[].mend": "a command; empty if nothing is to be done",
    },
    "list": {
        **{f"*[].{key}": said for key, said in {
            "stage": "", "name": "", "summary": "", "language": "`python` or `lua`", "prose": "", "message_matcher": "",
            "ticker_interval": "", "preserve_data": "", "path": "",
        }.items()},
        **{f"*[].options[].{key}": said for key, said in _OPTION.items()},
    },
    "version": {"*": "by name: hekate, python, and libraries"},
}  # fmt: skip

OF_THE_API = {
    "graph (without CONFIG)": "GET /api/v1/graph, and its `warnings`",
    "sandbox list": "the items of GET /api/v1/sandboxes",
    "sandbox show, load, start, stop, restart, pause, resume": "GET /api/v1/sandboxes/{name}",
    "sandbox logs": "the items of GET /api/v1/sandboxes/{name}/logs",
    "sandbox state": "GET /api/v1/sandboxes/{name}/state",
    "sandbox rollback": "the items of GET /api/v1/sandboxes/{name}/versions, or the sandbox",
    "deadletters list": "the items of GET /api/v1/dead-letters",
    "deadletters show": "GET /api/v1/dead-letters/{id}",
}
"""Verbs that pass on the host's answer."""


def markdown() -> list[str]:
    """Return the section of docs/cli.md."""
    lines = [
        "## What --format json says", "",
        "`[]` stands for each item of a list, `*` for any key. Keys stay; new ones may come.", "",
    ]  # fmt: skip
    for verb, shape in SHAPES.items():
        lines += [f"### JSON of hekate {verb}", "", "| key | meaning |", "|---|---|"]
        lines += [f"| `{path}` | {said} |" for path, said in shape.items()] + [""]
    lines += [
        "### JSON of the API",
        "",
        "These verbs pass on what the host answers ([admin-api.md](admin-api.md)).",
        "",
    ]
    lines += ["| hekate ... | what |", "|---|---|", *(f"| {verb} | {said} |" for verb, said in OF_THE_API.items()), ""]
    return lines
