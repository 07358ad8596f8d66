"""The match probe: tells if a matcher can match packs of a kind when the consumer's own sandbox cannot answer.

The probe is a sandbox with a script that does nothing, so that a malformed pack can harm only the probe. It starts with
the first question.
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

_LOG = get_logger("host.match_probe")

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
        """Ask if a matcher can match a pack. Call `verdict` with the answer, at once if it is known."""
        question = matcher, pack.shapes
        if self._closed or question in self._known or self._deaths >= _MAX_DEATHS:
            verdict(pack, self._known.get(question, False))
            return
        pack.hold()
        if question in self._asked:
            self._asked[question].append((pack, verdict))
            return
        self._asked[question] = [(pack, verdict)]
        self._waiting.append(question)
        if self._sandbox is None:
            self._sandbox = self._new_sandbox(settings)
            self._task = asyncio.get_running_loop().create_task(self._start(self._sandbox), name="match probe")
        else:
            self.on_room(self._sandbox)

    async def _start(self, sandbox: Sandbox) -> None:
        try:
            await sandbox.start()
        except SandboxError as error:
            _LOG.warning("The match probe does not start.", reason=str(error))
            self._fail()

    def _new_sandbox(self, settings: model.HostSettings) -> Sandbox:
        plugin = model.Sandbox(
            name="match_probe", kind="filter", plugin="match_probe", path="match_probe.lua", digest="", text=_NOTHING,
            config={}, limits=limits.effective(settings),
        )  # fmt: skip
        filter_ = model.Filter(
            name="match_probe", sandbox=plugin, message_matcher="FALSE", ticker_interval=0.0, queue=model.Queue(),
            on_terminate="stop", preserve_data=False, group=None,
        )  # fmt: skip
        return Sandbox(
            "match_probe",
            order=specs.order("match_probe", (plugin,), 0, keeps_state=False, allow_unjailed=settings.allow_unjailed),
            spec=specs.filter_(filter_, ""),
            arena=Arena("match_probe", _SLOT_BYTES, 4, host_writes=False),
            housing=self._zygote,
            owner=self,
            metrics=ComponentMetrics("router", "match_probe", "match_probe"),
            cpu_limit_ms=plugin.limits.cpu_limit,
            read_module=str,
        )

    def _answer(self, question: Question, *, never: bool) -> None:
        for pack, verdict in self._asked.pop(question, []):
            if not self._closed:
                verdict(pack, never)
            pack.let_go()

    def _fail(self) -> None:
        """Answer every open question with "may match", because the probe has died."""
        self._deaths += 1
        self._waiting.clear()
        self._given.clear()
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(sandbox.stop(), name="match probe")
        for question in list(self._asked):
            self._answer(question, never=False)

    # ------------------------------------------------------------------ the owner of its sandbox

    def on_room(self, sandbox: Sandbox) -> None:
        """Send the next questions."""
        while self._waiting and sandbox.room:
            question = self._waiting.popleft()
            pack, _ = self._asked[question][0]
            self._given[sandbox.judge(pack, question[0])] = question

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:  # noqa: ARG002 -- part of SandboxListener
        """Take an answer."""
        question = self._given.pop(work.number)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        never = self._known[question] = bool(report.flags & NEVER_MATCHES)
        self._answer(question, never=never)

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:  # noqa: ARG002
        """Kill the probe: it has nothing to emit."""
        sandbox.kill("a match probe sent what only filters send")

    def on_failure(self, sandbox: Sandbox, text: str) -> None:
        """Do nothing: the script has nothing that could fail."""

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """Do nothing: the next question starts a new probe."""

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:  # noqa: ARG002
        """Log that a producer's pack crashed the probe, and answer the open questions."""
        _LOG.warning("The match probe was terminated.", limit=termination.limit, reason=termination.text)
        self._fail()
        return False

    # ------------------------------------------------------------------ the pipeline

    def unmap(self, arena_number: int) -> None:
        """Unmap a closed arena."""
        if self._sandbox is not None:
            self._sandbox.unmap(arena_number)

    async def close(self) -> None:
        """Answer the open questions with "may match" and stop."""
        self._closed = True
        for question in list(self._asked):
            self._answer(question, never=False)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._sandbox is not None:
            await self._sandbox.stop()
