"""Reloads the configuration and the drop-in directory after the user has changed them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from host.config.load import load_config
from host.core.errors import HekateError, StartError
from host.hotload.case_check import CaseCheck
from host.sandbox.zygote_client import child_environment
from host.telemetry.logs import get_logger, log_failure

if TYPE_CHECKING:
    from host.hotload.loader import HotLoader
    from host.hotload.watcher import Watcher
    from host.pipeline.pipeline import Pipeline

_LOG = get_logger("host.pipeline")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a reload."""

    time_ns: int
    """Time at which the reload ended."""
    ok: bool
    """True if the new configuration runs now."""
    changed: list[str] = []
    """Units that were started, replaced or stopped, such as `outputs.errors`, and changed options."""
    needs_restart: list[str] = []
    """Changed options that take effect only after a restart."""
    error: str = ""
    """The reason why the old configuration keeps running."""


class Reloader:
    """Applies the files that the user edits to the running pipeline.

    Args:
        paths: Files and directories of the configuration.
        pipeline: The running pipeline.
    """

    def __init__(self, paths: Sequence[Path], pipeline: Pipeline) -> None:
        self.paths = paths
        self._pipeline = pipeline
        self._case_check = CaseCheck(pipeline.zygote)
        self._watcher: Watcher | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._another = False
        self._looking = asyncio.Lock()
        self.loader: HotLoader | None = None
        """Loads the drop-in directory; None if there is none."""
        self.last: Outcome | None = None
        self.on_reloaded: list[Callable[[], None]] = []
        """Called after each successful reload."""
        self.read_ns = time.time_ns()
        """Time at which the files were last applied: at start, reload or hot loading."""

    async def load_drop_ins(self) -> None:
        """Load the drop-in directory and watch it for changes."""
        settings = self._pipeline.config.hekate
        if settings.sandbox_dir is None:
            return
        _make_folders(Path(settings.sandbox_dir))
        # watchdog is slow to import, and only needed here
        from host.hotload.loader import HotLoader
        from host.hotload.watcher import Watcher

        loader = self.loader = HotLoader(self._pipeline, lambda: load_config(self.paths), self._case_check)
        loader.on_applied.append(self._read)
        tasks: set[asyncio.Task[None]] = set()

        def changed() -> None:
            if loader.is_due:
                return
            task = asyncio.get_running_loop().create_task(loader.apply(), name="hot loading")
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(log_failure)

        if settings.hot_load:  # first, so that changes during loading are noticed
            self._watcher = Watcher(Path(settings.sandbox_dir), changed)
            self._watcher.start()
        try:
            await loader.apply()
        except BaseException:
            self.stop_watching()
            raise

    def stop_watching(self) -> None:
        """Stop watching the drop-in directory."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    def begin(self) -> asyncio.Task[Outcome] | None:
        """Start a reload and return its task; None if one is already running."""
        if self._task is not None and not self._task.done():
            return None
        self._task = asyncio.get_running_loop().create_task(self._reload(), name="reload")
        self._task.add_done_callback(log_failure)
        self._task.add_done_callback(self._ended)
        return self._task

    def begin_or_follow(self) -> None:
        """Start a reload. If one is running, start another after it, because it may have read old files."""
        if self.begin() is None:
            self._another = True
            _LOG.info("A reload is under way; another one follows.")

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        if self._another and not task.cancelled():
            self._another = False
            self.begin()

    async def cancel(self) -> None:
        """Cancel a running reload."""
        self._another = False
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def check(self) -> tuple[int, str]:
        """Check the configuration, down to its scripts and matchers.

        Returns:
            The exit status of `hekate validate`, and the JSON that it printed.
        """
        return await self._run_verb("validate", asyncio.subprocess.STDOUT)

    async def flow(self) -> tuple[int, str]:
        """Run `hekate graph` on the current files; return its exit status and the JSON that it printed."""
        async with self._looking:  # any reader of the graph may call this, and it costs a second of CPU
            return await self._run_verb("graph", asyncio.subprocess.DEVNULL)

    async def _run_verb(self, verb: str, stderr: int) -> tuple[int, str]:
        """Run a verb in a separate process, because a process that holds data must not compile Lua."""
        arguments = [sys.executable, "-P", "-m", "host", verb, "--format", "json", *map(str, self.paths)]
        process = await asyncio.create_subprocess_exec(
            *arguments, stdout=asyncio.subprocess.PIPE, stderr=stderr, env=child_environment()
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                process.kill()
            raise
        return process.returncode or 0, output.decode(errors="replace")

    async def _fault(self) -> str:
        status, output = await self.check()
        if status == os.EX_OK:
            return ""
        try:
            errors = msgspec.json.decode(output.encode())["errors"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return output.strip()
        return "\n".join(_sentence(error) for error in errors)

    async def _reload(self) -> Outcome:
        outcome = self.last = await self._outcome()
        if not outcome.ok:
            return outcome
        if outcome.needs_restart:
            _LOG.warning(
                "Options have changed that a reload cannot change. Restart Hekate for them to take effect.",
                options=",".join(outcome.needs_restart),
            )
        _LOG.info("Reloaded.", changed=",".join(outcome.changed) or "nothing")
        self._read()
        for callback in self.on_reloaded:
            callback()
        return outcome

    def _read(self) -> None:
        self.read_ns = time.time_ns()

    async def _outcome(self) -> Outcome:
        self._pipeline.reopen_outputs()
        fault = await self._fault()
        if fault:
            _LOG.error("The new configuration is invalid; the old one goes on.", error=fault)
            return Outcome(time_ns=time.time_ns(), ok=False, error=fault)
        try:
            config = await asyncio.to_thread(load_config, self.paths)
            changed = await self._pipeline.reload(config, self._case_check.check)
        except HekateError as error:
            _LOG.error("The reload failed.", reason=str(error))
            return Outcome(time_ns=time.time_ns(), ok=False, error=str(error))
        if self.loader is not None:
            await self.loader.apply()
        needs_restart = list(self._pipeline.needs_restart)
        return Outcome(time_ns=time.time_ns(), ok=True, changed=changed, needs_restart=needs_restart)


def _sentence(error: dict[str, object]) -> str:
    place = f"{error['file']}:{error['line']}" if error["line"] else str(error["file"])
    where = ": ".join(str(part) for part in (place, error["path"]) if part)
    return f"{where}: {error['message']} {error['hint']}".strip()


def _make_folders(sandbox_dir: Path) -> None:
    """Create the folders of the drop-in directory."""
    try:
        for folder in ("decoders", "filters", "encoders", "modules"):
            (sandbox_dir / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"hekate.sandbox_dir: cannot make {error.filename}: {error.strerror}.") from error
