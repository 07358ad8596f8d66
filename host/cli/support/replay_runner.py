"""Runs `hekate replay` and prints its summary."""

import asyncio
import math
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
import orjson

from host.cli.support.messages import moment
from host.cli.support.output import console
from host.cli.support.progress_bar import BYTES, Progress
from host.cli.support.summary import print_summary
from host.config import convert, model
from host.delivery import dead_letters
from host.outputs.base import Output
from host.plugins import lua_modules
from host.replay import output_preview, plan
from host.replay.pace import Pace
from host.replay.recordings import Recordings
from host.replay.scheduler import ReplayScheduler, Span
from host.replay.session import ReplaySession
from host.telemetry import logs

_LOOK_EVERY_S = 0.2
_NS = 1_000_000_000


class Request(NamedTuple):
    """The files to replay, and the options."""

    config: Sequence[Path]
    files: Sequence[str]
    input: str | None
    speed: float | None
    span: Span
    deliver: bool
    outputs: Sequence[str]
    """Outputs to show; empty for all."""
    as_json: bool
    quiet: bool
    allow_failures: bool
    """True to return 0 although records failed or a sandbox was terminated."""


def replay(request: Request) -> int:
    """Replay files; return the exit status.

    Raises:
        HekateError: The pipeline could not be started or stopped.
        UsageError: An output does not exist.
    """
    config = plan.load(request.config)
    for name in request.outputs:
        if name not in config.outputs:
            raise click.UsageError(f"--output: There is no `{name}`. {convert.did_you_mean(name, config.outputs)}")
    logs.set_up("warning", config.hekate.log_format)
    lua_modules.check_present()
    config, recordings = plan.assign(config, request.files, request.input)
    folder = Path(tempfile.mkdtemp(prefix="hekate-replay-"))
    config = msgspec.structs.replace(config, hekate=msgspec.structs.replace(config.hekate, state_dir=str(folder)))
    keeps_letters = False
    try:
        run = _Run(request, config, recordings)
        status = asyncio.run(run.run())
        if run.session.write_error:
            raise run.session.write_error
        keeps_letters = request.deliver and run.pipeline.dead_letters.count > 0
        _tell_of_dead_letters(folder, kept=keeps_letters)
    finally:
        if not keeps_letters:
            shutil.rmtree(folder)
    return status


class _Run:
    """One replay."""

    def __init__(self, request: Request, config: model.Config, recordings: Recordings) -> None:
        self._request = request
        self._files = recordings.all
        begins_ns = request.span.since_ns
        if begins_ns == -math.inf:
            begins_ns = min(Path(each.path).stat().st_mtime_ns for each in self._files)
        lines = output_preview.Lines(config.outputs)
        new_output = None if request.deliver else _shows(request, config, lines)
        self.session = ReplaySession(config, recordings, begin_ns=int(begins_ns), new_output=new_output, lines=lines)
        self.pipeline = self.session.pipeline

    async def run(self) -> int:
        """Run the replay; return the exit status."""
        started_s = time.monotonic()
        showing_progress = asyncio.create_task(self._show_progress())
        try:
            scheduler = await self.session.run(Pace(self._request.speed), self._request.span)
        finally:
            showing_progress.cancel()
            await asyncio.gather(showing_progress, return_exceptions=True)
        if not self._request.quiet and not self.session.write_error:
            self._tell(scheduler, time.monotonic() - started_s)
        if self.session.signal is not None:
            return 128 + self.session.signal
        failed = not self._request.allow_failures and self.pipeline.failures()
        return os.EX_DATAERR if failed else os.EX_OK

    async def _show_progress(self) -> None:
        """Show a progress bar, unless records are printed on the same terminal."""
        outputs = self.pipeline.config.outputs.values()
        shown = not self._request.deliver or any(output.type == "console" for output in outputs)
        if not self._request.quiet and not (shown and sys.stdout.isatty()):
            with Progress(BYTES, sum(each.size_bytes for each in self._files)) as progress:
                while True:
                    progress.show(sum(each.read_bytes for each in self._files))
                    await asyncio.sleep(_LOOK_EVERY_S)

    def _tell(self, scheduler: ReplayScheduler, elapsed_s: float) -> None:
        """Print a summary on stderr: records, their time span, and the time taken."""
        first_ns, last_ns = scheduler.first_ns or 0, self.session.environment.virtual_ns
        span_s = (last_ns - first_ns) / _NS
        if self._request.as_json:
            outputs = {each.name: each.records_sent for each in self.pipeline.metrics.components("outputs")}
            told: dict[str, Any] = {
                "records": scheduler.records, "first": moment(first_ns), "last": moment(last_ns),
                "elapsed_s": round(elapsed_s, 3), "outputs": outputs, "dead_letters": self.pipeline.dead_letters.count,
            }  # fmt: skip
            sys.stderr.buffer.write(orjson.dumps(told) + b"\n")
            return
        print_summary(self.pipeline, elapsed_s, sys.stderr)
        if scheduler.records:
            console(stderr=True).print(
                f"Replayed {moment(first_ns)} to {moment(last_ns)}: {span_s:,.1f} s in {elapsed_s:,.1f} s."
            )
        if not self._request.deliver:
            console(stderr=True).print("Nothing was delivered; --deliver does.")


def _shows(request: Request, config: model.Config, lines: output_preview.Lines) -> Callable[..., Output]:
    """Return a function that makes outputs which only show records."""
    shown = set(request.outputs or config.outputs)
    line = (
        output_preview.json_line
        if request.as_json
        else output_preview.named_line
        if len(shown) > 1
        else output_preview.plain_line
    )

    def new(name: str, *others: Any, state_dir: Path) -> Output:
        return output_preview.PreviewOutput(line if name in shown else None, lines, name, *others, state_dir=state_dir)

    return new


def _tell_of_dead_letters(folder: Path, *, kept: bool) -> None:
    letters = Counter(
        (str(each.entry.get("component")), str(each.entry.get("reason"))) for each in dead_letters.read(folder)
    )
    out = partial(console(stderr=True).print, soft_wrap=True, markup=False)
    for (component, reason), count in letters.most_common(5):
        out(f"{component}: {count:,} records failed: {reason}")
    if kept:
        out(f"They are kept in {folder / 'dead_letters'}.")
