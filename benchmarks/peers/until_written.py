"""Runs a program that never exits by itself, and stops it when its output has not grown for a while.

python until_written.py OUTPUT COMMAND...
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

_QUIET_S = 1.0
_FIRST_S = 2.0
"""Maximum time until the first output. A short input may produce none."""
_LOOK_EVERY_S = 0.1
_MAX_STOP_S = 30.0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def wait_until_quiet(output: Path, process: "subprocess.Popen[bytes]") -> None:
    size, since_s = 0, time.monotonic()
    while process.poll() is None:
        now_s, now = time.monotonic(), _size(output)
        if now != size:
            size, since_s = now, now_s
        if now_s - since_s > (_QUIET_S if size else _FIRST_S):
            return
        time.sleep(_LOOK_EVERY_S)


def main() -> None:
    output, command = Path(sys.argv[1]), sys.argv[2:]
    output.unlink(missing_ok=True)
    process = subprocess.Popen(command)
    wait_until_quiet(output, process)
    if process.poll() is not None:
        sys.exit(f"{command[0]} ended by itself with status {process.returncode}.")
    process.send_signal(signal.SIGTERM)
    process.wait(_MAX_STOP_S)


if __name__ == "__main__":
    main()
