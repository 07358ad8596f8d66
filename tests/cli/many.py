"""Runs many command lines in one process, as a user would type them one after the other: a start takes 0.1 s."""

import json
import os
import subprocess
import sys
from typing import NamedTuple

from tests.running import ROOT

_PROGRAM = """
import json, os, sys, tempfile
from host.cli import main

said = os.dup(1)
found = []
for arguments in json.load(sys.stdin):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        status = main.run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        out.seek(0)
        err.seek(0)
        found.append([status, out.read().decode(errors="replace"), err.read().decode(errors="replace")])
os.write(said, json.dumps(found).encode())
"""


class Said(NamedTuple):
    """What came of a command line."""

    status: int
    out: str
    err: str


def many(command_lines, cwd, env=None):
    """Run them; answers what each said."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HEKATE_TRACEBACK": "", **(env or {})}
    given = json.dumps([[str(argument) for argument in line] for line in command_lines])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], input=given, capture_output=True, text=True, timeout=120, env=environment,
        cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Said(*each) for each in json.loads(done.stdout)]
