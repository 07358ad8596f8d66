"""What all tests share."""

import os

from hypothesis import settings

from tests.effort import examples

settings.register_profile("hekate", max_examples=examples(100))
settings.load_profile("hekate")


def pytest_xdist_auto_num_workers(config):
    """Tests wait for hosts that they have started: half as many again as there are cores keep them busy."""
    cores = os.cpu_count() or 1
    return cores + max(1, cores // 2)
