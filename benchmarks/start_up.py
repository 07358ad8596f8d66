"""Measures the start-up time of `hekate --help` and of the prompt of `hekate repl`."""

import os
import subprocess
import sys
import time
from statistics import median

import pexpect

from benchmarks.workspace import REPOSITORY

ROUNDS = 9
HELP_LIMIT_MS = 150.0
PROMPT_LIMIT_MS = 400.0


def help_ms() -> float:
    """Return the time from the start of `hekate --help` to its end."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, "-m", "host", "--help"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began_s) * 1000


def prompt_ms() -> float:
    """Return the time from the start of `hekate repl` on a terminal to its prompt."""
    environment = {**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm-256color"}
    began_s = time.perf_counter()
    spawned = pexpect.spawn(sys.executable, ["-m", "host", "repl"], cwd=str(REPOSITORY), env=environment)
    spawned.expect_exact("hekate>")
    elapsed_ms = (time.perf_counter() - began_s) * 1000
    spawned.close(force=True)
    return elapsed_ms


def main() -> int:
    """Measure both and compare them with their limits."""
    is_within = True
    for name, measure, limit_ms in (("--help", help_ms, HELP_LIMIT_MS), ("repl, prompt", prompt_ms, PROMPT_LIMIT_MS)):
        found_ms = median(measure() for _ in range(ROUNDS))
        is_within = is_within and found_ms <= limit_ms
        print(f"hekate {name}: {found_ms:.0f} ms (at most {limit_ms:.0f})")
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
