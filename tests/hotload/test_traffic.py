"""What users and their editors do to the drop-in directory, in full flow: nothing is lost, doubled or out of order."""

import hashlib
import itertools
import json
import os
import re
import shutil

import pytest

from tests.admin.client import admin_section, api_of
from tests.hotload.test_hotload import MARK, SAY, complete, flowing, has_all_in_order, said, versions
from tests.running import PLUGIN, to_json, until

FILTER = "message_matcher: Logger == 'in'\n"


def newest(bench, name):
    """The last whole line of an output, of which only the end is read: all of it grows long."""
    path = bench.folder / name
    if not path.exists():
        return {}
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = file.read().split(b"\n")
    return json.loads(lines[-2]) if len(lines) > 2 else {}


def goes_on(bench, name="all"):
    """Wait for one more record."""
    seen = newest(bench, name)
    until(lambda: newest(bench, name) != seen, "another record")


def runs(bench, name, version):
    """Wait for the records of a version."""
    until(lambda: newest(bench, name).get("version") == version, f"version {version} in {name}")


def mark(version):
    """The text of a version of the decoder."""
    return PLUGIN.format(kind="decoder", name="mark", code=MARK.format(version=version), header="")


def test_every_way_to_write_a_version_loses_nothing_and_says_what_each_version_had(bench):
    path = bench.plugin("decoder", "mark", MARK.format(version=1))
    config = flowing(bench, "mark", outputs={"all": to_json(bench.path("all"))})
    config["admin"] = admin_section(socket=bench.path("admin.sock"))
    host = bench.start(config).ready()
    runs(bench, "all", 1)
    written = {1: path.read_text()}

    def takes_over(version):
        written[version] = path.read_text()
        runs(bench, "all", version)

    # Written in pieces, by somebody who takes his time.
    text = mark(2)
    with path.open("w") as file:
        for piece in range(0, len(text), 40):
            file.write(text[piece : piece + 40])
            file.flush()
            goes_on(bench)
    takes_over(2)

    # Written beside it and renamed over it, as most editors and deployments do.
    (path.parent / ".mark.lua.new").write_text(mark(3))
    (path.parent / ".mark.lua.new").rename(path)
    takes_over(3)

    # Moved away, and another one put there.
    path.rename(path.with_suffix(".old"))
    path.write_text(mark(4))
    takes_over(4)

    # Overwritten by a hard link from elsewhere, and by one that keeps its time and size.
    outside = bench.folder / "mark.lua"
    outside.write_text(mark(5))
    path.unlink()
    os.link(outside, path)
    takes_over(5)
    before = path.stat()
    (path.parent / ".mark").write_text(mark(6))
    os.utime(path.parent / ".mark", ns=(before.st_atime_ns, before.st_mtime_ns))
    (path.parent / ".mark").rename(path)
    takes_over(6)

    counted = versions_counted(api_of(host), "decoders", "in")
    assert host.terminate() == 0
    members = complete(bench, "all")
    has_all_in_order(members)
    names = {hashlib.sha256(text.encode()).hexdigest()[:12]: version for version, text in written.items()}
    assert {names[name] for name in counted} == {2, 3, 4, 5, 6}, "the last few versions"
    for name, count in counted.items():
        if names[name] != 6:
            assert count == sum(member["version"] == names[name] for member in members)


def versions_counted(api, kind, name):
    """Records by version, of one component."""
    text = api.ask("GET", "/metrics").body.decode()
    found = re.findall(r"^hekate_sandbox_version_records_total\{(.*)\} (\S+)$", text, re.MULTILINE)
    labels = [(dict(re.findall(r'(\w+)="([^"]*)"', each)), float(count)) for each, count in found]
    return {each["version"]: count for each, count in labels if (each["kind"], each["name"]) == (kind, name)}


def test_the_whole_directory_is_deleted_and_made_again(bench):
    bench.plugin("decoder", "mark", MARK.format(version=1))
    bench.plugin("filter", "say", SAY.format(version=1), FILTER)
    outputs = {"all": to_json(bench.path("all"), "Logger == 'in'"), **said(bench)}
    host = bench.start(flowing(bench, "mark", outputs=outputs)).ready()
    runs(bench, "said", 1)

    for version in (2, 3):
        shutil.rmtree(bench.folder / "plugins")
        until(lambda: host.log.count("Unloaded. unit=filters.say") == version - 1, "the end of the filter")  # noqa: B023
        goes_on(bench)
        bench.plugin("decoder", "mark", MARK.format(version=version))
        bench.plugin("filter", "say", SAY.format(version=version), FILTER)
        runs(bench, "all", version)
        runs(bench, "said", version)

    assert host.terminate() == 0
    has_all_in_order(complete(bench, "all"))
    numbers = [member["n"] for member in complete(bench, "said")]
    assert numbers == sorted(set(numbers)), "a filter got a record twice, or out of order"


def test_a_filter_is_renamed(bench):
    path = bench.plugin("filter", "say", SAY.format(version=1), FILTER)
    host = bench.start(flowing(bench, outputs=said(bench))).ready()
    runs(bench, "said", 1)

    other = path.with_name("tell.lua")
    path.rename(other)  # its front matter has the old name, which is a fault of the new file
    host.saw("Name the file say.lua.")
    host.saw("Unloaded. unit=filters.say")
    other.write_text(other.read_text().replace("name: say", "name: tell").replace("version = 1", "version = 2"))
    runs(bench, "said", 2)

    assert set(host.sandboxes()) == {"in", "said", "tell"}
    assert host.terminate() == 0
    numbers = [member["n"] for member in complete(bench, "said")]
    assert numbers == sorted(set(numbers))


@pytest.mark.slow
def test_many_files_at_once(bench):
    """Decoders and encoders that nobody uses, and a few filters among them: all that runs is there soon."""
    host = bench.start(flowing(bench, outputs=said(bench))).ready()
    for number in range(40):
        bench.plugin("decoder", f"unused{number}", MARK.format(version=number))
    for number in range(4):
        bench.plugin("filter", f"say{number}", SAY.format(version=number), FILTER)
    for number in range(40):
        bench.plugin("encoder", f"unused{number}", "this is no Lua")

    until(lambda: versions(bench, "said") == set(range(4)), "all filters", 30)
    for number in range(4):
        (bench.folder / "plugins" / "filters" / f"say{number}.lua").unlink()
    until(lambda: host.log.count("Unloaded.") == 4, "their end", 30)

    assert host.terminate() == 0
    for version, group in itertools.groupby(
        sorted(complete(bench, "said"), key=lambda m: m["version"]), lambda m: m["version"]
    ):
        numbers = [member["n"] for member in group]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"filter {version}"
