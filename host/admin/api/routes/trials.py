"""Trying out scripts, matchers and grammars, on pasted records or on those of the live stream."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from host.admin.api.route_spec import Call, Routes
from host.admin.problems import Fault, Problem
from host.admin.services import trials
from host.admin.services.trials import Script
from host.config.model import PluginKind
from host.sandbox.termination import Limit
from host.trial import answers
from host.trial.model import MessageStep, RecordStep, Step, StepResult, TickStep, TrialOutcome

routes = Routes("trials", "Trying out scripts, matchers and grammars, each in a jailed process of its own.")

Text = Annotated[str, Meta(max_length=65_536)]
Source = Annotated[str, Meta(max_length=524_288)]
Expression = Annotated[str, Meta(max_length=10_000)]


class Live(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records of the live stream, as a tap sees them."""

    point: Annotated[str, Meta(max_length=80)] = "router"
    """As for a tap; for a decoder, `decoders.NAME` of the input whose records it is to be tried on."""
    match: Expression = "TRUE"
    count: Annotated[int, Meta(ge=1, le=500)] = 20
    wait_ms: Annotated[int, Meta(ge=10, le=10_000)] = 3000
    """How long to wait until so many have come."""


class Material(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What something is tried on: raw records, messages, or what flows just now."""

    records: Annotated[list[Text], Meta(max_length=trials.MAX_STEPS)] = []
    """Lines as an input reads them; filters, encoders and matchers get what an input's decoders make of them."""
    messages: Annotated[list[dict[str, Any]], Meta(max_length=trials.MAX_STEPS)] = []
    """With headers (`Type`, `Payload`, ...) and `Fields`: a mapping of names to values, or a list as a tap shows it."""
    live: Live | None = None
    input: Annotated[str, Meta(max_length=64)] | None = None
    """Whose decoders make messages of `records`; needed if there are several inputs."""


class DryRun(Material, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script, and what it is tried on."""

    source: Source
    kind: PluginKind | None = None
    """Needed for a script without front matter."""
    config: dict[str, Any] = {}
    """Its options."""
    message_matcher: Expression | None = None
    """In place of what its front matter says."""
    tick: bool = False
    """True to call a filter's `timer_event` at the end."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """Result for one record or message."""

    given: str | dict[str, Any] | None
    """It; null for the call of timer_event."""
    matched: bool
    """Whether a decoder took it, or the matcher of a filter or encoder let it through."""
    messages: list[dict[str, Any]]
    """Decoded or injected."""
    outputs: list[str]
    """Encoded."""
    failure: str
    """Reason of the failure; empty if there was none."""
    dead_letters: list[str]
    """Reasons with which it would be among the dead letters."""
    prints: list[str]
    cpu_us: float
    """CPU that it took; some 20 us of it are those of a pack with one record."""


class DryRunResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a dry run."""

    ok: bool
    """True if every step ran and none failed."""
    results: list[Tried]
    prints: list[str]
    """While the script was loaded."""
    error: Fault | None
    """Why the script ended before its time: an error with its line, or a limit."""
    limit: str
    """Which one, if it was one."""
    stopped: str
    """`time` or `output`, if the dry run itself became too much."""
    cpu_us: float
    """Of all, with the loading of the script."""
    modules: list[str]
    """Modules that the script requires."""


@routes.post("/api/v1/sandboxes/dry-run", role="operator", scope="open")
async def dry_run(call: Call, body: DryRun) -> DryRunResult:
    """Run a script in a jail of its own, with production's limits, and see what it would do. Nothing else is touched.

    It is given pasted records or messages, or a sample of the live stream. Tokens that are bound to sandboxes may not
    use the latter.
    """
    script = Script(source=body.source, kind=body.kind, config=body.config, message_matcher=body.message_matcher)
    is_decoder = (body.kind or trials.kind_of(body.source)) == "decoder"
    steps = await _steps(call, body, raw=is_decoder)
    given = [_given(step) for step in steps]
    if body.tick and not is_decoder:
        steps += (TickStep(now_ns=time.time_ns()),)
        given.append(None)
    outcome = await call.context.trials.script(script, steps, body.input)
    return _dry_run_result(outcome, given)


def _dry_run_result(outcome: TrialOutcome, given: list[Any]) -> DryRunResult:
    results = [_tried(result, what) for result, what in zip(outcome.results, given, strict=False)]
    ending = outcome.ending
    return DryRunResult(
        ok=outcome.complete and not any(each.failure or each.dead_letters for each in results),
        results=results,
        prints=outcome.prints,
        error=trials.fault_of(ending) if ending else None,
        limit=ending.limit if ending and ending.limit != Limit.ERROR else "",
        stopped=outcome.stopped,
        cpu_us=round(outcome.start_cpu_us + sum(result.cpu_us for result in outcome.results), 1),
        modules=sorted(outcome.modules),
    )


def _tried(result: StepResult, given: Any) -> Tried:
    return Tried(
        given=given,
        matched=result.matched,
        messages=_plain(result.messages),
        outputs=[output.decode(errors="backslashreplace") for output in result.outputs],
        failure=result.failure,
        dead_letters=result.dead_letters,
        prints=result.prints,
        cpu_us=result.cpu_us,
    )


class MatcherTest(Material, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A matcher, and what it is tried on."""

    match: Expression


class MatcherTried(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a matcher for one message."""

    given: str | dict[str, Any] | None
    matched: bool
    failure: str
    """Reason why a raw record was not decoded; empty if it was."""
    cpu_us: float
    """CPU that it took, most of it that of a pack with one record."""


class MatcherResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a matcher accepts."""

    valid: bool
    problem: str
    """What is wrong with it, the place marked below; empty if it is valid."""
    results: list[MatcherTried]


@routes.post("/api/v1/matchers/test", role="operator", scope="open")
async def test_matcher(call: Call, body: MatcherTest) -> MatcherResult:
    """Try a message matcher, on nothing at all (is it valid?) or on records."""
    steps = await _steps(call, body, raw=False)
    outcome = await call.context.trials.matcher(body.match, steps, body.input)
    ending = outcome.ending
    problem = ending.matcher_problem or ending.text if ending is not None else ""
    results = [
        MatcherTried(given=_given(step), matched=result.matched, failure=result.failure, cpu_us=result.cpu_us)
        for step, result in zip(steps, outcome.results, strict=False)
    ]
    return MatcherResult(valid=not problem, problem=problem, results=results)


class GrammarTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grammar, and records to try it on."""

    source: Source
    """Lua that returns an LPEG pattern, sets the global `grammar`, or calls `declare_grammar`. It may `require`."""
    records: Annotated[list[Text], Meta(max_length=trials.MAX_STEPS)] = []
    live: Live | None = None


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a record that was captured."""

    start: int
    """Offset of its first byte, from 0."""
    end: int
    """Offset behind its last byte."""
    text: str
    name: str = ""
    """Of the group or field; empty if it has none."""


class GrammarTried(msgspec.Struct, frozen=True, kw_only=True):
    """What a grammar makes of one record. Offsets are those of bytes of UTF-8."""

    given: str
    matched: bool
    end: int | None
    """Offset behind the match; null if there is none."""
    furthest: int
    """How far it got: the offset at which everything that was tried failed, or behind the match."""
    captures: list[Capture]
    values: list[Any]
    """What `lpeg.match` answers."""
    match_ns: int
    """CPU of one match."""


class GrammarResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a grammar makes of records."""

    ok: bool
    """Whether the script made a pattern."""
    error: Fault | None
    """Why it did not, or why trying it ended."""
    results: list[GrammarTried]
    prints: list[str]


@routes.post("/api/v1/grammars/test", role="operator", scope="open")
async def test_grammar(call: Call, body: GrammarTest) -> GrammarResult:
    """Try an LPEG grammar on records: what it captures and where, how far it gets, what it costs."""
    steps = await _steps(call, Material(records=body.records, live=body.live), raw=True)
    outcome = await call.context.trials.grammar(body.source, steps)
    results = [
        _grammar_tried(step.data, result.outputs[0])
        for step, result in zip(steps, outcome.results, strict=False)
        if isinstance(step, RecordStep) and result.outputs
    ]
    return GrammarResult(
        ok=outcome.complete,
        error=_grammar_fault(outcome),
        results=results,
        prints=[line for result in outcome.results for line in result.prints] or outcome.prints,
    )


def _grammar_fault(outcome: TrialOutcome) -> Fault | None:
    if outcome.ending is not None:
        return trials.fault_of(outcome.ending)
    return Fault(message=f"It was ended: too much {outcome.stopped}.") if outcome.stopped else None


def _grammar_tried(data: bytes, output: bytes) -> GrammarTried:
    said = answers.decode(output)
    captures = [
        Capture(
            start=each["start"],
            end=each["end"],
            name=each.get("name", ""),
            text=data[each["start"] : each["end"]].decode(errors="backslashreplace"),
        )
        for each in said.get("captures") or ()
    ]
    values = said.get("values") or []
    return GrammarTried(
        given=data.decode(errors="backslashreplace"),
        matched=said["matched"],
        end=said.get("end"),
        furthest=said["furthest"],
        captures=captures,
        values=values if isinstance(values, list) else [values],
        match_ns=said.get("match_ns", 0),
    )


async def _steps(call: Call, body: Material, *, raw: bool) -> tuple[Step, ...]:
    """What is to be tried, pasted or live."""
    steps: list[Step] = [RecordStep(data=text.encode(errors="replace")) for text in body.records]
    steps += [MessageStep(message=message) for message in body.messages]
    if body.live is not None:
        if call.caller.prefixes is not None:
            raise Problem(403, "The live stream is the whole host's, and your token is for some sandboxes only.")
        live = body.live
        found = await call.context.trials.live(live.point, live.match, live.count, live.wait_ms)
        steps += trials.steps_of(found, raw=raw)
    return tuple(steps[: trials.MAX_STEPS])


def _given(step: Step) -> Any:
    if isinstance(step, RecordStep):
        return step.data.decode(errors="backslashreplace")
    return _plain(step.message) if isinstance(step, MessageStep) else None


def _plain(value: Any) -> Any:
    """Without bytes, which JSON does not have."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    return [_plain(child) for child in value] if isinstance(value, list) else value
