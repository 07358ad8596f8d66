"""Standard input through real descriptors, and the generator."""

import asyncio
import os
import time

import msgspec
import pytest

from host.core.errors import StartError
from host.inputs.generate import GenerateInput
from host.inputs.stdin import StdinInput
from tests.inputs.conftest import Harness


@pytest.fixture
def stdin_of(state_dir, monkeypatch):
    def make(fd):
        monkeypatch.setattr(StdinInput, "_fd", fd)
        return Harness(StdinInput, state_dir)

    return make


def test_stdin_from_a_pipe_to_its_end(stdin_of):
    reading, writing = os.pipe()
    harness = stdin_of(reading)
    expected = [b"line %d" % number for number in range(50_000)]

    async def scenario():
        loop = asyncio.get_running_loop()
        data = b"\n".join(expected)
        sending = loop.run_in_executor(None, write_all, writing, data)
        await harness.input.open()
        await harness.input.run()
        await sending
        await harness.close()

    asyncio.run(scenario())
    os.close(reading)

    assert harness.intake.records == expected


def write_all(fd, data):
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def test_stdin_lines_come_while_the_pipe_stays_open(stdin_of):
    reading, writing = os.pipe()
    harness = stdin_of(reading)

    async def scenario():
        async with harness.running() as intake:
            for number in range(3):
                os.write(writing, b"line %d\n" % number)
                await intake.until_records(number + 1)

    asyncio.run(scenario())
    os.close(reading)
    os.close(writing)

    assert harness.intake.records == [b"line 0", b"line 1", b"line 2"]


def test_stdin_from_a_file_and_from_nothing(stdin_of, tmp_path):
    (tmp_path / "in").write_bytes(b"one\ntwo")
    fd = os.open(tmp_path / "in", os.O_RDONLY)
    assert asyncio.run(stdin_of(fd).run_once()) == [b"one", b"two"]
    os.close(fd)

    fd = os.open("/dev/null", os.O_RDONLY)
    assert asyncio.run(stdin_of(fd).run_once()) == []
    os.close(fd)


def test_a_closed_stdin_is_a_clear_error(stdin_of, monkeypatch):
    monkeypatch.setattr("sys.__stdin__", None)

    with pytest.raises(StartError, match="standard input is closed"):
        asyncio.run(stdin_of(0).run_once())


def test_a_folder_as_stdin_is_a_clear_error(stdin_of, tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(StartError, match="is a folder"):
        asyncio.run(stdin_of(fd).run_once())
    os.close(fd)


def generate(state_dir, **options):
    return Harness(GenerateInput, state_dir, once=True, **options)


def test_generate_repeats_lines_so_many_times(state_dir):
    records = asyncio.run(generate(state_dir, lines=("a", "bb", "ccc"), count=100_001).run_once())

    assert records == ([b"a", b"bb", b"ccc"] * 33_334)[:100_001]


def test_generate_numbers_its_lines(state_dir):
    records = asyncio.run(generate(state_dir, lines=("n {sequence}", "-"), count=5).run_once())

    assert records == [b"n 0", b"-", b"n 2", b"-", b"n 4"]


def test_generate_repeats_a_file(state_dir, tmp_path):
    (tmp_path / "sample").write_bytes(b"one\ntwo")

    records = asyncio.run(generate(state_dir, path=str(tmp_path / "sample"), count=5).run_once())

    assert records == [b"one", b"two", b"one", b"two", b"one"]


def test_generate_keeps_to_a_rate(state_dir):
    began = time.monotonic()

    records = asyncio.run(generate(state_dir, lines=("x",), count=200, rate=1000).run_once())

    assert len(records) == 200
    assert time.monotonic() - began >= 0.19


def test_generate_without_lines_is_a_clear_error(state_dir, tmp_path):
    (tmp_path / "empty").touch()

    with pytest.raises(StartError, match="has no lines"):
        asyncio.run(generate(state_dir, path=str(tmp_path / "empty"), count=1).run_once())
    with pytest.raises(StartError, match="No such file"):
        asyncio.run(Harness(GenerateInput, state_dir, path=str(tmp_path / "gone")).run_once())
    with pytest.raises(StartError, match="needs a count"):
        asyncio.run(Harness(GenerateInput, state_dir, lines=("x",), once=True).run_once())
    with pytest.raises(msgspec.ValidationError, match="either `lines` or `path`"):
        msgspec.convert({}, GenerateInput.Options)
