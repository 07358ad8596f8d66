"""What a grammar costs: LPEG alone, and the whole decoder in a sandbox as production has it."""

from typing import Any

from host.repl.commands import try_lines
from host.repl.session import ReplError, Session
from host.trial.harness import TrialHarness
from host.trial.model import Bounds, Result

_BYTES = 300 * 1024
"""Of samples, again and again, in one pack."""
_ROUNDS = 5
_ENDLESS = 1 << 60
_MAX_SAMPLES = 20


async def measure(session: Session) -> dict[str, Any]:
    """Measure.

    Raises:
        ReplError: None of the samples matches.
    """
    found: dict[str, Any] = {"samples": len(session.samples), "match": {}, "costs": []}
    if session.script is None:
        ends = await session.ends(session.samples)
        matching = [text for text, end in zip(session.samples, ends, strict=True) if end is not None][:_MAX_SAMPLES]
        if not matching:
            raise ReplError("None of the samples matches, so there is nothing to measure.")
        lengths = [len(text) for text in matching]
        said = await session.ask("bench", b"".join(matching), ends=[sum(lengths[: n + 1]) for n in range(len(lengths))])
        mean = sum(lengths) / len(lengths)
        found["match"] = {"table": _cost(said["table_ns"], mean), "declared": _cost(said["positions_ns"], mean)}
        costs = (await session.ask("costs", matching[0]))["costs"]
        found["costs"] = costs[:5] if isinstance(costs, list) else []
    else:
        matching = session.samples
    found["decoder"] = await _decoder(session, matching)
    found["runs_on"] = await session.runs_on()
    return found


def _cost(ns: float, size: float) -> dict[str, float]:
    return {"ns_per_record": round(ns), "mb_per_s": round(size / max(ns, 1e-9) * 1000, 1)}


async def _decoder(session: Session, records: list[bytes]) -> dict[str, Any]:
    """The decoder's own CPU for a pack of records: the least of some rounds."""
    once = b"".join(record + b"\n" for record in records)
    data = once * max(1, _BYTES // len(once))
    harness = TrialHarness(
        session.zygote,
        Bounds(output_bytes=_ENDLESS, prints=0),
        longest=len(data),
        hostname="localhost",
        sandbox_dir=str(session.sandbox_dir),
        allow_unjailed=False,
        printed=_nothing,
    )
    try:
        stage = harness.stage(try_lines.decoder_of(session), keep_packs=True)
        await stage.start()
        costs_us = []
        for _ in range(_ROUNDS):
            result = Result()
            if stage.termination is None:
                await stage.give(harness.batch(data), result)
            if stage.termination is not None:
                raise ReplError(f"The decoder was ended: {stage.termination.text}")
            for pack in stage.take_packs():
                pack.let_go()
            costs_us.append(result.cpu_us)
    finally:
        await harness.close()
    count = data.count(b"\n")
    return {"declared": session.declared, **_cost(min(costs_us) * 1000 / count, len(data) / count)}


def _nothing(_text: str) -> None:
    """What is to be done with what the decoder prints."""
