"""A host whose files in state_dir are damaged says so, and runs."""

import os

import pytest

from tests.admin.client import admin_section, api_of
from tests.running import to_text, until


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_the_host_runs_on_and_reads_files_again_from_their_beginning(bench, share):
    log = bench.write("app.log", "".join(f"line {number}\n" for number in range(2000)))
    config = {"inputs": {"app": {"type": "file", "path": log}}, "outputs": {"all": to_text(bench.path("out.txt"))}}
    first = bench.start(config).ready()
    until(lambda: len(bench.read("out.txt").splitlines()) == 2000, "all lines")
    assert first.terminate() == 0
    data = bench.folder / "state" / "checkpoints" / "data.mdb"
    os.truncate(data, int(data.stat().st_size * share))

    config["inputs"]["app"]["start_at"] = "end"  # where files begin that were never read, and this one was
    second = bench.start(config).ready()
    until(lambda: len(bench.read("out.txt").splitlines()) == 4000, "all lines again")

    assert second.terminate() == 0
    assert "A file in state_dir is damaged and was moved aside." in second.log
    assert "records are delivered again" in second.log
    assert str(data) in second.log


def test_the_damage_is_counted(bench):
    """The registry is what the page, the API and the scraper read."""
    (bench.folder / "state" / "checkpoints" / "data.mdb").mkdir(parents=True)
    (bench.folder / "state" / "outputs").write_text("")
    (bench.folder / "state" / "dead_letters").write_text("")
    (bench.folder / "state" / "audit.jsonl").mkdir()
    log = bench.write("app.log", "one\n")
    config = {
        "admin": admin_section(),
        "inputs": {"app": {"type": "file", "path": log}},
        "outputs": {"all": to_text(bench.path("out.txt"))},
    }
    host = bench.start(config).ready()
    until(lambda: bench.read("out.txt") == b"one\n", "the line")
    scraped = api_of(host).ask("GET", "/metrics").body.decode()

    counts = [line.split()[-1] for line in scraped.splitlines() if "damaged_state_file" in line]
    assert sorted(counts) == ["1.0", "2.0"]  # of the output, and of the host
    assert host.terminate() == 0
    assert host.log.count("A file in state_dir is damaged and was moved aside.") == 4
