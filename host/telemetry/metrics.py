"""Every metric of Hekate, by name.

A component counts in its own `ComponentMetrics`: plain integers, incremented by the thread that runs the event
loop. A count costs an attribute store and no lock. Readers use the `Registry`; `SPECS` gives each attribute its
public name and meaning. `prometheus.py` serves them to a scraper.
"""

from collections import Counter
from typing import Literal, NamedTuple

from host.telemetry.failures import Failures

Kind = Literal["inputs", "splitters", "decoders", "router", "filters", "encoders", "outputs", "admin"]


class MetricSpec(NamedTuple):
    """One metric: the attribute that holds it, its name in Prometheus, and its meaning."""

    attribute: str
    name: str
    meaning: str
    is_gauge: bool = False
    scale: float = 1
    """Factor from the attribute to the base unit at the end of the name."""


SPECS: tuple[MetricSpec, ...] = (
    MetricSpec("records_received", "hekate_component_received_records", "Records received."),
    MetricSpec("records_sent", "hekate_component_sent_records", "Records passed on."),
    MetricSpec("bytes_received", "hekate_component_received_bytes", "Bytes received."),
    MetricSpec("bytes_sent", "hekate_component_sent_bytes", "Bytes passed on."),
    MetricSpec("packs_received", "hekate_component_received_packs", "Packs received."),
    MetricSpec("packs_sent", "hekate_component_sent_packs", "Packs passed on."),
    MetricSpec("packs_skipped", "hekate_component_skipped_packs", "Packs whose header the matcher ruled out."),
    MetricSpec("records_injected", "hekate_component_injected_records", "Messages that a filter injected."),
    MetricSpec("records_replayed", "hekate_component_replayed_records", "Dead letters that were redelivered."),
    MetricSpec("records_failed", "hekate_component_failed_records", "Records that failed, for any reason."),
    MetricSpec(
        "failed_permille",
        "hekate_component_recent_failed_ratio",
        "Share of the recent records that failed.",
        is_gauge=True,
        scale=0.001,
    ),
    MetricSpec(
        "letters_left_out",
        "hekate_component_left_out_dead_letters",
        "Failed records not stored as dead letters, because a filter failed on more than are kept.",
    ),
    MetricSpec(
        "records_skipped",
        "hekate_component_skipped_records",
        "Records that matched and that the encoder skipped on purpose.",
    ),
    MetricSpec("records_empty", "hekate_component_empty_records", "Records whose encoding is empty."),
    MetricSpec("records_truncated", "hekate_component_truncated_records", "Records cut at max_record_bytes."),
    MetricSpec("bytes_truncated", "hekate_component_truncated_bytes", "Bytes cut off at max_record_bytes."),
    MetricSpec("retries", "hekate_component_retries", "Retried deliveries."),
    MetricSpec("restarts", "hekate_component_restarts", "Starts after the first one."),
    MetricSpec(
        "queue_packs",
        "hekate_component_queue_packs",
        "Packs retained: queued, in flight, or not delivered yet.",
        is_gauge=True,
    ),
    MetricSpec("queue_records", "hekate_component_queue_records", "Records in the retained packs.", is_gauge=True),
    MetricSpec("queue_packs_max", "hekate_component_queue_max_packs", "Highest number of retained packs.", True),
    MetricSpec("lag_ms", "hekate_component_lag_seconds", "Age of the oldest retained pack.", True, 0.001),
    MetricSpec("delivery_failing", "hekate_output_failing", "1 while an output cannot open or deliver.", True),
    MetricSpec("streams_open", "hekate_component_open_streams", "Open files or connections.", is_gauge=True),
    MetricSpec("memory_bytes", "hekate_sandbox_memory_bytes", "Lua memory in use.", is_gauge=True),
    MetricSpec("memory_bytes_max", "hekate_sandbox_memory_max_bytes", "Highest Lua memory in use.", is_gauge=True),
    MetricSpec("private_bytes", "hekate_sandbox_private_bytes", "Private memory of the processes.", is_gauge=True),
    MetricSpec("state_bytes", "hekate_sandbox_state_bytes", "Size of the last state snapshot.", is_gauge=True),
    MetricSpec("snapshots", "hekate_sandbox_snapshots", "State snapshots taken."),
    MetricSpec("cpu_ms", "hekate_sandbox_cpu_seconds", "CPU time of the processes.", scale=0.001),
)
ERRORS = MetricSpec("errors", "hekate_component_errors", "Errors, by reason.")
DROPS = MetricSpec("drops", "hekate_component_dropped_records", "Dropped records, by reason.")
VERSIONS = MetricSpec(
    "versions",
    "hekate_sandbox_version_records",
    "Records received, by script version: the first digits of its SHA-256. Only the latest versions are kept.",
)
STATES = MetricSpec("states", "hekate_sandbox_states", "Sandboxes, by state.", is_gauge=True)


WAITS = MetricSpec(
    "waits",
    "hekate_input_waiting_seconds",
    "Time that an input has waited for free space, by the component that holds it back.",
    is_gauge=True,
    scale=0.001,
)

_MAX_VERSIONS = 5
"""Versions of one script that are counted separately; the oldest goes first."""


class _Failing:
    """The recent failures of a component."""

    __slots__ = ("encoder_failures", "failures")

    def __init__(self) -> None:
        self.failures = Failures()
        self.encoder_failures = Failures()
        """Failures of an output's encoder; those of the output itself are in `failures`."""


class ComponentMetrics(_Failing):
    """The metrics of one component."""

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
        """Waiting time of an input in milliseconds, by the component that holds it back."""
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
        """Update the metrics that derive from the failures. Of an output and its encoder, the higher share counts."""
        self.records_failed = self.failures.total + self.encoder_failures.total
        self.failed_permille = round(1000 * max(self.failures.share, self.encoder_failures.share))

    def count_error(self, reason: str, count: int = 1) -> None:
        """Count an error. The reason is one of few fixed words, never data."""
        self.errors[reason] += count

    def count_drop(self, reason: str, count: int = 1) -> None:
        """Count dropped records. The reason is one of few fixed words, never data."""
        self.drops[reason] += count

    def count_version(self, version: str, count: int) -> None:
        """Count records that a version of the script received."""
        if version not in self.versions and len(self.versions) >= _MAX_VERSIONS:
            del self.versions[next(iter(self.versions))]
        self.versions[version] = self.versions.get(version, 0) + count


class Registry:
    """The metrics of all components."""

    def __init__(self) -> None:
        self._components: dict[tuple[str, str], ComponentMetrics] = {}

    def component(self, kind: Kind, name: str, type: str) -> ComponentMetrics:  # noqa: A002 -- the config's word
        """Return the metrics of a component. They outlive its restarts and reloads, as counters must."""
        metrics = self._components.get((kind, name))
        if metrics is None or metrics.type != type:
            metrics = self._components[kind, name] = ComponentMetrics(kind, name, type)
        return metrics

    def forget(self, kind: Kind, name: str) -> None:
        """Drop the metrics of a component that was removed from the configuration."""
        self._components.pop((kind, name), None)

    def components(self, kind: Kind | None = None) -> list[ComponentMetrics]:
        """Return all components, or those of one kind, in order of their first use."""
        return [metrics for metrics in self._components.values() if kind in (None, metrics.kind)]

    def total(self, attribute: str, kind: Kind | None = None) -> int:
        """Return the sum of one attribute over the components."""
        return sum(getattr(metrics, attribute) for metrics in self.components(kind))
