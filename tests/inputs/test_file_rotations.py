"""Whatever is done to a log file, in whatever order, no line of it is lost."""

import asyncio
import gzip
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.inputs import _file_copies
from host.inputs.file import FileInput
from host.testing.intake import MemoryIntake
from tests.effort import examples
from tests.inputs.conftest import Harness

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 120)),
        st.tuples(st.just("append"), st.integers(1, 120)),
        st.tuples(st.just("rename"), st.just(0)),
        st.tuples(st.just("copytruncate"), st.just(0)),
        st.tuples(st.just("compress"), st.just(0)),
        st.tuples(st.just("look"), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 4)),
    ),
    min_size=3,
    max_size=14,
)


class LogFile:
    """A log file, its writer, and its logrotate. Every line is unique."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "a.log"
        self.path.touch()
        self.lines = []
        self.rotations = 0

    def do(self, step, amount):
        if step == "append":
            lines = [b"line %06d" % (len(self.lines) + number) for number in range(amount)]
            self.lines += lines
            with self.path.open("ab") as file:
                file.write(b"".join(line + b"\n" for line in lines))
        elif step == "rename":
            self.path.rename(self._next())
            self.path.touch()
        elif step == "copytruncate":
            shutil.copy(self.path, self._next())
            self.path.write_bytes(b"")
        elif step == "compress":
            for old in sorted(self.folder.glob("a.log.*[0-9]"))[:1]:
                with gzip.open(f"{old}.gz", "wb") as packed:
                    packed.write(old.read_bytes())
                old.unlink()

    def _next(self):
        self.rotations += 1
        return self.folder / f"a.log.{self.rotations:03d}"


async def follow(harness, log, steps, seen):
    """Do the steps up to the next restart while the input runs; whether there are steps left."""
    async with harness.running() as intake:
        for step, amount in steps:
            if step == "restart":
                intake.release(amount)
                break
            if step == "look":
                # Not a wait for anything: it only lets some of the reading happen between the steps.
                await asyncio.sleep(0.003)
            log.do(step, amount)
        else:
            await intake.until(lambda: seen.union(intake.records) >= set(log.lines))
            return False
    # What was released is delivered; the rest is forgotten, as by a crash.
    delivered = intake.packs[: min(amount, len(intake.packs))]
    seen.update(record for pack in delivered for record in pack.records)
    return True


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
def test_no_line_is_lost(steps, monkeypatch):
    # A short copy counts as a file of its own when it has not grown for a while.
    monkeypatch.setattr(_file_copies, "_SETTLED_AFTER_S", 0.02)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "logs"
        folder.mkdir()
        log = LogFile(folder)
        remaining, seen = iter(steps), set()
        while True:
            intake = MemoryIntake(slot_bytes=512, max_record_bytes=100, auto_release=False)
            harness = Harness(
                FileInput, Path(place) / "state", intake, path=str(log.folder / "a.log*"), poll_interval_ms=10
            )
            if not asyncio.run(follow(harness, log, remaining, seen)):
                break
        assert seen.union(intake.records) == set(log.lines)
