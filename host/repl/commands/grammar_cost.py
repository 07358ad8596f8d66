"""Measures the cost of a grammar: LPEG alone, and the whole decoder in a sandbox as in production."""

from typing import Any

from host.repl.commands import try_lines
from host.repl.session import ReplError, ReplSession
from host.trial.harness import TrialHarness
from host.trial.model import Bounds, StepResult

_BYTES = 300 * 1024
"""Size of the test pack, filled with repeated samples."""
_ROUNDS = 5
_UNLIMITED = 1 << 60
_MAX_SAMPLES = 20


async def measure(session: ReplSession) -> dict[str, Any]:
    """Measure the grammar on the samples.

    Raises:
        ReplError: None of the samples matches.
    """
    figures: dict[str, Any] = {"samples": len(session.samples), "match": {}, "costs": []}
    if session.script is None:
        ends = await session.match_ends(session.samples)
        matching = [text for text, end in zip(session.samples, ends, strict=True) if end is not None][:_MAX_SAMPLES]
        if not matching:
            raise ReplError("None of the samples matches, so there is nothing to measure.")
        lengths = [len(text) for text in matching]
        answer = await session.ask(
            "bench", b"".join(matching), ends=[sum(lengths[: n + 1]) for n in range(len(lengths))]
        )
        mean = sum(lengths) / len(lengths)
        figures["match"] = {"table": _cost(answer["table_ns"], mean), "declared": _cost(answer["positions_ns"], mean)}
        costs = (await session.ask("costs", matching[0]))["costs"]
        figures["costs"] = costs[:5] if isinstance(costs, list) else []
    else:
        matching = session.samples
    figures["decoder"] = await _decoder_cost(session, matching)
    figures["runs_on"] = await session.runs_on()
    return figures


def _cost(ns: float, size: float) -> dict[str, float]:
    return {"ns_per_record": round(ns), "mb_per_s": round(size / max(ns, 1e-9) * 1000, 1)}


async def _decoder_cost(session: ReplSession, records: list[bytes]) -> dict[str, Any]:
    """Return the decoder's CPU cost per record of a pack: the minimum of several rounds."""
    once = b"".join(record + b"\n" for record in records)
    data = once * max(1, _BYTES // len(once))
    harness = TrialHarness(
        session.zygote,
        Bounds(output_bytes=_UNLIMITED, prints=0),
        max_record_bytes=len(data),
        hostname="localhost",
        sandbox_dir=str(session.sandbox_dir),
        allow_unjailed=False,
        on_print=_ignore_print,
    )
    try:
        sandbox = harness.new_sandbox(try_lines.build_decoder(session), keep_packs=True)
        await sandbox.start()
        costs_us = []
        for _ in range(_ROUNDS):
            result = StepResult()
            if sandbox.termination is None:
                await sandbox.give(harness.batch(data), result)
            if sandbox.termination is not None:
                raise ReplError(f"The decoder was ended: {sandbox.termination.text}")
            for pack in sandbox.take_packs():
                pack.release()
            costs_us.append(result.cpu_us)
    finally:
        await harness.close()
    count = data.count(b"\n")
    return {"declared": session.declared, **_cost(min(costs_us) * 1000 / count, len(data) / count)}


def _ignore_print(_text: str) -> None:
    """Ignore what the decoder prints."""
