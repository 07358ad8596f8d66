"""The admin API of one run: opened before the pipeline starts, closed after it has drained."""

from __future__ import annotations

import asyncio

from host.admin.api.server import AdminServer
from host.admin.services.context import AdminContext
from host.core.errors import HekateError
from host.hotload.reloader import Reloader
from host.pipeline.pipeline import Pipeline
from host.telemetry.logs import get_logger

_LOG = get_logger("host.admin")


class AdminApi:
    """The server and what it controls.

    Args:
        pipeline: It need not have started yet: `/ready` says so then.
        reloader: Of the same run.

    Raises:
        StartError: An address or a file cannot be used.
    """

    def __init__(self, pipeline: Pipeline, reloader: Reloader) -> None:
        settings = pipeline.config.admin
        assert settings is not None
        self._pipeline = pipeline
        self._context = AdminContext(pipeline, reloader)
        self._server = AdminServer(settings, self._context)
        self._server.start()
        self._tasks: set[asyncio.Task[None]] = set()
        reloader.on_reloaded.append(self._reloaded)

    def pipeline_started(self) -> None:
        """The drop-in directory was loaded."""
        self._context.watch_files()

    def _reloaded(self) -> None:
        task = asyncio.get_running_loop().create_task(self._follow(), name="admin reload")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        settings = self._pipeline.config.admin
        if settings is None:
            _LOG.warning("The section `admin` is gone; the API stays open until the next start.")
        elif settings != self._server.settings:
            try:
                await self._server.reload(settings)
            except HekateError as error:
                _LOG.error("Cannot open the admin API with the new configuration.", reason=str(error))

    async def close(self) -> None:
        """Close the server and what belongs to it."""
        await self._server.stop()
        await self._context.close()
