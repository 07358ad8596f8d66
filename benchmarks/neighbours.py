"""Runs a healthy pipeline beside all scripts of tests/abuse.

It must lose nothing, and slow down no more than their share of the CPU explains.
"""

import asyncio
import os
import re
import shutil
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil

from benchmarks import oracle, within, workspace
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus
from benchmarks.results import Row, Table
from benchmarks.workspace import EXAMPLE
from host.config.load import load_config
from host.pipeline.pipeline import Pipeline
from host.telemetry import logs

RUNS = 3
MAX_STRANGERS = 0.1
"""Maximum CPU share of other processes. Above it, the ratio is meaningless."""
CORES = os.cpu_count() or 1
_ABUSE = workspace.REPOSITORY / "tests" / "abuse"
_BAD_RECORDS = 2
_KIND = re.compile(r"^kind: (\w+)$", re.MULTILINE)
_POLL_S = 0.002
_PATIENCE_S = 120.0


class Run(NamedTuple):
    wall_s: float
    abusers_s: float
    """CPU time of the misbehaving sandboxes."""
    share: float
    """Their share of the machine, without the CPU time of other processes."""
    strangers: float
    """The share of other processes."""
    deaths: int


def _scripts() -> dict[str, str]:
    """Return the kinds of the scripts that start, by the stem of their files."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(_ABUSE.glob("[0-9]*.lua"))}
    kinds = {stem: _KIND.search(text) for stem, text in texts.items() if "\n-- expect: refused" not in text}
    return {stem: kind[1] for stem, kind in kinds.items() if kind}


def _abusing(scratch: Path) -> dict[str, Any]:
    """Build inputs, filters and outputs whose scripts misbehave at some records."""
    plugins, abused = scratch / "plugins", scratch / "abused.log"
    shutil.rmtree(plugins, ignore_errors=True)
    shutil.copytree(_ABUSE / "modules", plugins / "modules")
    abused.write_text(("good\n" * 20 + "bad\n") * _BAD_RECORDS, encoding="utf-8")
    source = {"type": "file", "path": str(abused)}
    config: dict[str, Any] = {
        "hekate": {"sandbox_dir": str(plugins), "sandbox_maximums": {"cpu_limit": 3000}},
        "inputs": {"abused": source},
        "filters": {},
        "outputs": {},
    }
    for stem, kind in _scripts().items():
        name = f"a{stem}"
        folder = plugins / f"{kind}s"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(_ABUSE / f"{stem}.lua", folder / f"{name}.lua")
        if kind == "decoder":
            config["inputs"][name] = {**source, "decoder": name}
        elif kind == "filter":
            config["filters"][name] = {}
        else:
            config["outputs"][name] = {"type": "null", "message_matcher": "Logger == 'abused'", "encoder": name}
    return config


def _configuration(corpus: Corpus, scratch: Path, *, abused: bool) -> tuple[dict[str, Any], Path]:
    """Build the configuration of J1, alone or with the misbehaving scripts."""
    output = scratch / "output"
    output.unlink(missing_ok=True)
    os.environ |= {"INPUT": str(corpus.access), "OUTPUT": str(output), "STATE_DIR": str(scratch / "state")}
    healthy = load_config([EXAMPLE])
    fields = healthy.outputs["errors"].encoder.config
    config = _abusing(scratch) if abused else {"hekate": {}, "inputs": {}, "filters": {}, "outputs": {}}
    config["inputs"]["access"] = {"type": "file", "path": str(corpus.access), "decoder": "nginx_access"}
    config["outputs"]["errors"] = {
        "type": "file", "path": str(output), "message_matcher": "Type == 'nginx.access' && Fields[status] >= 500",
        "encoder": {"type": "json", "config": fields},
    }  # fmt: skip
    return config, output


class _Cpu(NamedTuple):
    """CPU seconds so far."""

    abusers: float
    """CPU time of the zygote and the misbehaving sandboxes, both running and terminated."""
    ours: float
    """CPU time of all processes of the benchmark."""
    machine: float

    @classmethod
    def read(cls, pipeline: Pipeline) -> "_Cpu":
        zygote, host = psutil.Process(pipeline.zygote.pid).cpu_times(), psutil.Process().cpu_times()
        healthy = {*pipeline.inputs["access"].sandboxes(), *pipeline.outputs["errors"].sandboxes()}
        living = {box: (box.cpu_ns() or 0) / 1e9 for box in pipeline.sandboxes() if box.pid}
        abusers = sum(zygote[:4]) + sum(spent for box, spent in living.items() if box not in healthy)
        ours = abusers + host.user + host.system + sum(spent for box, spent in living.items() if box in healthy)
        machine = psutil.cpu_times()
        return cls(abusers, ours, sum(machine[:8]) - machine.idle - machine.iowait)


async def _run(corpus: Corpus, scratch: Path, *, abused: bool, expected_bytes: int) -> Run:
    config, output = _configuration(corpus, scratch, abused=abused)
    async with within.running(config, scratch) as pipeline:
        start_s, before = time.monotonic(), _Cpu.read(pipeline)
        while not output.exists() or output.stat().st_size < expected_bytes:
            await asyncio.sleep(_POLL_S)
            if time.monotonic() - start_s > _PATIENCE_S:
                raise BenchmarkError(f"The healthy pipeline did not finish within {_PATIENCE_S:.0f} s.")
        wall_s, after = time.monotonic() - start_s, _Cpu.read(pipeline)
        deaths = sum(metrics.restarts for metrics in pipeline.metrics.components())
    oracle.check(oracle.errors, corpus.access, output)
    abusers_s = after.abusers - before.abusers
    strangers_s = max(0.0, after.machine - before.machine - (after.ours - before.ours))
    return Run(
        wall_s,
        abusers_s,
        abusers_s / max(wall_s * CORES - strangers_s, abusers_s),
        strangers_s / (wall_s * CORES),
        deaths,
    )


def table(corpus: Corpus, scratch: Path) -> Table:
    """Measure J1 alone and beside the misbehaving scripts."""
    logs.set_up("error", "text")
    expected_bytes = sum(map(len, oracle.errors(corpus.access)))
    alone, beside = [], []
    for _ in range(RUNS):
        alone.append(asyncio.run(_run(corpus, scratch, abused=False, expected_bytes=expected_bytes)))
        beside.append(asyncio.run(_run(corpus, scratch, abused=True, expected_bytes=expected_bytes)))
    alone_s, beside_s = median(run.wall_s for run in alone), median(run.wall_s for run in beside)
    share = median(run.share for run in beside)
    slower, explained = beside_s / alone_s, 1 / max(1 - share, 1e-3)
    strangers = max(run.strangers for run in (*alone, *beside))
    verdict = slower <= explained if strangers <= MAX_STRANGERS else None
    rows = [
        Row("alone", "J1, wall time", f"{alone_s:.2f}", "s", "", None),
        Row("beside", f"the same beside {len(_scripts())} misbehaving scripts", f"{beside_s:.2f}", "s", "", None),
        Row("CPU", "of their processes meanwhile", f"{median(run.abusers_s for run in beside):.2f}", "s", "", None),
        Row("share", f"of {CORES} cores, without other processes", f"{share:.0%}", "", "", None),
        Row("slower", "beside / alone", f"{slower:.2f}", "", f"{explained:.2f}", verdict),
    ]
    deaths = median(run.deaths for run in beside)
    notes = [
        f"Medians of {RUNS} runs, in turn. Every output was complete and correct.",
        f"Their processes were restarted {deaths:.0f} times.",
        f"Other processes took up to {strangers:.0%} of the machine."
        + (" With so much of it, the ratio says nothing." if verdict is None else ""),
        "At most: 1 / (1 - share), which is what a pipeline that needs the whole machine slows by.",
    ]
    return Table("Bad neighbours", ("what", "", "", "", "at most", ""), rows, notes)
