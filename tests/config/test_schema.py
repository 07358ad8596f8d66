"""The JSON Schema agrees with the loader about what is valid."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from host.config.schema import config_schema

ROOT = Path(__file__).resolve().parents[2]
INPUT = "inputs: {in: {type: file, path: x}}\n"


@pytest.fixture(scope="module")
def validator():
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_are_valid(validator, path):
    validator.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        INPUT,
        "inputs: {file: {path: x}}",
        "inputs: {in: {type: file, path: x, packs: '${PACKS:-4}', oversize: '${WHAT}'}}",
        "inputs: {in: {type: file, path: x, splitter: {type: token, count: 2}, decoder: [json, {type: json}]}}",
        "splitters: {lines: {type: token}, 'null': null}",
        "filters: {mine: {filename: mine.lua, message_matcher: 'TRUE', queue: {policy: drop_oldest}}}",
        "decoders: {d: {type: json, config: {maximum_depth: 3}, memory_limit: 2097152}}",
        "x-anchors: [1, 2]\nhekate: {log_level: debug}",
    ],
)
def test_what_the_loader_takes_is_valid(validator, text):
    validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "inputz: {}",
        "hekate: {log_levl: info}",
        "hekate: {max_loops: many}",
        "inputs: {in: {type: file}}",
        "inputs: {in: {type: file, path: x, pth: y}}",
        "inputs: {in: {type: nothing, path: x}}",
        "inputs: {in: {path: x}}",
        "inputs: {a/b: {type: file, path: x}}",
        "outputs: {o: {type: console}}",
        "decoders: {d: {type: json, config: {depth: 3}}}",
        "decoders: {d: {type: json, config: {maximum_depth: deep}}}",
        "filters: {f: {filename: x.lua, queue: {policy: blok}}}",
    ],
)
def test_what_the_loader_refuses_is_not(validator, text):
    assert not validator.is_valid(yaml.safe_load(text))
