"""Runs a trial: feeds records, messages and ticks one by one to a jailed process with production's limits.

Each step is a pack of its own, so its result and its cost are known separately. The event loop is never blocked for
longer than it takes to read the output of one step.
"""

import math

from host.config import model
from host.core.errors import SandboxError
from host.sandbox.termination import Limit
from host.sandbox.zygote_client import ZygoteClient
from host.trial.coverage import Coverage
from host.trial.cpu_budget import CpuBudget
from host.trial.harness import TrialHarness
from host.trial.model import (
    Decoder,
    Ending,
    Grammar,
    MessageStep,
    RecordStep,
    StepResult,
    TickStep,
    Trial,
    TrialOutcome,
)
from host.trial.trial_sandbox import TooMuchError, TrialSandbox


class TrialError(SandboxError):
    """A trial cannot run as requested."""


async def run(
    trial: Trial, zygote: ZygoteClient, coverage: Coverage | None = None, shared: CpuBudget | None = None
) -> TrialOutcome:
    """Run a trial.

    Args:
        trial: The script and its steps.
        zygote: Starts the processes.
        coverage: Receives the lines that ran; None to record none.
        shared: CPU budget that several trials share.

    Raises:
        TrialError: The trial exceeds its bounds, or asks for a step that its kind cannot take.
        MessageError: A given message is invalid.
        SandboxError: No process could be started at all. A script that does not load is an outcome, not an error.
    """
    _check(trial)
    shared = shared or CpuBudget(math.inf)
    outcome = await _run(_TrialRun(trial, zygote, coverage), shared)
    if outcome.ending is not None and outcome.ending.limit in {Limit.CPU, Limit.MEMORY} and coverage is None:
        outcome.ending = await _with_line(outcome.ending, trial, zygote, shared)
    return outcome


async def _run(trial_run: "_TrialRun", shared: CpuBudget) -> TrialOutcome:
    try:
        with shared.charge(trial_run.harness.cpu_s):
            await trial_run.run()
    finally:
        await trial_run.harness.close()
    return trial_run.outcome


async def _with_line(ending: Ending, trial: Trial, zygote: ZygoteClient, shared: CpuBudget) -> Ending:
    """Return the same ending with its script line. A second, slower run that watches lines finds it."""
    again = await _run(_TrialRun(trial, zygote, None, watch_lines=True), shared)
    same = again.ending is not None and (again.ending.step, again.ending.limit) == (ending.step, ending.limit)
    return again.ending if again.ending is not None and same else ending


def _check(trial: Trial) -> None:
    bounds = trial.bounds
    if len(trial.steps) > bounds.steps:
        raise TrialError(
            f"A trial may have at most {bounds.steps} records, messages and ticks; this one has {len(trial.steps)}."
        )
    given_bytes = sum(len(step.data) for step in trial.steps if isinstance(step, RecordStep))
    if given_bytes > bounds.given_bytes:
        raise TrialError(
            f"The records of a trial may have at most {bounds.given_bytes} bytes; these have {given_bytes}."
        )
    for step in trial.steps:
        if isinstance(step, MessageStep) and isinstance(trial.of, Decoder | Grammar):
            raise TrialError("A decoder and a grammar take records, not messages.")
        if isinstance(step, TickStep) and not isinstance(trial.of, model.Filter):
            raise TrialError("Only filters have a timer_event.")
        if isinstance(step, RecordStep) and not isinstance(trial.of, Decoder | Grammar) and trial.decoder is None:
            raise TrialError("Name a decoder for the records, or give messages.")


class _TrialRun:
    """One trial while it runs."""

    def __init__(
        self, trial: Trial, zygote: ZygoteClient, coverage: Coverage | None, *, watch_lines: bool = False
    ) -> None:
        self.outcome = TrialOutcome()
        self._trial = trial
        self.harness = TrialHarness(
            zygote,
            trial.bounds,
            max_record_bytes=max((len(step.data) for step in trial.steps if isinstance(step, RecordStep)), default=0),
            hostname=trial.hostname,
            sandbox_dir=trial.sandbox_dir,
            allow_unjailed=trial.allow_unjailed,
            on_print=self._on_print,
            coverage=coverage,
            watch_lines=watch_lines,
        )
        self.harness.now_ns = trial.now_ns
        self._decoder: TrialSandbox | None = None
        if trial.decoder is not None and not isinstance(trial.of, Decoder):
            self._decoder = self.harness.new_sandbox(trial.decoder, keep_packs=True)
        self._sandbox = self.harness.new_sandbox(trial.of, keep_packs=False)

    def _on_print(self, text: str) -> None:
        results = self.outcome.results
        (results[-1].prints if results else self.outcome.prints).append(text)

    async def run(self) -> None:
        """Start the sandboxes and run step after step until the trial ends."""
        sandboxes = self.harness.sandboxes
        budget = CpuBudget(self._trial.bounds.time_ms / 1000)
        try:
            with budget.charge(self.harness.cpu_s):
                async with budget.enforce():
                    await self._start_and_run_steps(sandboxes)
        except TimeoutError:
            self.outcome.stopped = "time"
        except TooMuchError:
            self.outcome.stopped = "output"
        self.outcome.left_out_prints = self.harness.left_out_prints
        self.outcome.modules = {name: digest for each in sandboxes for name, digest in each.process.modules.items()}

    async def _start_and_run_steps(self, sandboxes: list[TrialSandbox]) -> None:
        if all([await self._start(sandbox) for sandbox in sandboxes]):
            await self._run_steps()

    async def _start(self, sandbox: TrialSandbox) -> bool:
        await sandbox.start()
        self.outcome.start_cpu_us += sandbox.cpu_us()
        return self._is_alive(None)

    async def _run_steps(self) -> None:
        for number, step in enumerate(self._trial.steps):
            result = StepResult()
            self.outcome.results.append(result)
            if isinstance(step, TickStep):
                self.harness.now_ns = step.now_ns
                await self._sandbox.tick(step.now_ns, result, shutdown=step.shutdown)
            elif isinstance(step, MessageStep):
                await self._sandbox.give(self.harness.message_pack(step.message), result)
            elif self._decoder is None:
                await self._sandbox.give(self.harness.raw_pack(step.data), result)
            else:
                await self._decode_first(self._decoder, step, result)
            if not self._is_alive(number):
                return

    async def _decode_first(self, decoder: TrialSandbox, step: RecordStep, result: StepResult) -> None:
        await decoder.give(self.harness.raw_pack(step.data), result)
        result.matched = False
        for pack in decoder.take_packs():
            await self._sandbox.give(pack, result)

    def _is_alive(self, step: int | None) -> bool:
        """Return True if no process has ended. Otherwise record why the first one did."""
        terminations = (sandbox.termination for sandbox in self.harness.sandboxes)
        ended = next((each for each in terminations if each is not None), None)
        if ended is not None:
            self.outcome.ending = Ending(
                step=step,
                limit=ended.limit,
                text=ended.text,
                value=ended.value,
                matcher_problem=ended.matcher_problem,
            )
        return ended is None
