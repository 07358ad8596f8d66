"""Reloading what the user changed: the configuration, and what lies in the drop-in directory."""

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
    """How a reload went."""

    time_ns: int
    """When it ended."""
    ok: bool
    """Whether the new configuration runs now."""
    changed: list[str] = []
    """What was started, replaced or stopped, as `outputs.errors`, and options that changed."""
    needs_restart: list[str] = []
    """Options that have changed, and take effect only after a restart."""
    error: str = ""
    """Why the old configuration goes on."""


class Reloader:
    """Brings what runs in line with the files that the user may edit.

    Args:
        paths: Of the configuration.
        pipeline: What runs.
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
        """Called after a reload that went well."""
        self.read_ns = time.time_ns()
        """When what runs was last brought in line with the files: at the start, on a reload, on hot loading."""

    async def load_drop_ins(self) -> None:
        """Load what lies in the drop-in directory, and from now on what appears there."""
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

        if settings.hot_load:  # first of all: what changes while the rest is loaded is told as well
            self._watcher = Watcher(Path(settings.sandbox_dir), changed)
            self._watcher.start()
        try:
            await loader.apply()
        except BaseException:
            self.stop_watching()
            raise

    def stop_watching(self) -> None:
        """Take no notice of files any more."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    def begin(self) -> asyncio.Task[Outcome] | None:
        """Begin a reload; None if one is under way."""
        if self._task is not None and not self._task.done():
            return None
        self._task = asyncio.get_running_loop().create_task(self._reload(), name="reload")
        self._task.add_done_callback(log_failure)
        self._task.add_done_callback(self._ended)
        return self._task

    def begin_or_follow(self) -> None:
        """Begin a reload, or have one follow that which is under way: it may have read what has changed since."""
        if self.begin() is None:
            self._another = True
            _LOG.info("A reload is under way; another one follows.")

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        if self._another and not task.cancelled():
            self._another = False
            self.begin()

    async def cancel(self) -> None:
        """End a reload that is under way."""
        self._another = False
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def check(self) -> tuple[int, str]:
        """Check the configuration, down to its scripts and matchers.

        Returns:
            The exit status of `hekate validate`, and the JSON that it printed.
        """
        return await self._asked("validate", asyncio.subprocess.STDOUT)

    async def flow(self) -> tuple[int, str]:
        """What `hekate graph` says of the files as they are now: its exit status, and the JSON that it printed."""
        async with self._looking:  # whoever may look at the graph may ask for it, and it costs a second
            return await self._asked("graph", asyncio.subprocess.DEVNULL)

    async def _asked(self, verb: str, stderr: int) -> tuple[int, str]:
        """Ask a process of its own, because compiling Lua belongs into no process that holds data."""
        arguments = [sys.executable, "-P", "-m", "host", verb, "--format", "json", *map(str, self.paths)]
        asked = await asyncio.create_subprocess_exec(
            *arguments, stdout=asyncio.subprocess.PIPE, stderr=stderr, env=child_environment()
        )
        try:
            output, _ = await asked.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                asked.kill()
            raise
        return asked.returncode or 0, output.decode(errors="replace")

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
        for told in self.on_reloaded:
            told()
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
    """So that there is somewhere to drop a file into."""
    try:
        for folder in ("decoders", "filters", "encoders", "modules"):
            (sandbox_dir / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"hekate.sandbox_dir: cannot make {error.filename}: {error.strerror}.") from error
