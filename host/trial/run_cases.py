"""Runs cases concurrently, runs tests of configurations, and compares the results with the expectations."""

import asyncio
import time
from collections.abc import Callable, Sequence

from host.core.errors import HekateError
from host.sandbox.zygote_client import ZygoteClient
from host.trial import engine, pipeline_tests
from host.trial.cases import Case
from host.trial.compare import CaseResult, Difference, case_differences
from host.trial.compare_tests import test_differences
from host.trial.coverage import Coverage
from host.trial.cpu_budget import CpuBudget
from host.trial.model import TrialOutcome
from host.trial.pipeline_tests import PlaceResult, Test

_MAX_CONCURRENT = 4


async def run_cases(
    cases: Sequence[Case],
    zygote: ZygoteClient,
    limiter: asyncio.Semaphore | None = None,
    coverage: Coverage | None = None,
    *,
    on_finished: Callable[[], None] = lambda: None,
    shared: CpuBudget | None = None,
) -> list[CaseResult]:
    """Run cases, each in a process of its own, and return the results in the order of the cases.

    Args:
        cases: The cases to run.
        zygote: Starts the processes.
        limiter: Limits the number of cases that run at once. It can be shared with other callers.
        coverage: Receives the lines that ran; None to record none.
        on_finished: Called after each case.
        shared: CPU budget of all cases together.
    """
    slots = limiter or asyncio.Semaphore(_MAX_CONCURRENT)

    async def run_one(case: Case) -> CaseResult:
        async with slots:
            result = await run_case(case, zygote, coverage, shared)
        on_finished()
        return result

    return list(await asyncio.gather(*map(run_one, cases)))


async def run_case(
    case: Case, zygote: ZygoteClient, coverage: Coverage | None = None, shared: CpuBudget | None = None
) -> CaseResult:
    """Run one case."""
    start_s = time.perf_counter()
    try:
        outcome = await engine.run(case.trial, zygote, coverage, shared)
        differences = case_differences(case, outcome)
    except HekateError as error:
        outcome = TrialOutcome()
        differences = [Difference(where="trial", line=case.line, expected="to run", got=str(error))]
    elapsed_ms = (time.perf_counter() - start_s) * 1000
    return CaseResult(
        name=case.name,
        file=case.file,
        line=case.line,
        differences=differences,
        elapsed_ms=round(elapsed_ms, 1),
        outcome=outcome,
    )


async def run_test(test: Test, zygote: ZygoteClient, coverage: Coverage | None = None) -> CaseResult:
    """Run a test of a configuration."""
    start_s = time.perf_counter()
    places: dict[str, PlaceResult] = {}
    try:
        places = await pipeline_tests.run(test, zygote, coverage)
        differences = test_differences(test, places)
    except HekateError as error:
        differences = [Difference(where="test", line=test.line, expected="to run", got=str(error))]
    elapsed_ms = (time.perf_counter() - start_s) * 1000
    return CaseResult(
        name=test.name,
        file=test.file,
        line=test.line,
        differences=differences,
        elapsed_ms=round(elapsed_ms, 1),
        places=places,
    )
