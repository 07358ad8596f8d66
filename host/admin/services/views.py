"""Components and sandboxes as the API returns them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from host.admin.services import secrets, stats
from host.admin.services.index import component_of, scripts_of, state_of
from host.config import model
from host.packs.arena import Arena
from host.pipeline.units.any_unit import InputUnit, OutputUnit, Unit
from host.sandbox.sandbox import Sandbox
from host.telemetry.failures import Condition
from host.telemetry.metrics import DROPS, ERRORS, SPECS, ComponentMetrics

State = Literal["running", "paused", "stopped", "starting", "backing_off", "quarantined", "failed", "ended", "unused"]

Counters = msgspec.defstruct(
    "Counters",
    [
        *((spec.attribute, Annotated[int, Meta(description=spec.meaning)]) for spec in SPECS),
        *((spec.attribute, Annotated[dict[str, int], Meta(description=spec.meaning)]) for spec in (ERRORS, DROPS)),
    ],
    frozen=True,
    kw_only=True,
    namespace={"__doc__": "What a component has counted since the host was started; docs/metrics.md explains it."},
)


class QueueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Queue in front of a filter or an output."""

    policy: str
    """Policy for a full queue."""
    max_packs: int
    packs: int
    """Held: they wait, are worked on, or are not delivered yet."""
    packs_highest: int
    records: int
    """In the packs held."""
    lag_ms: int
    """Age of the oldest pack held."""


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of shared memory in slots; a pack is in one slot."""

    slots: int
    slots_used: int
    slot_bytes: int


class LastError(msgspec.Struct, frozen=True, kw_only=True):
    """The last thing that went wrong at a component."""

    time_ns: int
    text: str
    file: str
    """The script's file; empty if no script is at fault."""
    line: int
    """The line in it, from 1; 0 if it is not known."""


class FailedRecordReport(msgspec.Struct, frozen=True, kw_only=True):
    """A record that failed."""

    time_ns: int
    reason: str
    record: str
    """The first 1000 characters; what cannot be printed is escaped. For a message that a filter made, its Payload."""
    bytes: int
    """The length of the whole record."""
    stream: str
    position: int


class FailureReport(msgspec.Struct, frozen=True, kw_only=True):
    """Failures of a component.

    Recent records are those of the last 30 to 60 seconds in which the component worked. A new version of a script
    begins anew.
    """

    condition: Condition
    """`failing`: four of five recent records failed, or more; `warning`: something failed in the last minute."""
    summary: str
    """The condition in a sentence; empty if it is ok."""
    failed_records: int
    """Since the host was started."""
    recent_records: int
    recent_failed: int
    recent_share: float
    """The part of the recent records that failed, from 0 to 1."""
    left_out_letters: int
    """Failed records that are not in the dead letters: of a filter 1000 at once and 10 a second are kept."""
    last_error: LastError | None
    first_record: FailedRecordReport | None
    """The first record that failed with this version of the script."""


class WaitingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Back-pressure at an input: it reads nothing until a component lets go of a pack."""

    held_by: str
    """The component that holds the oldest pack, as `outputs.errors`."""
    for_ms: int
    reason: str
    """Reason why that component makes no progress, if known."""


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """An input, its decoders, a filter, an output, or its encoder."""

    stage: Literal["inputs", "decoders", "filters", "encoders", "outputs"]
    name: str
    type: str
    """Its type, or the names of its plugins."""
    state: State
    reason: str
    """Reason why the component is not working; empty if it is."""
    message_matcher: str | None
    """Message matcher; null for inputs and decoders."""
    sandboxes: list[str]
    """The names of its sandboxes."""
    queue: QueueStatus | None
    waiting: WaitingStatus | None
    """Of an input that has been waiting for a second or longer; null for all others."""
    pools: list[Pool]
    """Of what it makes."""
    failures: FailureReport
    counters: Counters  # type: ignore[valid-type]  # made of the metrics' own list


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """A limit, and how much of it is used."""

    name: str
    """As in the configuration."""
    limit: int
    current: int
    """In the last pack or timer_event."""
    highest: int
    """Since the script was loaded."""
    unit: str


class TerminationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Report of a process that was terminated."""

    limit: str
    """The limit that was exceeded; or `error`, `signal`, `protocol`."""
    value: int
    """Value of the limit."""
    text: str
    """Description of the termination, with the script's line if known."""
    record: int
    """At which record of its pack."""


class CostBucket(msgspec.Struct, frozen=True, kw_only=True):
    """Records that took a similar time."""

    below_ns: int
    """They took less than this, and at least half of it."""
    records: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls into a script take of the CPU; each record counts as the average of its pack."""

    records: int
    records_ns: int
    """CPU of all of them."""
    timer_current_ns: int
    """CPU of the last timer_event."""
    timer_highest_ns: int
    histogram: list[CostBucket]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process of a sandbox."""

    name: str
    pid: int
    """0 if there is none now."""
    state: State
    cpu_ms: int
    """Since it was started."""
    resident_bytes: int
    """Memory in RAM, with what it shares with others."""
    packs: int
    """That it works on, or that wait for it."""
    limits: list[LimitUse]
    cost: Cost
    last_termination: TerminationReport | None


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a sandbox runs. The decoders of a chain share their processes."""

    component: str
    """As `decoders.access`."""
    state: State
    processes: list[Process]
    queue: QueueStatus | None
    failures: FailureReport
    counters: Counters  # type: ignore[valid-type]


def counters(metrics: ComponentMetrics) -> Any:
    """Return the counters of a component."""
    metrics.count_failures()
    values = {spec.attribute: getattr(metrics, spec.attribute) for spec in SPECS}
    return Counters(**values, errors=dict(metrics.errors), drops=dict(metrics.drops))


def queue(unit: Unit) -> QueueStatus | None:
    """Return a unit's queue, or None for an input, which has no queue."""
    if isinstance(unit, InputUnit):
        return None
    consumer, settings = unit.consumer, unit.config.queue
    return QueueStatus(
        policy=settings.policy,
        max_packs=settings.max_packs,
        packs=consumer.queued,
        packs_highest=unit.metrics.queue_packs_max,
        records=consumer.queued_records,
        lag_ms=consumer.lag_ms(),
    )


def failures(unit: Unit, stage: str) -> FailureReport:
    """Return the failures of a unit's component."""
    found = stats.failures_of(unit, stage)
    recent_records, recent_failed = found.recent
    last, first = found.last, found.first
    return FailureReport(
        condition=found.condition,
        summary=found.summary,
        failed_records=found.total,
        recent_records=recent_records,
        recent_failed=recent_failed,
        recent_share=round(found.share, 4),
        left_out_letters=unit.metrics.letters_left_out if stage == "filters" else 0,
        last_error=LastError(**last._asdict()) if last else None,
        first_record=None
        if first is None
        else FailedRecordReport(
            time_ns=first.time_ns,
            reason=first.reason,
            record=first.text,
            bytes=first.bytes,
            stream=first.stream,
            position=first.position,
        ),
    )


def _pool(arena: Arena) -> Pool:
    used = arena.used_slots
    return Pool(slots=used + arena.free_slots, slots_used=used, slot_bytes=arena.slot_bytes)


def component(unit: Unit, stage: str) -> Component:
    """One component; the decoders of an input and the encoder of an output are components of their own."""
    if stage == "inputs":
        assert isinstance(unit, InputUnit)
        return _component(unit, stage, unit.config.type, _input_state(unit), [_pool(unit.intake.arena)])
    if stage == "outputs":
        assert isinstance(unit, OutputUnit)
        return _component(unit, stage, unit.config.type, "paused" if unit.held else "running", [])
    pools = [_pool(sandbox.arena) for sandbox in unit.sandboxes()]
    plugins = " ".join(sandbox.plugin for sandbox in scripts_of(unit))
    return _component(unit, stage, plugins, state_of(unit), pools)


def _component(unit: Unit, stage: Any, type_: str, state: Any, pools: list[Pool]) -> Component:
    metrics = stats.sandbox_metrics(unit) if stage == "decoders" else unit.metrics
    return Component(
        stage=stage,
        name=unit.config.name,
        type=type_,
        state=state,
        reason=stats.reason_of(unit, stage) or stats.waiting_reason(unit, stage),
        message_matcher=None if isinstance(unit, InputUnit) else unit.config.message_matcher,
        sandboxes=[sandbox.name for sandbox in scripts_of(unit)],
        queue=queue(unit) if stage in {"filters", "outputs"} else None,
        waiting=_waiting(unit, stage),
        pools=pools,
        failures=failures(unit, stage),
        counters=counters(metrics),
    )


def _waiting(unit: Unit, stage: str) -> WaitingStatus | None:
    found = unit.waiting() if stage == "inputs" and isinstance(unit, InputUnit) else None
    return None if found is None else WaitingStatus(held_by=found.held_by, for_ms=found.for_ms, reason=found.reason)


def _input_state(unit: InputUnit) -> State:
    if unit.fault is not None:
        return "failed"
    if unit.finished:
        return "ended"
    return "paused" if unit.intake.paused else "running"


def instance(unit: Unit) -> Instance:
    """A place where a sandbox runs, in all detail."""
    return Instance(
        component=component_of(unit),
        state=state_of(unit),  # type: ignore[arg-type]  # one of those
        processes=[_process(sandbox, unit) for sandbox in unit.sandboxes()],
        queue=queue(unit),
        failures=failures(unit, component_of(unit).partition(".")[0]),
        counters=counters(stats.sandbox_metrics(unit)),
    )


def memory(unit: Unit, sandbox: Sandbox) -> LimitUse:
    """Return a process's memory limit and use."""
    use = sandbox.usage().limits["memory_limit"]
    limit = sum(script.limits.memory_limit for script in scripts_of(unit))
    return LimitUse(name="memory_limit", limit=limit, current=use.current, highest=use.highest, unit="bytes")


def _process(sandbox: Sandbox, unit: Unit) -> Process:
    usage = sandbox.usage()
    ended = sandbox.termination
    return Process(
        name=sandbox.name,
        pid=sandbox.pid,
        state=sandbox.state,
        cpu_ms=round(stats.spent_ms(sandbox)),
        resident_bytes=stats.resident_bytes(sandbox),
        packs=len(sandbox.work),
        limits=_limits(usage.limits, scripts_of(unit)),
        cost=Cost(
            records=usage.records,
            records_ns=usage.records_ns,
            timer_current_ns=usage.timer_ns.current,
            timer_highest_ns=usage.timer_ns.highest,
            histogram=[
                CostBucket(below_ns=2 << power, records=count) for power, count in enumerate(usage.histogram) if count
            ],
        ),
        last_termination=None
        if ended is None
        else TerminationReport(limit=ended.limit, value=ended.value, text=ended.text, record=ended.record),
    )


_UNITS = {
    "memory_limit": "bytes",
    "cpu_limit": "milliseconds",
    "output_limit": "bytes",
    "max_message_size": "bytes",
    "max_message_fields": "fields",
    "max_process_inject": "messages",
    "max_timer_inject": "messages",
    "max_loops": "loops",
}
_OF_FILTERS = frozenset({"max_process_inject", "max_timer_inject", "max_loops"})
_SUMMED = frozenset({"memory_limit", "cpu_limit"})
"""Limits that the scripts of a chain add up to; of the others, the highest holds for all."""


def _limits(used: Any, scripts: tuple[model.Sandbox, ...]) -> list[LimitUse]:
    found = []
    for name, unit in _UNITS.items():
        if name in _OF_FILTERS and scripts[0].kind != "filter":
            continue
        each = [getattr(script.limits, name) for script in scripts]
        use = used[name]
        limit = sum(each) if name in _SUMMED else max(each)
        found.append(LimitUse(name=name, limit=limit, current=use.current, highest=use.highest, unit=unit))
    return found


def hidden(config: dict[str, Any]) -> dict[str, Any]:
    """The options of a script without secrets."""
    shown: dict[str, Any] = secrets.hide(config)
    return shown
