"""Scripts that misbehave, each in its own way, beside a pipeline that must not notice.

Each script says in a line `-- expect:` what must come of the record "bad"; several outcomes are separated by `|`:

- `held`: nothing; the script itself checked that it could do no harm
- `fails`: its call failed, and the sandbox went on
- the name of a limit, `error`, `fatal` or `signal`: the sandbox was ended for it, told of it, and went on after it
- `refused:` and one of these: the script does not even start
"""

import asyncio
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host.core.errors import SandboxError
from host.packs.arena import Arena
from host.pipeline import specs
from host.plugins import manifest
from host.sandbox import supervisor
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics
from tests.packs.harness import SandboxListener
from tests.running import to_json, to_text

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TERMINATED = "hekate.sandbox-terminated"
SIDE_BY_SIDE = 30
HEALTHY_LINES = 50_000


class Script:
    """One script of this folder."""

    def __init__(self, path):
        self.text = path.read_text()
        self.manifest = manifest.read(self.text, path.name, []).manifest
        self.name = self.manifest.name
        self.kind = self.manifest.kind
        refused, outcomes = re.search(r"^-- expect: (refused: )?(\S+)$", self.text, re.MULTILINE).groups()
        self.refused = bool(refused)
        self.expected = set(outcomes.split("|"))
        self.in_timer = "function timer_event" in self.text


SCRIPTS = [Script(path) for path in sorted(HERE.glob("[0-9]*.lua"))]
RUNNING = [script for script in SCRIPTS if not script.refused]
REFUSED = [script for script in SCRIPTS if script.refused]


def test_there_are_enough_and_each_has_a_number_of_its_own():
    numbers = [int(re.match(r"a(\d{3})_", script.name)[1]) for script in SCRIPTS]
    assert len(numbers) == len(set(numbers))
    assert len(SCRIPTS) >= 200


# ---------------------------------------------------------------- beside a healthy pipeline


def config_of(bench, scripts):
    lines = [b"good"] * 20 + [b"bad"] + [b"good"] * 20 + [b"last"]
    abused = bench.write("abused.log", lines)
    healthy = bench.write("healthy.log", [b"line %d" % number for number in range(HEALTHY_LINES)])
    inputs = {"healthy": {"type": "file", "path": healthy}, "abused": {"type": "file", "path": abused}}
    marks = f"Type =~ /(held|went_on)$/ || Type == '{TERMINATED}'"
    outputs = {
        "healthy": to_text(bench.path("healthy.txt"), "Logger == 'healthy'"),
        "marks": to_json(bench.path("marks.jsonl"), marks),
    }
    filters = {}
    for script in scripts:
        folder = bench.folder / "plugins" / f"{script.kind}s"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{script.name}.lua").write_text(script.text)
        if script.kind == "filter":
            filters[script.name] = {}
        elif script.kind == "decoder":
            inputs[script.name] = {"type": "file", "path": abused, "decoder": script.name}
        else:
            path = bench.path(f"{script.name}.txt")
            outputs[script.name] = to_text(path, "Logger == 'abused'", encoder=script.name)
    modules = bench.folder / "plugins" / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "abuse.lua").write_text((HERE / "modules" / "abuse.lua").read_text())
    settings = {"sandbox_maximums": {"cpu_limit": 3000, "memory_limit": 64 << 20}}
    return {"hekate": settings, "inputs": inputs, "filters": filters, "outputs": outputs}


class Outcome:
    """What became of the scripts of one run."""

    def __init__(self, bench, host):
        self.log = host.log
        self.healthy = bench.read("healthy.txt")
        self.limits = defaultdict(set)
        self.reports = defaultdict(list)
        self.marks = defaultdict(set)
        self.dead = defaultdict(list)
        for message in bench.jsons("marks.jsonl"):
            if message["Type"] == TERMINATED:
                self.limits[message["name"]].add(message["limit"])
                self.reports[message["name"]].append(message)
            else:
                self.marks[message["Logger"]].add(message["Type"].rpartition(".")[2])
        for script in RUNNING:
            if script.kind == "encoder":
                self.marks[script.name] = {line.decode(errors="replace") for line in bench.lines(f"{script.name}.txt")}
        for letter in bench.dead_letters():
            self.dead[letter["component"]].append(letter["record"])

    def of(self, script):
        """What happened at the record "bad"."""
        if self.limits[script.name]:
            return self.limits[script.name]
        return {"held"} if "held" in self.marks[script.name] else {"fails"}


def fault(outcome, script):
    """What is not as it should be with a script, or None."""
    happened = outcome.of(script)
    if not happened <= script.expected:
        return f"{happened}, not {script.expected}"
    if "went_on" not in outcome.marks[script.name]:
        return "it did not go on"
    if outcome.limits[script.name] and not script.in_timer and outcome.dead[script.name] != ["bad"]:
        return f"dead letters: {outcome.dead[script.name]}"
    return None


@pytest.mark.parametrize("first", range(0, len(RUNNING), SIDE_BY_SIDE))
def test_scripts_have_the_outcomes_they_say_and_disturb_nobody(bench, first):
    scripts = RUNNING[first : first + SIDE_BY_SIDE]
    outcome = Outcome(bench, bench.once(config_of(bench, scripts), "--allow-failures"))

    faults = {script.name: text for script in scripts if (text := fault(outcome, script))}
    assert faults == {}, "\n".join(line for line in outcome.log.splitlines() if any(name in line for name in faults))
    assert outcome.healthy == b"".join(b"line %d\n" % number for number in range(HEALTHY_LINES))
    assert "Traceback" not in outcome.log
    assert {each for each in outcome.log if not each.isprintable()} <= set("\n\t")
    for script in scripts:
        if script.name in REPORTED:
            assert_says_what_one_must_know(script.name, outcome.reports[script.name][0])


# What the report of a termination must say, beside that it was at the record after twenty good ones.
REPORTED = {
    "a001_while_true": {"kind": "filter", "limit": "cpu_limit", "value": 100},
    "a065_output_limit_caught": {"kind": "filter", "limit": "output_limit", "value": 65536},
}


def assert_says_what_one_must_know(name, report):
    expected = {"plugin": name, "record": 20, "Logger": "hekate", "Severity": 3, **REPORTED[name]}
    assert {key: report[key] for key in expected} == expected
    if report["limit"] == "output_limit":
        assert f"{name}.lua:" in report["Payload"], "the position in the script"


def test_the_reported_scripts_are_there():
    assert set(REPORTED) <= {script.name for script in RUNNING}


# ---------------------------------------------------------------- scripts that do not start


def spec_of(script):
    spec = {
        "name": script.name,
        "kind": script.kind,
        "hostname": "here",
        "output_limit": 65536,
        "max_message_size": 131072,
        "max_message_fields": 1024,
        "message_matcher": script.manifest.message_matcher or "TRUE",
        "scripts": [{"name": script.name, "file": f"{script.name}.lua", "text": script.text, "config": {"": None}}],
    }
    if script.kind == "filter":
        return spec | {"max_process_inject": 1, "max_timer_inject": 10, "readouts": []}
    return spec | {
        "strategy": "first",
        "max_record_bytes": 65536,
        "oversize": "truncate",
        "logger": "test",
        "message_type": "",
        "delimiter": 10,
    }


async def start_all(scripts):
    """Start them side by side; answers what each said, or None if it started."""
    zygote = ZygoteClient()
    zygote.start()
    sandboxes = [
        Sandbox(
            script.name,
            order=Order(script.name, 8 << 20, 0, 0, allow_unjailed=False),
            spec=spec_of(script),
            arena=Arena("test", 64 * 1024, 4, host_writes=False),
            housing=zygote,
            owner=SandboxListener(),
            metrics=ComponentMetrics("filters", "test", "test"),
            cpu_limit_ms=100,
            read_module=specs.module_reader(None),
        )
        for script in scripts
    ]
    watch = asyncio.create_task(Supervisor(sandboxes).run())
    try:
        async with asyncio.timeout(30):
            results = await asyncio.gather(*(sandbox.start() for sandbox in sandboxes), return_exceptions=True)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await asyncio.gather(*(sandbox.stop() for sandbox in sandboxes))
        zygote.close()
    limits = [sandbox.termination.limit if sandbox.termination else None for sandbox in sandboxes]
    return {script.name: (result, limit) for script, result, limit in zip(scripts, results, limits, strict=True)}


@pytest.fixture(scope="module")
def refusals():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "START_CPU_MS", 300)
        # In a thread of its own: a browser of other tests may have left this one with a running loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, start_all(REFUSED)).result()


@pytest.mark.parametrize("script", REFUSED, ids=lambda script: script.name)
def test_refused(refusals, script):
    result, limit = refusals[script.name]
    assert isinstance(result, SandboxError), result
    assert limit in script.expected, result
