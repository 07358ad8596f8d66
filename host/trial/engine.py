"""Runs a trial: a jailed process with production's limits, given one record, message or tick after the other.

Each goes as a pack of its own, so what came of it, and what it cost, is known of each. Nothing here waits on the
host's loop for longer than it takes to read what one step has made.
"""

import math

from host.config import model
from host.core.errors import SandboxError
from host.sandbox.termination import Limit
from host.sandbox.zygote_client import ZygoteClient
from host.trial.allowance import Allowance
from host.trial.coverage import Coverage
from host.trial.harness import TrialHarness
from host.trial.model import Decoder, Ending, Given, Grammar, Outcome, Record, Result, Tick, Trial
from host.trial.trial_sandbox import Stage, TooMuchError


class TrialError(SandboxError):
    """A trial cannot be carried out as it was asked for."""


async def run(
    trial: Trial, zygote: ZygoteClient, coverage: Coverage | None = None, shared: Allowance | None = None
) -> Outcome:
    """Carry out a trial.

    Args:
        trial: What is tried.
        zygote: Starts the processes.
        coverage: Told which lines run, if somebody wants to know.
        shared: What several trials may take together.

    Raises:
        TrialError: It asks for more than its bounds, or for what its kind cannot do.
        MessageError: A message that is given is none.
        SandboxError: No process could be started at all. A script that does not load is an outcome.
    """
    _check(trial)
    shared = shared or Allowance(math.inf)
    outcome = await _run(_Running(trial, zygote, coverage), shared)
    if outcome.ending is not None and outcome.ending.limit in {Limit.CPU, Limit.MEMORY} and coverage is None:
        outcome.ending = await _with_line(outcome.ending, trial, zygote, shared)
    return outcome


async def _run(running: "_Running", shared: Allowance) -> Outcome:
    try:
        with shared.charged(running.harness.cpu_s):
            await running.run()
    finally:
        await running.harness.close()
    return running.outcome


async def _with_line(ending: Ending, trial: Trial, zygote: ZygoteClient, shared: Allowance) -> Ending:
    """The same, with the line of the script, which is known only of a process that runs slowly to say so."""
    again = await _run(_Running(trial, zygote, None, watch_lines=True), shared)
    same = again.ending is not None and (again.ending.step, again.ending.limit) == (ending.step, ending.limit)
    return again.ending if again.ending is not None and same else ending


def _check(trial: Trial) -> None:
    bounds = trial.bounds
    if len(trial.steps) > bounds.steps:
        raise TrialError(
            f"A trial has at most {bounds.steps} records, messages and ticks; this one has {len(trial.steps)}."
        )
    given_bytes = sum(len(step.data) for step in trial.steps if isinstance(step, Record))
    if given_bytes > bounds.given_bytes:
        raise TrialError(f"The records of a trial have at most {bounds.given_bytes} bytes; these have {given_bytes}.")
    for step in trial.steps:
        if isinstance(step, Given) and isinstance(trial.of, Decoder | Grammar):
            raise TrialError("A decoder and a grammar are given records, not messages.")
        if isinstance(step, Tick) and not isinstance(trial.of, model.Filter):
            raise TrialError("Only filters have a timer_event.")
        if isinstance(step, Record) and not isinstance(trial.of, Decoder | Grammar) and trial.decoder is None:
            raise TrialError("Name a decoder that makes messages of the records, or give messages.")


class _Running:
    """One trial that is being carried out."""

    def __init__(
        self, trial: Trial, zygote: ZygoteClient, coverage: Coverage | None, *, watch_lines: bool = False
    ) -> None:
        self.outcome = Outcome()
        self._trial = trial
        self.harness = TrialHarness(
            zygote,
            trial.bounds,
            longest=max((len(step.data) for step in trial.steps if isinstance(step, Record)), default=0),
            hostname=trial.hostname,
            sandbox_dir=trial.sandbox_dir,
            allow_unjailed=trial.allow_unjailed,
            printed=self._printed,
            coverage=coverage,
            watch_lines=watch_lines,
        )
        self.harness.now_ns = trial.now_ns
        self._decoder: Stage | None = None
        if trial.decoder is not None and not isinstance(trial.of, Decoder):
            self._decoder = self.harness.stage(trial.decoder, keep_packs=True)
        self._stage = self.harness.stage(trial.of, keep_packs=False)

    def _printed(self, text: str) -> None:
        results = self.outcome.results
        (results[-1].prints if results else self.outcome.prints).append(text)

    async def run(self) -> None:
        """Start, and carry out step after step until something ends it."""
        stages = self.harness.stages
        allowance = Allowance(self._trial.bounds.time_ms / 1000)
        try:
            with allowance.charged(self.harness.cpu_s):
                async with allowance.enforced():
                    await self._start_and_run_steps(stages)
        except TimeoutError:
            self.outcome.stopped = "time"
        except TooMuchError:
            self.outcome.stopped = "output"
        self.outcome.left_out_prints = self.harness.left_out_prints
        self.outcome.modules = {name: digest for each in stages for name, digest in each.sandbox.modules.items()}

    async def _start_and_run_steps(self, stages: list[Stage]) -> None:
        if all([await self._start(stage) for stage in stages]):
            await self._run_steps()

    async def _start(self, stage: Stage) -> bool:
        await stage.start()
        self.outcome.start_cpu_us += stage.cpu_us()
        return self._goes_on(None)

    async def _run_steps(self) -> None:
        for number, step in enumerate(self._trial.steps):
            result = Result()
            self.outcome.results.append(result)
            if isinstance(step, Tick):
                self.harness.now_ns = step.now_ns
                await self._stage.tick(step.now_ns, result, shutdown=step.shutdown)
            elif isinstance(step, Given):
                await self._stage.give(self.harness.message_pack(step.message), result)
            elif self._decoder is None:
                await self._stage.give(self.harness.raw_pack(step.data), result)
            else:
                await self._decode_first(self._decoder, step, result)
            if not self._goes_on(number):
                return

    async def _decode_first(self, decoder: Stage, step: Record, result: Result) -> None:
        await decoder.give(self.harness.raw_pack(step.data), result)
        result.matched = False
        for pack in decoder.take_packs():
            await self._stage.give(pack, result)

    def _goes_on(self, step: int | None) -> bool:
        """Whether no process has ended; the first one that has is why the trial does."""
        terminations = (stage.termination for stage in self.harness.stages)
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
