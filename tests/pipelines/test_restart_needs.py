"""A reload says which options it cannot change."""

import signal

import pytest

from tests.running import to_text, until


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("state_dir", "elsewhere"),
        ("sandbox_dir", "other_plugins"),
        ("hot_load", False),
        ("log_level", "debug"),
        ("log_format", "json"),
        ("hostname", "other"),
        ("checkpoint_interval_ms", 100),
        ("allow_unjailed", True),
    ],
)
def test_an_option_that_needs_a_restart_is_named(bench, option, value):
    log = bench.write("app.log", "one\n")
    config = {
        "inputs": {"app": {"type": "file", "path": log}},
        "outputs": {"all": to_text(bench.path("out.txt"))},
        "hekate": {},
    }
    host = bench.start(config).ready()
    config["hekate"][option] = str(bench.folder / value) if option.endswith("_dir") else value
    (bench.folder / "other_plugins").mkdir()
    config["outputs"]["more"] = to_text(bench.path("more.txt"))
    host.write_config(config)
    for turn in (1, 2):  # it is said as long as it is so
        host.signal(signal.SIGHUP)
        until(lambda turn=turn: host.log.count("Reloaded.") == turn, f"reload {turn}:\n{host.log}")

    assert host.log.count("a reload cannot change") == 2
    assert f"options=hekate.{option}" in host.log
    assert "changed=outputs.more" in host.log
    assert not (bench.folder / "elsewhere").exists()
    assert host.terminate() == 0


def test_an_option_that_takes_effect_at_once_is_named(bench):
    log = bench.write("app.log", "one\n")
    config = {"inputs": {"app": {"type": "file", "path": log}}, "outputs": {"all": to_text(bench.path("out.txt"))}}
    host = bench.start(config).ready()
    config["hekate"] |= {"shutdown_timeout_ms": 4000, "dead_letters": {"max_bytes": 8 << 20}}
    host.write_config(config)
    host.signal(signal.SIGHUP)
    host.saw("Reloaded.")

    assert "changed=hekate.shutdown_timeout_ms,hekate.dead_letters" in host.log
    assert "a reload cannot change" not in host.log
    assert host.terminate() == 0
