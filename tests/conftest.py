"""What all tests share."""

import os
import signal

from hypothesis import HealthCheck, settings

from tests.effort import examples

# Where the tests run in the background of a script it is ignored, and so it would be by what they start and send it to.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing: the machine may be slow, or busy.
settings.register_profile(
    "hekate", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("hekate")


def pytest_xdist_auto_num_workers(config):
    """Tests wait for hosts that they have started: half as many again as there are cores keep them busy."""
    cores = os.cpu_count() or 1
    return cores + max(1, cores // 2)


def pytest_terminal_summary(terminalreporter):
    """Show what tests have recorded with `record_property`."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")
