"""What the end-to-end tests share."""

import pytest

from tests.running import Bench


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()
