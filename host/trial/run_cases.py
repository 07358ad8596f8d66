"""Runs cases, some at a time, and tests of configurations, and judges what comes of them."""

import asyncio
import time
from collections.abc import Callable, Sequence

from host.core.errors import HekateError
from host.sandbox.zygote_client import ZygoteClient
from host.trial import engine, pipeline_tests
from host.trial.allowance import Allowance
from host.trial.cases import Case
from host.trial.compare import Difference, Verdict, differences
from host.trial.compare_tests import test_differences
from host.trial.coverage import Coverage
from host.trial.model import Outcome
from host.trial.pipeline_tests import Came, Test

_AT_ONCE = 4


async def run_cases(
    cases: Sequence[Case],
    zygote: ZygoteClient,
    at_once: asyncio.Semaphore | None = None,
    coverage: Coverage | None = None,
    *,
    judged: Callable[[], None] = lambda: None,
    shared: Allowance | None = None,
) -> list[Verdict]:
    """Run cases, each in a process of its own; the verdicts come in their order.

    Args:
        cases: What is run.
        zygote: Starts the processes.
        at_once: Shared with others who run cases.
        coverage: Told which lines run, if somebody wants to know.
        judged: Called after each.
        shared: What all together may take.
    """
    free = at_once or asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> Verdict:
        async with free:
            verdict = await run_case(case, zygote, coverage, shared)
        judged()
        return verdict

    return list(await asyncio.gather(*map(one, cases)))


async def run_case(
    case: Case, zygote: ZygoteClient, coverage: Coverage | None = None, shared: Allowance | None = None
) -> Verdict:
    """Run one case."""
    start_s = time.perf_counter()
    try:
        outcome = await engine.run(case.trial, zygote, coverage, shared)
        found = differences(case, outcome)
    except HekateError as error:
        outcome = Outcome()
        found = [Difference(where="trial", line=case.line, expected="to be carried out", got=str(error))]
    elapsed_ms = (time.perf_counter() - start_s) * 1000
    return Verdict(
        name=case.name,
        file=case.file,
        line=case.line,
        differences=found,
        elapsed_ms=round(elapsed_ms, 1),
        outcome=outcome,
    )


async def run_test(test: Test, zygote: ZygoteClient, coverage: Coverage | None = None) -> Verdict:
    """Run a test of a configuration."""
    start_s = time.perf_counter()
    came: dict[str, Came] = {}
    try:
        came = await pipeline_tests.run(test, zygote, coverage)
        found = test_differences(test, came)
    except HekateError as error:
        found = [Difference(where="test", line=test.line, expected="to be carried out", got=str(error))]
    elapsed_ms = (time.perf_counter() - start_s) * 1000
    return Verdict(
        name=test.name,
        file=test.file,
        line=test.line,
        differences=found,
        elapsed_ms=round(elapsed_ms, 1),
        came=came,
    )
