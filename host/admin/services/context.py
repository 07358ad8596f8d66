"""The pipeline and the services that the API uses."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import orjson

from host.admin.services import graph
from host.admin.services.audit import Audit
from host.admin.services.broadcast import Broadcast, event
from host.admin.services.deploy import Deployment
from host.admin.services.event_log import EventLog
from host.admin.services.graph import Graph
from host.admin.services.history import History
from host.admin.services.index import Index
from host.admin.services.refusals import Refusals
from host.admin.services.taps import Taps
from host.admin.services.throughput import Throughput
from host.admin.services.trials import Trials
from host.config.catalogue import PluginInfo
from host.config.model import Admin
from host.delivery.letter_files import LetterId
from host.hotload.reloader import Reloader
from host.packs.ledger import TablePack
from host.pipeline.pipeline import Pipeline
from host.pipeline.redelivery import Replay

_LAST_S = 1.0


class AdminContext:
    """Everything that the handlers of the routes need.

    Args:
        pipeline: What runs.
        reloader: Reads anew what the user has edited.
    """

    def __init__(self, pipeline: Pipeline, reloader: Reloader) -> None:
        self.pipeline = pipeline
        self.reloader = reloader
        self.state_dir = Path(pipeline.config.hekate.state_dir)
        admin = pipeline.config.admin or Admin()
        self.audit = Audit(self.state_dir, admin.audit, pipeline.metrics.component("router", "router", "router"))
        self.refusals = Refusals(self.audit, pipeline.metrics.component("admin", "admin", "admin"))
        self.index = Index(pipeline)
        self.recent = EventLog(pipeline)
        self.history = History(self.state_dir / "versions")
        self.history.load()
        self.deployment = Deployment(pipeline, reloader, self.index, self.history)
        self.library: tuple[float, list[PluginInfo]] = (float("-inf"), [])
        """Monotonic time and result of the last library scan."""
        self.taps = Taps(pipeline)
        self.trials = Trials(pipeline, self.taps)
        pipeline.router.on_pack = self._see
        self.rates = Throughput(pipeline)
        self.rates.on_sample.append(self._show_graph)
        self.rates.start()
        self.live_graph = Broadcast()
        self.replay = Replay(pipeline)
        self.replaying: set[LetterId] = set()
        """Dead letters that are on their way just now."""
        self.late_replays: set[asyncio.Task[None]] = set()
        """What takes out those that nobody waits for any more, once they are delivered."""
        self.started_ns = time.time_ns()
        self._noting: asyncio.Task[None] | None = None
        self._note_again = False

    def watch_files(self) -> None:
        """From now on keep every version of the scripts in the drop-in directory. Called when they were loaded."""
        loader = self.reloader.loader
        if loader is not None:
            loader.on_applied.append(self._note_versions)
            self._note_versions()

    def _note_versions(self) -> None:
        if self._noting is None or self._noting.done():
            self._noting = asyncio.get_running_loop().create_task(self._note_all(), name="versions")
        else:
            self._note_again = True

    async def _note_all(self) -> None:
        self._note_again = True
        while self._note_again:
            self._note_again = False
            for entry in self.index.entries():
                if self.index.is_dropped_in(entry):
                    async with self.deployment.busy:
                        await asyncio.to_thread(self.history.note_file, entry.kind, entry.path)

    def _see(self, pack: TablePack) -> None:
        self.recent.see(pack)
        self.taps.see(pack)

    def graph(self) -> Graph:
        """Return the running components with their current rates."""
        return graph.graph(self.pipeline, self.rates, self.reloader.read_ns)

    def graph_event(self) -> bytes:
        """The graph of this moment, for those who follow it."""
        return event("graph", orjson.dumps(msgspec.to_builtins(self.graph())))

    def _show_graph(self) -> None:
        if self.live_graph.has_subscribers:
            self.live_graph.send(self.graph_event())

    async def close(self) -> None:
        """End."""
        self.pipeline.router.on_pack = None
        if self.late_replays:  # what was delivered is done with in a moment, and the rest never will be
            await asyncio.wait(self.late_replays, timeout=_LAST_S)
            for task in self.late_replays:
                task.cancel()
        await self.taps.stop()
        await self.rates.stop()
        if self._noting is not None:
            self._noting.cancel()
            await asyncio.gather(self._noting, return_exceptions=True)
        self.refusals.sum_up()
        self.audit.close()
