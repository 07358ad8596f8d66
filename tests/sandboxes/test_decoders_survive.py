"""No line ends a shipped decoder: each gets its own samples, cut and mixed up, in one host."""

import random

import pytest
import yaml

from tests.lua_runtime import ROOT
from tests.running import Bench, to_text

FOLDER = ROOT / "sandboxes" / "lua" / "decoders"
LINES = 400
CONFIGS = {"csv": {"columns": ["a", "b", "c"]}, "syslog_programs": {"program": "sshd"}}


def samples(name):
    cases = yaml.safe_load((FOLDER / f"{name}.cases.yaml").read_text())["cases"]
    found = [step["record"].encode() for case in cases for step in case.get("steps", []) if "record" in step]
    return found or [b"\x08\x01text"]


def mixed(name):
    """Lines near the samples: parts of them, put together anew, with bytes of any kind in between."""
    dice = random.Random(name)
    given = samples(name)
    for _ in range(LINES):
        parts = []
        for _ in range(dice.choice((1, 1, 2, 4))):
            whole = dice.choice(given)
            start = dice.randint(0, len(whole)) if dice.random() < 0.3 else 0
            parts.append(whole[start : dice.randint(start, len(whole)) if dice.random() < 0.5 else len(whole)])
            if dice.random() < 0.3:
                parts.append(dice.randbytes(dice.randint(0, 3)))
        yield b"".join(parts).replace(b"\n", b"\0")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_no_line_ends_a_decoder(tmp_path):
    bench = Bench(tmp_path)
    names = sorted(path.stem for path in FOLDER.glob("*.lua"))
    inputs = {
        name: {
            "type": "file",
            "path": bench.write(f"{name}.log", list(mixed(name))),
            "decoder": {"type": name, **({"config": CONFIGS[name]} if name in CONFIGS else {})},
            "packs": 2,
            "pack_bytes": 65536,
            "max_record_bytes": 16384,
        }
        for name in names
    }
    outputs = {
        "all": {**to_text(bench.path("out")), "encoder": {"type": "template", "config": {"template": "%{Logger}"}}}
    }
    try:
        host = bench.once({"inputs": inputs, "outputs": outputs}, status=65)
        refused = bench.dead_letters()
    finally:
        bench.close()

    decoded = bench.read("out").decode().splitlines()
    assert "terminated" not in host.log.lower(), host.log
    assert len(decoded) + len(refused) == LINES * len(names)
