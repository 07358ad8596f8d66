"""Counting, and what a scraper sees of it."""

import prometheus_client.registry
from prometheus_client import generate_latest

from host.telemetry.metrics import DROPS, ERRORS, SPECS, STATES, VERSIONS, WAITS, ComponentMetrics, Registry
from host.telemetry.prometheus import RegistryCollector


def scrape(registry: Registry) -> str:
    collectors = prometheus_client.registry.CollectorRegistry()
    collectors.register(RegistryCollector(registry))
    return generate_latest(collectors).decode()


def test_every_metric_is_an_attribute_that_starts_at_zero():
    metrics = ComponentMetrics("inputs", "access", "file")

    assert {spec.attribute: getattr(metrics, spec.attribute) for spec in SPECS} == {s.attribute: 0 for s in SPECS}


def test_every_counter_attribute_has_a_name_outside():
    described = {spec.attribute for spec in (*SPECS, ERRORS, DROPS, STATES, VERSIONS, WAITS)}

    assert set(ComponentMetrics.__slots__) - {"kind", "name", "type"} == described


def test_names_are_legal_and_unique():
    names = [spec.name for spec in (*SPECS, ERRORS, DROPS, STATES, VERSIONS, WAITS)]

    assert len(set(names)) == len(names)
    assert all(name.startswith("hekate_") and name.replace("_", "").isalnum() for name in names)


def test_a_scrape_shows_counts_with_kind_name_and_type():
    registry = Registry()
    metrics = registry.component("outputs", "errors", "file")
    metrics.records_sent += 3
    metrics.count_drop("queue_full", 2)
    metrics.states["quarantined"] = 1
    metrics.count_version("0a1b2c", 4)
    metrics.count_version("0a1b2c", 1)

    text = scrape(registry)

    assert 'hekate_component_sent_records_total{kind="outputs",name="errors",type="file"} 3.0' in text
    assert (
        'hekate_component_dropped_records_total{kind="outputs",name="errors",reason="queue_full",type="file"} 2.0'
        in text
    )
    assert 'hekate_sandbox_version_records_total{kind="outputs",name="errors",type="file",version="0a1b2c"} 5.0' in text
    assert 'hekate_sandbox_states{kind="outputs",name="errors",state="quarantined",type="file"} 1.0' in text


def test_versions_are_kept_apart_and_bounded():
    metrics = ComponentMetrics("filters", "counts", "mine")
    for version in ("a", "b", "a", "c", "d", "e", "f"):
        metrics.count_version(version, 10)

    assert metrics.versions == {"b": 10, "c": 10, "d": 10, "e": 10, "f": 10}


def test_counters_outlive_a_restart_of_the_component():
    registry = Registry()
    registry.component("filters", "counts", "count_by").records_received += 1

    assert registry.component("filters", "counts", "count_by").records_received == 1


def test_a_component_of_another_type_under_the_same_name_starts_from_zero():
    registry = Registry()
    registry.component("outputs", "out", "file").records_received += 1

    assert registry.component("outputs", "out", "tcp").records_received == 0


def test_totals_are_by_kind():
    registry = Registry()
    registry.component("inputs", "a", "file").records_sent += 2
    registry.component("inputs", "b", "file").records_sent += 3
    registry.component("outputs", "a", "file").records_sent += 7

    assert registry.total("records_sent", "inputs") == 5
    assert registry.total("records_sent") == 12


def test_a_removed_component_is_gone():
    registry = Registry()
    registry.component("inputs", "a", "file")

    registry.forget("inputs", "a")

    assert registry.components() == []
