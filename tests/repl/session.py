"""Runs the REPL in a pipe, as a script does."""

import json
import os
import subprocess
import sys

from tests.running import ROOT


def repl(folder, *arguments, script="", env=None):
    """Run the REPL in a folder and return the finished process."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(env or {})}
    command = [sys.executable, "-m", "host", "repl", *map(str, arguments)]
    return subprocess.run(
        command, input=script, capture_output=True, text=True, timeout=300, env=environment, cwd=folder
    )


def answers(folder, *pieces, status=0, script=None, env=None):
    """Return the documents for pieces of code or a script."""
    options = [option for piece in pieces for option in ("-e", piece)]
    result = repl(folder, "--format", "json", *options, script=script or "", env=env)
    assert result.returncode == status, result.stdout + result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]
