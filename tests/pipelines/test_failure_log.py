"""The log of failed records stays short, however many records fail."""

from host.pipeline.consumers import base


def test_a_component_that_always_fails_logs_one_line_a_minute(caplog):
    for component in ["filters.bad"] * 100 + ["filters.other"]:
        base._FAILURE_LOG.warning("Records failed.", component=component, reason="not liked")

    assert [record.facts["component"] for record in caplog.records] == ["filters.bad", "filters.other"]
