"""What a sandbox says that it uses of its limits."""

import os

from host.sandbox.heartbeat import Heartbeat, Use
from tests.packs.harness import decode, script

WRITER = """
function process_message()
  local text = read_message "Payload"
  if text == "big" then
    write_message("Fields[text]", ("x"):rep(5000))
    for i = 1, 9 do write_message("Fields[n" .. i .. "]", i) end
  elseif text == "long" then
    add_to_payload(("y"):rep(3000))
    inject_payload()
    inject_message {Payload = "one more"}
  end
  return 0
end
"""


def test_usage_of_a_decoder():
    usage = decode(b"big\nlong\n" + b"small\n" * 98, script("writer", text=WRITER)).usage

    limits = usage.limits
    assert limits["max_message_fields"] == Use(10, 10)
    assert 5000 < limits["max_message_size"].highest < 6000
    assert limits["output_limit"] == Use(3000, 3000)
    assert limits["max_process_inject"] == Use(2, 2)
    assert limits["max_timer_inject"] == Use(0, 0)
    assert 0 < limits["memory_limit"].current <= limits["memory_limit"].highest < 8 << 20
    assert (usage.calls, usage.records, sum(usage.histogram)) == (1, 100, 100)
    mean_ns = usage.records_ns / usage.records
    assert usage.histogram[int(mean_ns).bit_length() - 1] == 100
    assert usage.timer_ns == Use(0, 0)


def test_absurd_claims_are_cut():
    heartbeat = Heartbeat()
    os.pwrite(heartbeat.fd, b"\xff" * 4096, 0)

    usage = heartbeat.usage()

    assert usage.limits["memory_limit"] == Use(2**53 - 1, 2**53 - 1)
    assert usage.calls == 2**53 - 1
    heartbeat.close()
    assert heartbeat.usage().calls == 0, "a sandbox that has been stopped uses nothing"
