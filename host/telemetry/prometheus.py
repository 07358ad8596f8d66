"""Serves the registry to prometheus-client. Separate from `metrics.py`, which every process loads."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from host.telemetry.metrics import DROPS, ERRORS, SPECS, STATES, VERSIONS, WAITS, ComponentMetrics, Registry

_LABELS = ("kind", "name", "type")


class RegistryCollector(Collector):
    """Reads the components at each scrape and keeps no copy."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Yield one family per metric."""
        components = self._registry.components()
        for spec in SPECS:
            make = GaugeMetricFamily if spec.is_gauge else CounterMetricFamily
            family = make(spec.name, spec.meaning, labels=_LABELS)
            for metrics in components:
                value = getattr(metrics, spec.attribute) * spec.scale
                family.add_metric((metrics.kind, metrics.name, metrics.type), value)
            yield family
        for spec in (ERRORS, DROPS):
            by_reason = CounterMetricFamily(spec.name, spec.meaning, labels=(*_LABELS, "reason"))
            for metrics in components:
                for reason, count in getattr(metrics, spec.attribute).items():
                    by_reason.add_metric((metrics.kind, metrics.name, metrics.type, reason), count)
            yield by_reason
        by_version = CounterMetricFamily(VERSIONS.name, VERSIONS.meaning, labels=(*_LABELS, "version"))
        for metrics in components:
            for version, count in metrics.versions.items():
                by_version.add_metric((metrics.kind, metrics.name, metrics.type, version), count)
        yield by_version
        by_state = GaugeMetricFamily(STATES.name, STATES.meaning, labels=(*_LABELS, "state"))
        for metrics in components:
            for state, count in metrics.states.items():
                by_state.add_metric((metrics.kind, metrics.name, metrics.type, state), count)
        yield by_state
        yield _waits(components)


def _waits(components: list[ComponentMetrics]) -> Metric:
    """Return the waiting times of inputs, by the component that holds each back."""
    family = GaugeMetricFamily(WAITS.name, WAITS.meaning, labels=(*_LABELS, "holder"))
    for metrics in components:
        for holder, waiting_ms in metrics.waits.items():
            family.add_metric((metrics.kind, metrics.name, metrics.type, holder), waiting_ms * WAITS.scale)
    return family
