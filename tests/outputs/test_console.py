"""The console output, seen from the other end of standard output."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import asyncio, pathlib, sys
from host.core.errors import DeliveryError
from host.outputs.console import ConsoleOutput
from host.testing.batches import batch_of

async def main():
    output = ConsoleOutput("test", ConsoleOutput.Options(), None, state_dir=pathlib.Path("."))
    await output.open()
    turns = 0
    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)
    counter = asyncio.create_task(count())
    await asyncio.sleep(0)
    try:
        for number in range(int(sys.argv[1])):
            waiting = output.write(batch_of(b"x" * 99_999 + b"\\n"))
            if waiting is not None:
                await waiting
    except DeliveryError as error:
        print(type(error).__name__, error, file=sys.stderr)
    counter.cancel()
    print("turns", turns, file=sys.stderr)

asyncio.run(main())
"""


def start(count, **pipes):
    command = [sys.executable, "-c", CODE, str(count)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **pipes)


def test_everything_arrives_through_a_pipe_and_the_loop_runs_meanwhile():
    with start(20, stdout=subprocess.PIPE) as process:
        os.read(process.stdout.fileno(), 1)
        # Read slowly: by far less than the kernel would buffer.
        data = b"x" + b"".join(iter(lambda: os.read(process.stdout.fileno(), 1000), b""))
        errors = process.stderr.read()

    assert data == (b"x" * 99_999 + b"\n") * 20
    assert int(errors.split()[-1]) >= 1


def test_everything_arrives_in_a_file(tmp_path):
    with (tmp_path / "out").open("wb") as file, start(5, stdout=file) as process:
        process.communicate()

    assert (tmp_path / "out").read_bytes() == (b"x" * 99_999 + b"\n") * 5


def test_a_reader_that_has_gone_is_a_rejection():
    with start(20, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        errors = process.stderr.read().decode()

    assert "RejectBatch stdout was closed by its reader" in errors


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_target_is_tried_again():
    with Path("/dev/full").open("wb") as full, start(1, stdout=full) as process:
        errors = process.stderr.read().decode()

    assert "RetryDelivery cannot write to stdout: No space left on device" in errors
