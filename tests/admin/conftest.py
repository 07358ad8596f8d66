"""What the tests of the admin API share: one host that runs for many cases."""

import pytest

from tests.admin.client import admin_section, api_of
from tests.running import Bench


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A bench with a running host: an input, a filter, an output, and a unix socket."""
    made = Bench(tmp_path_factory.mktemp("admin"))
    made.plugin("filter", "counts", COUNTS, "message_matcher: Fields[n] != NIL\nticker_interval: 0.25\n")
    host = made.start(
        {
            "admin": admin_section(socket=made.path("admin.sock")),
            "inputs": {
                "numbers": {
                    "type": "generate", "lines": ['{"n":{sequence},"status":500}'], "rate": 2000, "decoder": "json",
                    "pack_bytes": 16384, "max_record_bytes": 1024,
                }
            },
            "outputs": {"all": {"type": "null", "message_matcher": "Fields[n] != NIL", "encoder": "json"}},
        }
    )  # fmt: skip
    host.ready()
    made.host = host
    yield made
    made.close()


@pytest.fixture
def api(shared):
    return api_of(shared.host)


COUNTS = """
local n = 0
function process_message()
  n = n + 1
  if n == 1 then print("the first one") end
  return 0
end
function timer_event(ns, shutdown)
  inject_payload("txt", "counts", "n=", n)
end
"""
