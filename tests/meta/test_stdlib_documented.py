"""Each module of the standard library says in its head what it is for, and has a table of cases."""

import re

import pytest

from tests.lua_runtime import ROOT, STDLIB

CASES = ROOT / "tests" / "sandbox_stdlib" / "cases"
NAMED = {name for file in CASES.glob("*.lua") for name in re.findall(r'"([\w.]+?)"', file.read_text())}
MODULES = sorted(STDLIB.rglob("*.lua"))
ANOTHER_NAME = re.compile(r'\A(-- .*\n)+return (require "[\w.]+"|\{syslog_grammar = .*\})\n\Z')
PART_OF = re.compile(r"(?:[Uu]sed through the module|data for)\s+(?:-- )?(\w+)")


def name_of(file):
    return ".".join(file.relative_to(STDLIB).with_suffix("").parts)


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_a_module_is_documented_and_has_cases(file):
    text = file.read_text()
    if ANOTHER_NAME.match(text):
        return
    head = text[:1500].split("\nlocal ")[0]
    assert head.startswith("--"), "what it is for stands in its first lines"
    part_of = PART_OF.search(head)
    name = part_of[1] if part_of else name_of(file)

    assert any(known == name or known.endswith(f".{name}") for known in NAMED), "no file of cases requires it"
