"""Nobody waits for a filter that misbehaves with records that are none of its business."""

from tests.running import to_text, until

LINES = 5000


def test_a_filter_in_an_endless_loop_holds_up_only_what_it_may_match(bench):
    for name in ("loops", "dies"):
        code = "while true do end" if name == "loops" else "return 1, 'no'"
        bench.plugin("filter", name, f"function process_message() {code} end")
    healthy = bench.write("healthy.log", [b"line %d" % number for number in range(LINES)])
    source = {"type": "file", "packs": 3, "pack_bytes": 8192, "max_record_bytes": 1000}

    host = bench.start(
        {
            "hekate": {"sandbox_maximums": {"cpu_limit": 100_000}},
            "inputs": {
                "abused": {**source, "path": bench.write("abused.log", [b"bad"] * 100)},
                "healthy": {**source, "path": healthy},
            },
            "filters": {
                "loops": {"message_matcher": "Logger == 'abused'", "cpu_limit": 100_000},
                "dies": {"message_matcher": "Logger == 'abused'"},
            },
            "outputs": {"o": to_text(bench.path("o.txt"), "Logger == 'healthy'")},
        }
    )

    until(lambda: bench.read("o.txt").count(b"\n") == LINES, "the healthy records")
    assert "loops" in host.sandboxes()
    assert "filter=loops" not in host.log, "it is still in its loop"
    host.kill()
