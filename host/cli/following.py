"""`hekate cat --follow`: a pipeline that goes on as the files grow, in a process of its own."""

import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson

from host.cli import decoded

_LOOK_EVERY_MS = 100


def follow(config: Path, to: str, counting: decoded.Counting) -> int:
    """Show what is in the files of a configuration, and what they grow by; answers the exit status."""
    command = [sys.executable, "-m", "host", "run", "--quiet", "--log-level", "error", str(config)]
    as_it_comes = to in {"json", "protobuf"}
    process = subprocess.Popen(command, stdout=None if as_it_comes else subprocess.PIPE, start_new_session=True)
    lines = Lines(process)
    try:
        if to == "counts":
            decoded.show_counts(Counter(lines), counting)
        elif to == "text":
            for line in lines:
                decoded.show(orjson.loads(line))
        else:
            lines.wait()
    except BaseException:
        process.kill()  # nobody looks any more
        raise
    finally:
        status = process.wait()
    return status


class Lines:
    """The lines that a process writes; Ctrl-C has it drain, and what still comes is taken."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def __iter__(self) -> Iterator[bytes]:
        assert self._process.stdout is not None
        while True:
            try:
                line = self._process.stdout.readline()
            except KeyboardInterrupt:
                self._process.send_signal(signal.SIGINT)
                continue
            if not line:
                return
            yield line

    def wait(self) -> None:
        """Wait for the end of the process, which writes to our stdout.

        Raises:
            BrokenPipeError: Whoever read that has gone.
        """
        reader = select.poll()
        reader.register(sys.stdout.fileno(), 0)
        while self._process.poll() is None:
            try:
                gone = any(event & select.POLLERR for _, event in reader.poll(_LOOK_EVERY_MS))
                self._process.wait(0 if gone else _LOOK_EVERY_MS / 1000)
            except subprocess.TimeoutExpired:
                if gone:
                    raise BrokenPipeError from None
            except KeyboardInterrupt:
                self._process.send_signal(signal.SIGINT)
