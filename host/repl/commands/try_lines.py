"""Tries the samples on what the session has come to: a grammar in its own sandbox, or a decoder as in production."""

from typing import Any

from host.config import model
from host.repl.infer import decoder_text
from host.repl.session import ReplError, Session
from host.repl.ui.line import Line
from host.repl.workbench import script_sandbox
from host.trial import engine
from host.trial.messages import replace_bytes
from host.trial.model import Bounds, Decoder, RecordStep, Trial, TrialOutcome


async def samples(session: Session) -> list[dict[str, Any]]:
    """What comes of each sample; nothing while there is no grammar."""
    if not session.has_grammar and session.script is None:
        return []
    if session.script is not None:
        return _decoded(session.samples, await decode(session, session.samples))
    return [await session.match(text) for text in session.samples]


async def one(session: Session, text: bytes) -> dict[str, Any]:
    """What comes of one text."""
    if session.script is not None:
        return _decoded([text], await decode(session, [text]))[0]
    return await session.match(text)


def decoder_of(session: Session, name: str = "repl") -> Decoder:
    """The decoder that :save would write under a name.

    Raises:
        ReplError: There is nothing to make one of.
    """
    if not session.has_grammar and session.script is None:
        raise ReplError("There is no grammar yet: enter a pattern, set `grammar`, or :load one.")
    made = script_sandbox(name, decoder_text.code_of(session), session.config)
    return Decoder(name=name, decoder_chain=(made,), logger=name)


async def decode(session: Session, records: list[bytes], name: str = "repl", now_ns: int | None = None) -> TrialOutcome:
    """Run records through that decoder, in a sandbox of its own."""
    return await _carry_out(session, decoder_of(session, name), records, None, now_ns)


async def filtered(session: Session, of: model.Filter, records: list[bytes]) -> TrialOutcome:
    """Run records through that decoder, and the messages through a filter."""
    return await _carry_out(session, of, records, decoder_of(session), None)


async def _carry_out(
    session: Session, of: Decoder | model.Filter, records: list[bytes], decoder: Decoder | None, now_ns: int | None
) -> TrialOutcome:
    steps = tuple(RecordStep(data=record) for record in records)
    trial = Trial(
        of=of, steps=steps, decoder=decoder, now_ns=now_ns, sandbox_dir=str(session.sandbox_dir), bounds=Bounds()
    )
    outcome = await engine.run(trial, session.zygote)
    if outcome.ending is not None and outcome.ending.step is None:
        raise ReplError(f"The script does not load: {outcome.ending.text}")
    return outcome


def _decoded(records: list[bytes], outcome: TrialOutcome) -> list[dict[str, Any]]:
    found = []
    for text, result in zip(records, outcome.results, strict=False):
        failure = result.failure or (result.dead_letters[0] if result.dead_letters else "")
        found.append(
            {
                "given": Line(text),
                "matched": bool(result.messages) and not failure,
                "messages": replace_bytes(result.messages),
                "failure": failure,
                "prints": result.prints,
            }
        )
    if outcome.ending is not None and found:
        found[-1]["failure"] = outcome.ending.text
    return found
