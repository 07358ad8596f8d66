"""`hekate run`: loads the configuration, runs the pipeline, prints the summary."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from host.cli.support.summary import print_summary
from host.config.load import load_config
from host.hotload.reloader import Reloader
from host.pipeline import system_limits
from host.pipeline.pipeline import Pipeline
from host.pipeline.reading_plan import bytes_left
from host.plugins import lua_modules
from host.runner.progress import Progress
from host.telemetry import logs

if TYPE_CHECKING:
    from host.admin.admin import AdminApi

_LOG = logs.get_logger("host.pipeline")

_GIVE_UP_S = 5.0
"""Seconds for sandboxes to finish their remaining work after the outputs have stopped writing."""


class Runner:
    """One run: signals in, exit status out."""

    def __init__(
        self,
        paths: Sequence[Path],
        pipeline: Pipeline,
        *,
        once: bool,
        quiet: bool,
        total_bytes: int | None = None,
        allow_failures: bool = False,
    ) -> None:
        self._reloader = Reloader(paths, pipeline)
        self._pipeline = pipeline
        self._once = once
        self._allow_failures = allow_failures
        self._quiet = quiet
        self._total_bytes = total_bytes
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self._admin: AdminApi | None = None
        self.started_s = 0.0
        self.exit_code = os.EX_OK

    async def run(self) -> int:
        """Run until all inputs have ended (with `once`) or a signal arrives; return the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop, signal.Signals(number).name)
        loop.add_signal_handler(signal.SIGHUP, self._reloader.begin_or_follow)
        if self._pipeline.config.admin is not None:
            # tornado is slow to import, and only needed here
            from host.admin.admin import AdminApi

            self._admin = AdminApi(self._pipeline, self._reloader)
        try:
            await self._pipeline.start(self._reloader.load_drop_ins)
        except BaseException:
            await self._close_admin()
            raise
        if self._admin is not None:
            self._admin.pipeline_started()
        self.started_s = time.monotonic()
        progress = (
            Progress(self._pipeline, sys.stderr, self._total_bytes) if not self._quiet and sys.stderr.isatty() else None
        )
        _LOG.info("Running.", pid=os.getpid(), inputs=len(self._pipeline.inputs), outputs=len(self._pipeline.outputs))
        if progress is not None:
            progress.start()
        try:
            await self._wait()
            await self._drain()
            self._set_exit_code()
        finally:
            elapsed_s = time.monotonic() - self.started_s
            self._pipeline.zygote.expect_end()
            self._reloader.stop_watching()
            if progress is not None:
                await progress.stop()
            await self._close_admin()
            await self._pipeline.stop()
        if not self._quiet:
            print_summary(self._pipeline, elapsed_s, sys.stderr)
        return self.exit_code

    async def _close_admin(self) -> None:
        if self._admin is not None:
            await self._admin.close()

    async def _wait(self) -> None:
        waits = [asyncio.create_task(self._stop.wait())]
        if self._once:
            waits.append(asyncio.create_task(self._pipeline.ended.wait()))
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if self._once and not self._pipeline.ended.is_set():
            _LOG.error("Stopped before all was read.")
            self.exit_code = os.EX_TEMPFAIL
        if self._pipeline.failure is not None:
            self.exit_code = getattr(self._pipeline.failure, "exit_code", os.EX_SOFTWARE)

    def _set_exit_code(self) -> None:
        """Set the exit status of a run that ended without having processed everything."""
        dead = self._pipeline.ended_for_good()
        if dead:
            _LOG.error("Sandboxes died for good; what they should have done is missing.", sandboxes=",".join(dead))
        if dead and not self._once and self.exit_code == os.EX_OK:
            self.exit_code = os.EX_SOFTWARE
        loader = self._reloader.loader
        not_loaded = loader.not_loaded if loader is not None else []
        if self._once and not_loaded and self.exit_code == os.EX_OK:
            units = ",".join(not_loaded)
            _LOG.error("What is in sandbox_dir was not all loaded; what it should have done is missing.", units=units)
            self.exit_code = os.EX_CONFIG
        failures = self._pipeline.failures()
        if self._once and failures and not self._allow_failures and self.exit_code == os.EX_OK:
            _LOG.error("Not everything was processed; --allow-failures makes the exit status 0.", failures=failures)
            self.exit_code = os.EX_DATAERR

    async def _drain(self) -> None:
        timeout_s = self._pipeline.config.hekate.shutdown_timeout_ms / 1000
        draining = asyncio.create_task(self._end_changes_and_drain())
        forced = asyncio.create_task(self._force.wait())
        # With --once, the timeout applies only after a stop signal.
        if self._once and not self._stop.is_set():
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait([draining, forced, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
        done, _ = await asyncio.wait([draining, forced], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        if draining in done and draining.exception() is None:
            return
        if draining in done:
            await self._give_up(draining, "sandboxes do not do their work")
            await draining  # raises which ones
        self.exit_code = os.EX_TEMPFAIL
        why = "a second signal" if self._force.is_set() else f"shutdown_timeout_ms ({timeout_s:g} s) is over"
        await self._give_up(draining, why)

    async def _give_up(self, draining: "asyncio.Task[None]", why: str) -> None:
        """Store undelivered records, and log where they are."""
        reason = f"shutdown: {why}"
        await self._pipeline.give_up(reason)
        if draining.done():
            await self._pipeline.come_to_rest(_GIVE_UP_S)
        else:
            await asyncio.wait([draining], timeout=_GIVE_UP_S)
            draining.cancel()
            await asyncio.wait([draining])
        left = self._pipeline.put_away(reason)
        _LOG.error("Stopped before everything was delivered.", why=why)
        if left.read_again:
            _LOG.info("Undelivered records of files will be read again by the next run.", records=left.read_again)
        if left.dead_letters:
            hint = "replay them with `hekate deadletters replay`"
            _LOG.warning(
                "Undelivered records that cannot be read again are in the dead letters.",
                records=left.dead_letters,
                folder=str(self._pipeline.dead_letters.folder),
                hint=hint,
            )
        if left.lost:
            _LOG.error("Undelivered records are lost: they could not be kept as dead letters.", records=left.lost)

    async def _end_changes_and_drain(self) -> None:
        await self._reloader.cancel()
        await self._pipeline.drain()

    def _on_stop(self, name: str) -> None:
        if self._stop.is_set():
            self._force.set()
            return
        _LOG.info("Draining; send the signal again to stop at once.", signal=name)
        self._stop.set()


def run(
    paths: Sequence[Path],
    *,
    once: bool,
    log_level: str | None = None,
    log_format: str | None = None,
    quiet: bool = False,
    allow_failures: bool = False,
) -> int:
    """Run a configuration.

    Args:
        paths: Files and directories.
        once: True to end when every input has been read to its end.
        log_level: Overrides the configuration's.
        log_format: Overrides the configuration's.
        quiet: No progress display, no summary.
        allow_failures: With `once`: return 0 although records failed or a sandbox was ended.

    Returns:
        The exit status.

    Raises:
        HekateError: It could not be started.
    """
    config = load_config(paths)
    settings = config.hekate
    logs.set_up(log_level or settings.log_level, log_format or settings.log_format)
    lua_modules.check_present()
    system_limits.check(config)

    # before the pipeline locks the checkpoints
    total_bytes = bytes_left(config) if once and not quiet and sys.stderr.isatty() else None

    async def main() -> int:
        pipeline = Pipeline(config, once=once)
        runner = Runner(paths, pipeline, once=once, quiet=quiet, total_bytes=total_bytes, allow_failures=allow_failures)
        return await runner.run()

    return asyncio.run(main())
