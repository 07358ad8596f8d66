"""The judge: says whether a matcher can match packs of a kind, when its own sandbox does not come to say it.

It is a sandbox like any other, with a script that does nothing, so that what a decoder made up can harm it only. It is
started when it is asked for the first time.
"""

import asyncio
import contextlib
from collections import deque

from host.config import limits, model
from host.core.errors import SandboxError
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.packs.protocol import NEVER_MATCHES, Report
from host.pipeline import specs
from host.router.match_cache import Verdict
from host.sandbox.assignment import Assignment
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.judge")

_MAX_KNOWN = 10_000
_MAX_DEATHS = 5
_SLOT_BYTES = 4096
_NOTHING = "function process_message() return 0 end"

Question = tuple[str, bytes]
"""A matcher, and the shapes of packs."""


class MatchProbe:
    """Answers one question after the other.

    Args:
        zygote: Starts its process.
    """

    def __init__(self, zygote: ZygoteClient) -> None:
        self._zygote = zygote
        self._known: dict[Question, bool] = {}
        self._asked: dict[Question, list[tuple[TablePack, Verdict]]] = {}
        self._waiting: deque[Question] = deque()
        self._given: dict[int, Question] = {}
        self._sandbox: Sandbox | None = None
        self._task: asyncio.Task[None] | None = None
        self._deaths = 0
        self._closed = False

    def ask(self, settings: model.HostSettings, matcher: str, pack: TablePack, verdict: Verdict) -> None:
        """Have a pack judged; `verdict` is told, at once if the question is an old one."""
        question = matcher, pack.shapes
        if self._closed or question in self._known or self._deaths >= _MAX_DEATHS:
            verdict(pack, self._known.get(question, False))
            return
        pack.retain()
        if question in self._asked:
            self._asked[question].append((pack, verdict))
            return
        self._asked[question] = [(pack, verdict)]
        self._waiting.append(question)
        if self._sandbox is None:
            self._sandbox = self._new_sandbox(settings)
            self._task = asyncio.get_running_loop().create_task(self._start(self._sandbox), name="judge")
        else:
            self.on_room(self._sandbox)

    async def _start(self, sandbox: Sandbox) -> None:
        try:
            await sandbox.start()
        except SandboxError as error:
            _LOG.warning("The judge does not start.", reason=str(error))
            self._gone()

    def _new_sandbox(self, settings: model.HostSettings) -> Sandbox:
        plugin = model.Sandbox(
            name="judge", kind="filter", plugin="judge", path="judge.lua", digest="", text=_NOTHING, config={},
            limits=limits.effective(settings),
        )  # fmt: skip
        filter_ = model.Filter(
            name="judge", sandbox=plugin, message_matcher="FALSE", ticker_interval=0.0, queue=model.Queue(),
            on_terminate="stop", preserve_data=False, group=None,
        )  # fmt: skip
        return Sandbox(
            "judge",
            order=specs.order("judge", (plugin,), 0, keeps_state=False, allow_unjailed=settings.allow_unjailed),
            spec=specs.filter_(filter_, ""),
            arena=Arena("judge", _SLOT_BYTES, 4, host_writes=False),
            housing=self._zygote,
            owner=self,
            metrics=ComponentMetrics("router", "judge", "judge"),
            cpu_limit_ms=plugin.limits.cpu_limit,
            read_module=str,
        )

    def _answer(self, question: Question, *, never: bool) -> None:
        for pack, verdict in self._asked.pop(question, []):
            if not self._closed:
                verdict(pack, never)
            pack.release()

    def _gone(self) -> None:
        """Nothing is known of what it was asked: so it may match."""
        self._deaths += 1
        self._waiting.clear()
        self._given.clear()
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(sandbox.stop(), name="judge")
        for question in list(self._asked):
            self._answer(question, never=False)

    # ------------------------------------------------------------------ the owner of its sandbox

    def on_room(self, sandbox: Sandbox) -> None:
        """It has time for another question."""
        while self._waiting and sandbox.room:
            question = self._waiting.popleft()
            pack, _ = self._asked[question][0]
            self._given[sandbox.judge(pack, question[0])] = question

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:  # noqa: ARG002 -- the owner's interface
        """It has an answer."""
        question = self._given.pop(work.number)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        never = self._known[question] = bool(report.flags & NEVER_MATCHES)
        self._answer(question, never=never)

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:  # noqa: ARG002
        """It has nothing to emit."""
        sandbox.kill("a judge sent what only filters send")

    def on_failure(self, sandbox: Sandbox, text: str) -> None:
        """Its script does nothing that could fail."""

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """It is not started again by itself."""

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:  # noqa: ARG002
        """Somebody made a pack at which it dies."""
        _LOG.warning("The judge was ended.", limit=termination.limit, reason=termination.text)
        self._gone()
        return False

    # ------------------------------------------------------------------ the pipeline

    def unmap(self, arena_number: int) -> None:
        """An arena is closed."""
        if self._sandbox is not None:
            self._sandbox.unmap(arena_number)

    async def close(self) -> None:
        """Answer no more."""
        self._closed = True
        for question in list(self._asked):
            self._answer(question, never=False)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._sandbox is not None:
            await self._sandbox.stop()
