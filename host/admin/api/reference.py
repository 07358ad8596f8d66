"""docs/admin-api.md and `/docs`, made from the declared routes."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from collections.abc import Iterator, Sequence
from typing import Any

from host.admin.api import openapi
from host.admin.api.route_spec import Routes
from host.telemetry.metrics import DROPS, ERRORS, SPECS, STATES, VERSIONS, WAITS

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { border-bottom: 1px solid; margin-top: 3rem; }
code { font: 0.9em ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 0.6rem; border-bottom: 1px solid #8884; }
section { margin: 2rem 0; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def markdown(parts: Sequence[Routes], mark: str) -> str:
    """The reference of the API as a page of the documentation."""
    document = openapi.document(parts)
    lines = ["# The admin API", "", mark, "", _INTRODUCTION.strip()]
    for part in parts:
        lines += ["", f"## {part.tag}", "", part.about]
        for title, operation in _operations(part, document):
            lines += ["", f"### `{title}`", "", operation["summary"], "", operation["description"]]
            lines += _markdown_parameters(operation)
            lines += ["", f"Answers {_answers(operation)}."]
    lines += ["", "## Types", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += [f"### {name}", "", schema.get("description", ""), "", "| field | type | meaning |", "|---|---|---|"]
        for field, kind in schema.get("properties", {}).items():
            lines.append(f"| `{field}` | {_kind(kind)} | {_cell(kind.get('description', ''))} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _operations(part: Routes, document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for route in part.all:
        yield f"{route.method} {route.path}", document["paths"][route.path][route.method.lower()]


def _markdown_parameters(operation: dict[str, Any]) -> list[str]:
    rows = [
        f"| `{parameter['name']}` | {parameter['in']} | {_kind(parameter['schema'])} | "
        f"{_cell(parameter.get('description', ''))} |"
        for parameter in operation["parameters"]
    ]
    body = operation.get("requestBody")
    if body is not None:
        media_type, content = next(iter(body["content"].items()))
        rows.append(f"| | body | {_kind(content['schema'])} | {media_type} |")
    return ["", "| parameter | in | type | meaning |", "|---|---|---|---|", *rows] if rows else []


def _answers(operation: dict[str, Any]) -> str:
    found = []
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {"": {}}).items():
            if media_type != "application/problem+json":
                kind = _kind(content.get("schema", {})) if media_type == "application/json" else media_type
                found.append(f"{status} {kind}".strip())
    problems = [status for status in operation["responses"] if status >= "400"]
    return f"{', '.join(found)}; problems {', '.join(problems)}"


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping to {_kind(schema['additionalProperties'])}"
    kind = schema.get("type", "anything")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


@functools.cache
def page(parts: tuple[Routes, ...]) -> bytes:
    """The reference as a page of HTML that needs nothing from anywhere."""
    document = openapi.document(parts)
    pieces = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Hekate admin API</title>",
        f"<meta name='viewport' content='width=device-width'><style>{_STYLE}</style></head><body><main>",
        "<h1>Hekate admin API</h1>",
        *(f"<p>{_text(paragraph)}</p>" for paragraph in document["info"]["description"].split("\n\n")),
        "<p>The same for programs: <a href='/openapi.json'>openapi.json</a>.</p>",
    ]
    for part in parts:
        pieces.append(f"<h2>{html.escape(part.tag)}</h2><p>{_text(part.about)}</p>")
        for title, operation in _operations(part, document):
            pieces += _html_operation(title, operation)
    pieces.append("<h2>Types</h2>")
    for name, schema in sorted(document["components"]["schemas"].items()):
        rows = [
            (f"<code>{html.escape(field)}</code>", _linked(kind), _text(kind.get("description", "")))
            for field, kind in schema.get("properties", {}).items()
        ]
        pieces.append(f"<section id='{name}'><h3>{name}</h3><p>{_text(schema.get('description', ''))}</p>")
        pieces.append(_table(("field", "type", "meaning"), rows) + "</section>")
    return ("".join(pieces) + "</main></body></html>").encode()


def _html_operation(title: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<section id='{operation['operationId']}'><h3><code>{html.escape(title)}</code></h3>"
    yield f"<p>{_text(operation['summary'])}</p><p>{_text(operation['description'])}</p>"
    rows = [
        (f"<code>{parameter['name']}</code>", parameter["in"], _linked(parameter["schema"]),
         _text(parameter.get("description", "")))
        for parameter in operation["parameters"]
    ]  # fmt: skip
    body = operation.get("requestBody")
    if body is not None:
        media_type, content = next(iter(body["content"].items()))
        rows.append(("", "body", _linked(content["schema"]), media_type))
    if rows:
        yield _table(("parameter", "in", "type", "meaning"), rows)
    yield f"<p>Answers {_text(_answers(operation))}.</p></section>"


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""


def _linked(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    return _text(_kind(schema))


def _text(text: str) -> str:
    """Text with `code` in it."""
    pieces = html.escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))


def metrics_page(mark: str) -> str:
    """The metrics as a page of the documentation."""
    lines = ["# Metrics", "", mark, "", _METRICS.strip(), "", "| metric | type | meaning |", "|---|---|---|"]
    for spec in SPECS:
        name = spec.name if spec.is_gauge else f"{spec.name}_total"
        lines.append(f"| `{name}` | {'gauge' if spec.is_gauge else 'counter'} | {spec.meaning} |")
    lines += [f"| `{spec.name}_total` | counter, with `reason` | {spec.meaning} |" for spec in (ERRORS, DROPS)]
    lines.append(f"| `{VERSIONS.name}_total` | counter, with `version` | {VERSIONS.meaning} |")
    lines.append(f"| `{STATES.name}` | gauge, with `state` | {STATES.meaning} |")
    lines.append(f"| `{WAITS.name}` | gauge, with `holder` | {WAITS.meaning} |")
    return "\n".join(lines) + "\n"


_METRICS = """
`GET /metrics` of the [admin API](admin-api.md) shows them in Prometheus's text format. Units are base units: seconds,
bytes, records, packs. Every metric has three labels: `kind` (the stage), `name` (of the component, as the configuration
has it; decoders are called as their input) and `type` (of the component, or its plugin). A `reason` is one of few fixed
words. So there are as many series as there are components.

A scraper with its token, for `prometheus.yml`:

    scrape_configs:
      - job_name: hekate
        authorization: {credentials_file: /etc/prometheus/hekate-token}
        static_configs: [{targets: ["127.0.0.1:4352"]}]
"""

_INTRODUCTION = """
The API is there if the configuration has a section [`admin`](reference/admin.md):

    admin: {listen: 127.0.0.1:4352}

At the first start a token of the role `admin` is made; it is in `state_dir/admin-token`, which only the host's user can
read:

    TOKEN=$(cat var/hekate/admin-token)
    alias api='curl -sS -H "Authorization: Bearer $TOKEN"'
    api http://127.0.0.1:4352/ready

For more people, or less power, give tokens of their own. Only their hashes stand in the configuration:

    openssl rand -hex 24 | tee alice.token | tr -d '\\n' | sha256sum

    admin:
      tokens:
        - {name: alice, sha256: 5e88..., role: operator}
        - {name: team-a, sha256: 77af..., role: admin, sandboxes: [team_a_]}   # only sandboxes that are called so

By the unix socket (`admin.socket`) no token is needed: the kernel says who it is.

| role | may |
|---|---|
| `viewer` | look at everything |
| `operator` | also pause, stop, start, restart, reload, replay, try scripts out |
| `admin` | also load, change and remove sandboxes and their state |

Whatever changes something is in `state_dir/audit.jsonl`: who, what, when, with which result. Requests that are refused
before anything is done are counted (`hekate_component_errors` of kind `admin`, reason `refused_401` and so on) and
summed up in one line a minute. Every route is described
at `/docs` of a running host, and for programs in `/openapi.json`. Errors are problem details (RFC 9457): `status`,
`title`, `detail` says what to do, `errors` lists faults with file and line.

Lists come in pages of `limit` (100, at most 500) items; the next page is asked for with `cursor=` and the `next_cursor`
of the page before.

## A filter, from its first version to its end

Needs `hekate.sandbox_dir`; what is loaded over the API is a file there, as if somebody had put it there by hand. While
all of this happens, no record is lost and none is seen twice.

    HERE=http://127.0.0.1:4352/api/v1/sandboxes
    api $HERE                                    # what there is
    api -T levels.lua $HERE/levels               # load it: 201, or 400 with the faults and their lines
    api $HERE/levels                             # state, use of limits, costs, the last termination
    api $HERE/levels/logs                        # what it has printed
    api $HERE/levels/outputs                     # the payloads that it has made
    echo 'x = = 1' >> levels.lua
    api -T levels.lua $HERE/levels               # 400; the version before goes on
    api $HERE/levels/versions                    # each version that there was
    api -X POST $HERE/levels/versions/1/restore  # back to one of them
    api -X PATCH -H 'Content-Type: application/json' -d '{"limits": {"cpu_limit": 50}}' $HERE/levels
    api -X POST $HERE/levels/stop                # and start, restart, pause, resume
    api -X DELETE $HERE/levels                   # its versions and its state stay

To try a script before it is loaded, on what flows just now:

    jq -n --rawfile source levels.lua '{source: $source, live: {match: "Fields[level] != NIL", count: 20}}' |
      api -H 'Content-Type: application/json' -d @- $HERE/dry-run

To watch records pass, and what comes out of a filter:

    api -N 'http://127.0.0.1:4352/api/v1/tap?match=Fields%5Blevel%5D+%3D%3D+%22error%22'
    api -N 'http://127.0.0.1:4352/api/v1/tap?point=filters.levels'
"""
