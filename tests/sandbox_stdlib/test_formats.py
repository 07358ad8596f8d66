"""Formats that servers and programs write with, lines as they then write, and the grammars made of the formats."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lua_runtime import ROOT, STDLIB, load_module, new_runtime, to_python

HERE = ROOT / "tests" / "sandbox_stdlib"
RUNTIME = new_runtime(STDLIB, HERE)
CLF = load_module(RUNTIME, "common_log_format")
SYSLOG = load_module(RUNTIME, "syslog")
PRINTF = load_module(RUNTIME, "printf")
MAKE = RUNTIME.eval(b"function(declared, alternatives) return declared { alternatives = alternatives } end")
DECLARED = load_module(RUNTIME, "declared")
LIST = RUNTIME.eval(b"function(...) return { { ... } } end")
FORMATS = yaml.safe_load((Path(__file__).parent / "formats.yaml").read_text())


def alternatives_of(kind: str, given: dict[str, Any]) -> Any:
    text = given["format"].encode()
    if kind == "nginx":
        return CLF[b"nginx_items"](text, given.get("escape", "default").encode())
    if kind == "apache":
        return CLF[b"apache_items"](text)
    if kind == "rsyslog":
        return SYSLOG[b"rsyslog_items"](text)
    return PRINTF[b"items"](LIST(text, *(name.encode() for name in given["names"])))


def fields_of(found: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field in to_python(found[0]) or []:
        value = field["value"].decode("latin-1") if isinstance(field["value"], bytes) else field["value"]
        fields.setdefault(field["name"].decode(), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


@pytest.mark.parametrize(("kind", "given"), [(kind, each) for kind, listed in FORMATS.items() for each in listed])
def test_a_line_is_taken_apart_as_its_format_says(kind, given):
    found = MAKE(DECLARED, alternatives_of(kind, given))(given["line"].encode())
    assert found is not None, "the line does not match"
    fields = fields_of(found)
    assert {name: fields.get(name) for name in given["fields"]} == given["fields"]
