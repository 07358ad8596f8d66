"""What is generated is committed as it is generated; what is shown is valid."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from host.cli import reference
from host.config.load import load

ROOT = Path(__file__).resolve().parents[2]
ENV = {"INPUT": "in.log", "OUTPUT": "out.jsonl", "HOME": "/"}

pages = cache(reference.pages)
_FENCE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fences():
    """Whole configurations in the pages; a fragment has no inputs."""
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        for number, match in enumerate(_FENCE.finditer(page.read_text()), 1):
            if "inputs:" in match[1]:
                yield pytest.param(match[1], id=f"{page.relative_to(ROOT)}:{number}")


@pytest.mark.parametrize("path", sorted(pages()))
def test_generated_pages_are_fresh(path):
    committed = ROOT / path

    assert committed.is_file(), "run `make generate`"
    assert committed.read_text() == pages()[path], "run `make generate`"


def test_the_reference_file_is_valid_yaml_with_and_without_its_comments():
    text = (ROOT / "conf" / "reference.yaml").read_text()
    uncommented = "".join(line.removeprefix("# ") for line in text.splitlines(keepends=True)[3:])

    assert yaml.safe_load(text) is None
    assert yaml.safe_load(uncommented.replace("#\n", "\n")).keys() >= {"hekate", "inputs", "outputs"}


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_a_valid_configuration(path):
    assert load([path], ENV).config.inputs


@pytest.mark.parametrize("text", list(fences()))
def test_every_configuration_in_the_documentation_is_valid(text, tmp_path):
    path = tmp_path / "page.yaml"
    path.write_text(text)

    assert load([path], ENV).config.inputs


def test_references_within_the_json_schema_resolve():
    document = json.loads((ROOT / "conf" / "schema" / "config.schema.json").read_text())

    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
            for child in node.values():
                yield from references(child)
        elif isinstance(node, list):
            for child in node:
                yield from references(child)

    assert {ref.removeprefix("#/$defs/") for ref in references(document)} <= document["$defs"].keys()
