"""Every metric of Hekate, by name.

A component counts on its own `ComponentMetrics`: plain integers, incremented by the one thread that runs the
event loop, so a count costs an attribute store and no lock. Whoever shows metrics reads them through the
`Registry`; `SPECS` says what each attribute is called outside and what it means. `prometheus.py` presents it
to a scraper.
"""

from collections import Counter
from typing import Literal, NamedTuple

from host.telemetry.failures import Failures

Kind = Literal["inputs", "splitters", "decoders", "router", "filters", "encoders", "outputs", "admin"]


class MetricSpec(NamedTuple):
    """One metric: the attribute that holds it, its name for Prometheus, what it means."""

    attribute: str
    name: str
    meaning: str
    is_gauge: bool = False
    scale: float = 1
    """What makes the base unit, which the name ends in, of the attribute."""


SPECS: tuple[MetricSpec, ...] = (
    MetricSpec("records_received", "hekate_component_received_records", "Records that came in."),
    MetricSpec("records_sent", "hekate_component_sent_records", "Records that went on."),
    MetricSpec("bytes_received", "hekate_component_received_bytes", "Bytes that came in."),
    MetricSpec("bytes_sent", "hekate_component_sent_bytes", "Bytes that went on."),
    MetricSpec("packs_received", "hekate_component_received_packs", "Packs that came in."),
    MetricSpec("packs_sent", "hekate_component_sent_packs", "Packs that went on."),
    MetricSpec("packs_skipped", "hekate_component_skipped_packs", "Packs that the matcher ruled out by their header."),
    MetricSpec("records_injected", "hekate_component_injected_records", "Messages that a filter put in."),
    MetricSpec("records_replayed", "hekate_component_replayed_records", "Dead letters that were tried again."),
    MetricSpec("records_failed", "hekate_component_failed_records", "Records that failed here, whatever the reason."),
    MetricSpec(
        "failed_permille",
        "hekate_component_recent_failed_ratio",
        "Part of the recent records that failed.",
        is_gauge=True,
        scale=0.001,
    ),
    MetricSpec(
        "letters_left_out",
        "hekate_component_left_out_dead_letters",
        "Failed records that are not in the dead letters: a filter fails at more than are kept.",
    ),
    MetricSpec(
        "records_skipped",
        "hekate_component_skipped_records",
        "Records that matched, and of which the encoder made nothing on purpose.",
    ),
    MetricSpec("records_empty", "hekate_component_empty_records", "Records whose encoding is empty."),
    MetricSpec("records_truncated", "hekate_component_truncated_records", "Records cut at max_record_bytes."),
    MetricSpec("bytes_truncated", "hekate_component_truncated_bytes", "Bytes cut off at max_record_bytes."),
    MetricSpec("retries", "hekate_component_retries", "Deliveries tried again."),
    MetricSpec("restarts", "hekate_component_restarts", "Starts after the first one."),
    MetricSpec(
        "queue_packs",
        "hekate_component_queue_packs",
        "Packs held: they wait, are worked on, or are not delivered.",
        is_gauge=True,
    ),
    MetricSpec("queue_records", "hekate_component_queue_records", "Records in the packs held.", is_gauge=True),
    MetricSpec("queue_packs_max", "hekate_component_queue_max_packs", "Most packs that were ever held.", is_gauge=True),
    MetricSpec("lag_ms", "hekate_component_lag_seconds", "Age of the oldest pack held.", True, 0.001),
    MetricSpec("delivery_failing", "hekate_output_failing", "1 while an output cannot deliver or be opened.", True),
    MetricSpec("streams_open", "hekate_component_open_streams", "Files or connections now open.", is_gauge=True),
    MetricSpec("memory_bytes", "hekate_sandbox_memory_bytes", "Lua memory in use.", is_gauge=True),
    MetricSpec("memory_bytes_max", "hekate_sandbox_memory_max_bytes", "Most Lua memory in use.", is_gauge=True),
    MetricSpec("private_bytes", "hekate_sandbox_private_bytes", "Private memory of the processes.", is_gauge=True),
    MetricSpec("state_bytes", "hekate_sandbox_state_bytes", "Size of the last snapshot of its state.", is_gauge=True),
    MetricSpec("snapshots", "hekate_sandbox_snapshots", "Snapshots of its state."),
    MetricSpec("cpu_ms", "hekate_sandbox_cpu_seconds", "CPU time of the processes.", scale=0.001),
)
ERRORS = MetricSpec("errors", "hekate_component_errors", "What went wrong, by reason.")
DROPS = MetricSpec("drops", "hekate_component_dropped_records", "Records not passed on, by reason.")
VERSIONS = MetricSpec(
    "versions",
    "hekate_sandbox_version_records",
    "Records that came in, by version of the script: the first digits of its SHA-256, for the last few.",
)
STATES = MetricSpec("states", "hekate_sandbox_states", "Sandboxes, by state.", is_gauge=True)


WAITS = MetricSpec(
    "waits",
    "hekate_input_waiting_seconds",
    "How long an input has been waiting for room, by the component that holds it.",
    is_gauge=True,
    scale=0.001,
)

_MAX_VERSIONS = 5
"""Of a script that is edited all the time, so many are kept apart."""


class _Failing:
    """What fails at a component."""

    __slots__ = ("encoder_failures", "failures")

    def __init__(self) -> None:
        self.failures = Failures()
        self.encoder_failures = Failures()
        """Of the encoder of an output; what its output fails at is in `failures`."""


class ComponentMetrics(_Failing):
    """What one component has counted."""

    __slots__ = (
        "bytes_received",
        "bytes_sent",
        "bytes_truncated",
        "cpu_ms",
        "delivery_failing",
        "drops",
        "errors",
        "failed_permille",
        "kind",
        "lag_ms",
        "letters_left_out",
        "memory_bytes",
        "memory_bytes_max",
        "name",
        "packs_received",
        "packs_sent",
        "packs_skipped",
        "private_bytes",
        "queue_packs",
        "queue_packs_max",
        "queue_records",
        "records_empty",
        "records_failed",
        "records_injected",
        "records_received",
        "records_replayed",
        "records_sent",
        "records_skipped",
        "records_truncated",
        "restarts",
        "retries",
        "snapshots",
        "state_bytes",
        "states",
        "streams_open",
        "type",
        "versions",
        "waits",
    )

    def __init__(self, kind: Kind, name: str, type: str) -> None:  # noqa: A002 -- the word of the configuration
        super().__init__()
        self.kind = kind
        self.name = name
        self.type = type
        self.errors: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self.versions: dict[str, int] = {}
        """Oldest first."""
        self.waits: dict[str, int] = {}
        """Milliseconds, by the component that the input waits for."""
        self.delivery_failing = 0
        self.records_received = 0
        self.records_sent = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.packs_received = 0
        self.packs_sent = 0
        self.packs_skipped = 0
        self.records_injected = 0
        self.records_failed = 0
        self.failed_permille = 0
        self.letters_left_out = 0
        self.records_skipped = 0
        self.records_empty = 0
        self.records_truncated = 0
        self.bytes_truncated = 0
        self.records_replayed = 0
        self.retries = 0
        self.restarts = 0
        self.queue_packs = 0
        self.queue_records = 0
        self.queue_packs_max = 0
        self.lag_ms = 0
        self.streams_open = 0
        self.memory_bytes = 0
        self.memory_bytes_max = 0
        self.private_bytes = 0
        self.state_bytes = 0
        self.snapshots = 0
        self.cpu_ms = 0

    def count_failures(self) -> None:
        """Bring up to date what is counted in `failures`. The share is the worse one of an output and its encoder."""
        self.records_failed = self.failures.total + self.encoder_failures.total
        self.failed_permille = round(1000 * max(self.failures.share, self.encoder_failures.share))

    def count_error(self, reason: str, count: int = 1) -> None:
        """Count something that went wrong. The reason is one of few fixed words, never data."""
        self.errors[reason] += count

    def count_drop(self, reason: str, count: int = 1) -> None:
        """Count records that go no further. The reason is one of few fixed words, never data."""
        self.drops[reason] += count

    def count_version(self, version: str, count: int) -> None:
        """Count records that a version of the script had."""
        if version not in self.versions and len(self.versions) >= _MAX_VERSIONS:
            del self.versions[next(iter(self.versions))]
        self.versions[version] = self.versions.get(version, 0) + count


class Registry:
    """The metrics of all components."""

    def __init__(self) -> None:
        self._components: dict[tuple[str, str], ComponentMetrics] = {}

    def component(self, kind: Kind, name: str, type: str) -> ComponentMetrics:  # noqa: A002 -- the config's word
        """The metrics of a component. They outlive a restart or reload of the component, as counters must."""
        metrics = self._components.get((kind, name))
        if metrics is None or metrics.type != type:
            metrics = self._components[kind, name] = ComponentMetrics(kind, name, type)
        return metrics

    def forget(self, kind: Kind, name: str) -> None:
        """A component was taken out of the configuration."""
        self._components.pop((kind, name), None)

    def components(self, kind: Kind | None = None) -> list[ComponentMetrics]:
        """All components, or those of one kind, in the order in which they were first asked for."""
        return [metrics for metrics in self._components.values() if kind in (None, metrics.kind)]

    def total(self, attribute: str, kind: Kind | None = None) -> int:
        """One attribute summed over the components."""
        return sum(getattr(metrics, attribute) for metrics in self.components(kind))
