"""What the verbs write as JSON has the keys that docs/cli.md says."""

import json

from tests.cli.json_shapes import check_shape
from tests.cli.many import many
from tests.running import PLUGIN

CONFIG = """inputs: {a: {type: file, path: '*.log', decoder: mine}}
outputs: {o: {type: 'null', message_matcher: "Type == 'x'", encoder: json}}
hekate: {sandbox_dir: plugins}
tests:
  it_fails:
    given: [{input: a, records: [x]}]
    expect: {outputs.o: {count: 7}}
"""
COMMANDS = {
    "version": ["version"],
    "list": ["list", "--sandbox-dir", "plugins"],
    "doctor": ["doctor", "hekate.yaml"],
    "files": ["files", "hekate.yaml"],
    "graph": ["graph", "hekate.yaml"],
    "validate": ["validate", "bad.yaml"],
    "new": ["new", "decoder", "fresh"],
    "test": ["test", "--coverage", "hekate.yaml", "bad.yaml"],
}


def test_documents_have_the_documented_keys(tmp_path):
    (tmp_path / "hekate.yaml").write_text(CONFIG)
    (tmp_path / "bad.yaml").write_text("inputz: {}\n")
    (tmp_path / "a.log").write_text("x\n")
    plugin = tmp_path / "plugins" / "decoders" / "mine.lua"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(
        PLUGIN.format(kind="decoder", name="mine", code="function process_message() return 0 end", header="")
    )
    answers = many([[*line, "--format", "json"] for line in COMMANDS.values()], tmp_path)

    for verb, answer in zip(COMMANDS, answers, strict=True):
        assert answer.out, (verb, answer)
        check_shape(verb, json.loads(answer.out))
