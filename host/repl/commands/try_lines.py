"""Runs the session's grammar in its own sandbox, or its decoder as in production, on samples and texts."""

from typing import Any

from host.config import model
from host.repl.infer import decoder_text
from host.repl.lua_process import script_sandbox
from host.repl.session import ReplError, ReplSession
from host.repl.ui.log_lines import LogLine
from host.trial import engine
from host.trial.messages import replace_bytes
from host.trial.model import Bounds, Decoder, RecordStep, Trial, TrialOutcome


async def try_samples(session: ReplSession) -> list[dict[str, Any]]:
    """Return the result for each sample; nothing while there is no grammar."""
    if not session.has_grammar and session.script is None:
        return []
    if session.script is not None:
        return _results(session.samples, await decode(session, session.samples))
    return [await session.match(text) for text in session.samples]


async def try_text(session: ReplSession, text: bytes) -> dict[str, Any]:
    """Return the result for one text."""
    if session.script is not None:
        return _results([text], await decode(session, [text]))[0]
    return await session.match(text)


def build_decoder(session: ReplSession, name: str = "repl") -> Decoder:
    """Return the decoder that :save would write.

    Raises:
        ReplError: Nothing is defined yet.
    """
    if not session.has_grammar and session.script is None:
        raise ReplError("There is no grammar yet: enter a pattern, set `grammar`, or :load one.")
    script = script_sandbox(name, decoder_text.decoder_code(session), session.config)
    return Decoder(name=name, decoder_chain=(script,), logger=name)


async def decode(
    session: ReplSession, records: list[bytes], name: str = "repl", now_ns: int | None = None
) -> TrialOutcome:
    """Run records through the decoder, in a sandbox of its own."""
    return await _run_trial(session, build_decoder(session, name), records, None, now_ns)


async def run_filter(session: ReplSession, of: model.Filter, records: list[bytes]) -> TrialOutcome:
    """Run records through the decoder, and the messages through a filter."""
    return await _run_trial(session, of, records, build_decoder(session), None)


async def _run_trial(
    session: ReplSession, of: Decoder | model.Filter, records: list[bytes], decoder: Decoder | None, now_ns: int | None
) -> TrialOutcome:
    steps = tuple(RecordStep(data=record) for record in records)
    trial = Trial(
        of=of, steps=steps, decoder=decoder, now_ns=now_ns, sandbox_dir=str(session.sandbox_dir), bounds=Bounds()
    )
    outcome = await engine.run(trial, session.zygote)
    if outcome.ending is not None and outcome.ending.step is None:
        raise ReplError(f"The script does not load: {outcome.ending.text}")
    return outcome


def _results(records: list[bytes], outcome: TrialOutcome) -> list[dict[str, Any]]:
    results = []
    for text, result in zip(records, outcome.results, strict=False):
        failure = result.failure or (result.dead_letters[0] if result.dead_letters else "")
        results.append(
            {
                "given": LogLine(text),
                "matched": bool(result.messages) and not failure,
                "messages": replace_bytes(result.messages),
                "failure": failure,
                "prints": result.prints,
            }
        )
    if outcome.ending is not None and results:
        results[-1]["failure"] = outcome.ending.text
    return results
