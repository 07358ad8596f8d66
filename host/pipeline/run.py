"""`hekate run`: from the first line of the configuration to the summary."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from host.config.load import load_config
from host.errors import HekateError, StartError
from host.pipeline.pipeline import Pipeline
from host.pipeline.progress import Progress
from host.pipeline.summary import print_summary
from host.sandbox import lua_modules
from host.sandbox.zygote_client import child_environment
from host.telemetry import logs

if TYPE_CHECKING:
    from host.pipeline.hotload import HotLoader
    from host.pipeline.watcher import Watcher

_LOG = logs.get_logger("host.pipeline")


class Runner:
    """One run: signals in, exit status out."""

    def __init__(self, paths: Sequence[Path], pipeline: Pipeline, *, once: bool, quiet: bool) -> None:
        self._paths = paths
        self._pipeline = pipeline
        self._once = once
        self._quiet = quiet
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None
        self._watcher: Watcher | None = None
        self._loader: HotLoader | None = None
        self.started_s = 0.0
        self.exit_code = os.EX_OK

    async def run(self) -> int:
        """Run until the end of all inputs (once), or until a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop, signal.Signals(number).name)
        loop.add_signal_handler(signal.SIGHUP, self._on_hup)
        await self._pipeline.start(self._load_drop_ins)
        self.started_s = time.monotonic()
        progress = Progress(self._pipeline, sys.stderr) if not self._quiet and sys.stderr.isatty() else None
        _LOG.info("Running.", pid=os.getpid(), inputs=len(self._pipeline.inputs), outputs=len(self._pipeline.outputs))
        if progress is not None:
            progress.start()
        try:
            await self._wait()
            await self._drain()
            self._judge()
        finally:
            elapsed_s = time.monotonic() - self.started_s
            if self._watcher is not None:
                self._watcher.stop()
            if progress is not None:
                await progress.stop()
            await self._pipeline.stop()
        if not self._quiet:
            print_summary(self._pipeline, elapsed_s, sys.stderr)
        return self.exit_code

    async def _load_drop_ins(self) -> None:
        """Load what lies in the drop-in directory, and from now on what appears there."""
        settings = self._pipeline.config.hekate
        if settings.sandbox_dir is None:
            return
        _make_folders(Path(settings.sandbox_dir))
        # watchdog is slow to import, and only needed here
        from host.pipeline.hotload import HotLoader
        from host.pipeline.watcher import Watcher

        loader = self._loader = HotLoader(self._pipeline, lambda: load_config(self._paths))
        await loader.apply()
        tasks: set[asyncio.Task[None]] = set()

        def changed() -> None:
            task = asyncio.get_running_loop().create_task(loader.apply(), name="hot loading")
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(_log_failure)

        if settings.hot_load:
            self._watcher = Watcher(Path(settings.sandbox_dir), changed)
            self._watcher.start()

    async def _wait(self) -> None:
        waits = [asyncio.create_task(self._stop.wait())]
        if self._once:
            waits.append(asyncio.create_task(self._pipeline.ended.wait()))
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if self._pipeline.failure is not None:
            self.exit_code = getattr(self._pipeline.failure, "exit_code", os.EX_SOFTWARE)

    def _judge(self) -> None:
        """A run in which a sandbox died for good has not done what it was asked to."""
        dead = self._pipeline.ended_for_good()
        if dead and self.exit_code == os.EX_OK:
            _LOG.error("Sandboxes died for good; what they should have done is missing.", sandboxes=",".join(dead))
            self.exit_code = os.EX_SOFTWARE

    async def _drain(self) -> None:
        if self._reloading is not None and not self._reloading.done():
            self._reloading.cancel()
            await asyncio.gather(self._reloading, return_exceptions=True)
        timeout_s = self._pipeline.config.hekate.shutdown_timeout_ms / 1000
        draining = asyncio.create_task(self._pipeline.drain())
        forced = asyncio.create_task(self._force.wait())
        # With --once there is no hurry until somebody asks to stop.
        if self._once and not self._stop.is_set():
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait([draining, forced, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
        done, _ = await asyncio.wait([draining, forced], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        if draining in done:
            await draining
            return
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        self.exit_code = os.EX_TEMPFAIL
        why = "a second signal" if self._force.is_set() else f"shutdown_timeout_ms ({timeout_s:g} s) is over"
        _LOG.error("Stopped before everything was delivered; it will be read again.", why=why)

    def _on_stop(self, name: str) -> None:
        if self._stop.is_set():
            self._force.set()
            return
        _LOG.info("Draining; send the signal again to stop at once.", signal=name)
        self._stop.set()

    def _on_hup(self) -> None:
        if self._reloading is not None and not self._reloading.done():
            _LOG.warning("A reload is under way; the signal is ignored.")
            return
        self._reloading = asyncio.get_running_loop().create_task(self._reload(), name="reload")
        self._reloading.add_done_callback(_log_failure)

    async def _check(self) -> str:
        """What is wrong with the configuration, down to its scripts and matchers; empty if nothing is.

        It is checked in a process of its own, because compiling Lua belongs into no process that holds data.
        """
        arguments = [sys.executable, "-P", "-m", "host", "validate", *map(str, self._paths)]
        check = await asyncio.create_subprocess_exec(
            *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=child_environment()
        )
        output, _ = await check.communicate()
        return "" if check.returncode == os.EX_OK else output.decode(errors="replace").strip()

    async def _reload(self) -> None:
        self._pipeline.reopen_outputs()
        fault = await self._check()
        if fault:
            _LOG.error("The new configuration is invalid; the old one goes on.", error=fault)
            return
        config = load_config(self._paths)
        try:
            changed = await self._pipeline.reload(config)
        except HekateError as fault:
            _LOG.error("The reload failed.", reason=str(fault))
            return
        if self._loader is not None:
            await self._loader.apply()
        _LOG.info("Reloaded.", changed=",".join(changed) or "nothing")


def _make_folders(sandbox_dir: Path) -> None:
    """So that there is somewhere to drop a file into."""
    try:
        for folder in ("decoders", "filters", "encoders", "modules"):
            (sandbox_dir / folder).mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise StartError(f"hekate.sandbox_dir: cannot make {fault.filename}: {fault.strerror}.") from fault


def _log_failure(task: asyncio.Task[None]) -> None:
    """A defect in a task that nobody waits for is not to vanish."""
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("A task failed.", task=task.get_name(), exc_info=task.exception())


def run(
    paths: Sequence[Path],
    *,
    once: bool,
    log_level: str | None = None,
    log_format: str | None = None,
    quiet: bool = False,
) -> int:
    """Run a configuration.

    Args:
        paths: Files and directories.
        once: Whether to end when every input was read to its end.
        log_level: Instead of the configuration's.
        log_format: Instead of the configuration's.
        quiet: No progress display, no summary.

    Returns:
        The exit status.

    Raises:
        HekateError: It could not be started.
    """
    config = load_config(paths)
    settings = config.hekate
    logs.set_up(log_level or settings.log_level, log_format or settings.log_format)
    lua_modules.check_present()

    async def main() -> int:
        return await Runner(paths, Pipeline(config, once=once), once=once, quiet=quiet).run()

    return asyncio.run(main())
