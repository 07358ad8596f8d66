"""Measures the cost of one sandbox: at the start, when idle, and per record."""

import asyncio
import time
from pathlib import Path
from statistics import median

from benchmarks import alone, within
from benchmarks.jobs import Corpus
from benchmarks.memory import private_mib
from benchmarks.results import Row, Table
from host.config.model import PluginKind
from host.core import paths
from host.sandbox.zygote_client import ZygoteClient

STARTS = 30
AT_ONCE = 100
_NOTHING = "function process_message() return 0 end"
_ONE_FIELD = 'function process_message() local status = read_message "Fields[status]" return 0 end'

FILTERS: dict[str, tuple[str, str, str]] = {
    "other_type": ("a filter on another Type", "Type == 'other'", _NOTHING),
    "no_match": ("a filter that matches nothing, by a field", "Fields[status] == 1000", _NOTHING),
    "all": ("a filter that matches all and does nothing", "TRUE", _NOTHING),
    "reads": ("a filter that matches all and reads a field", "TRUE", _ONE_FIELD),
}


def _shipped(kind: PluginKind, name: str) -> str:
    return (paths.shipped("sandboxes/lua") / f"{kind}s" / f"{name}.lua").read_text(encoding="utf-8")


async def _starts(kind: PluginKind, text: str, zygote: ZygoteClient) -> tuple[float, float]:
    """Return the median milliseconds until a sandbox is ready, and its private memory in MiB."""
    took, memory = [], []
    for _ in range(STARTS):
        sandbox = alone.sandbox_of(alone.script(kind, text), zygote, alone.SandboxListener())
        start_s = time.monotonic()
        await sandbox.start()
        took.append((time.monotonic() - start_s) * 1000)
        memory.append(private_mib(sandbox.pid))
        await sandbox.stop()
    return median(took), median(memory)


async def _at_once(zygote: ZygoteClient) -> float:
    """Return the seconds until several sandboxes that start together are ready."""
    sandboxes = [
        alone.sandbox_of(alone.script("filter", _NOTHING), zygote, alone.SandboxListener()) for _ in range(AT_ONCE)
    ]
    start_s = time.monotonic()
    await asyncio.gather(*(sandbox.start() for sandbox in sandboxes))
    took_s = time.monotonic() - start_s
    await alone.stop(sandboxes)
    return took_s


async def _start_rows() -> list[Row]:
    zygote = ZygoteClient()
    zygote.start()
    kinds: list[tuple[PluginKind, str, str]] = [
        ("filter", "a filter of one line", _NOTHING),
        ("decoder", "the decoder logfmt", _shipped("decoder", "logfmt")),
        ("encoder", "the encoder json", _shipped("encoder", "json")),
    ]
    rows = []
    try:
        await _starts("filter", _NOTHING, zygote)  # warm up the zygote
        for kind, what, text in kinds:
            took_ms, mib = await _starts(kind, text, zygote)
            rows += [
                Row("start", what, f"{took_ms:.1f}", "ms", "", None),
                Row("idle", f"{what}, private memory", f"{mib:.1f}", "MiB", "", None),
            ]
        took_s = await _at_once(zygote)
        rows.append(
            Row("start", f"each of {AT_ONCE} started together", f"{took_s / AT_ONCE * 1000:.1f}", "ms", "", None)
        )
    finally:
        zygote.close()
    return rows


async def _record_rows(corpus: Corpus, scratch: Path) -> list[Row]:
    """Return the CPU time of filters that see all records of a log in the same pipeline."""
    for name, (_, _, code) in FILTERS.items():
        (scratch / f"{name}.lua").write_text(within.PLUGIN.format(name=name, kind="filter", code=code))
    config = {
        "inputs": {"access": {"type": "file", "path": str(corpus.access), "decoder": "nginx_access"}},
        "filters": {
            name: {"filename": f"{name}.lua", "message_matcher": matcher} for name, (_, matcher, _) in FILTERS.items()
        },
    }
    async with within.running(config, scratch) as pipeline:
        before = {name: (unit.sandbox.cpu_ns() or 0) / 1e6 for name, unit in pipeline.filters.items()}
        await pipeline.ended.wait()
        await pipeline.drain()
        after = {name: (unit.sandbox.cpu_ns() or 0) / 1e6 for name, unit in pipeline.filters.items()}
    return [
        Row("record", what, f"{(after[name] - before[name]) * 1e6 / corpus.lines:.0f}", "ns", "", None)
        for name, (what, _, _) in FILTERS.items()
    ]


def table(corpus: Corpus, scratch: Path) -> Table:
    """Measure the costs of one sandbox."""
    rows = [*asyncio.run(_start_rows()), *asyncio.run(_record_rows(corpus, scratch))]
    notes = [
        f"Medians over {STARTS} starts, wall time; private memory as in the table above.",
        f"Records: CPU of the filter's process over {corpus.lines:,} records that nginx_access has decoded.",
        "All filters run at once; what the host does for them is not in it.",
    ]
    return Table("One sandbox", ("cost", "of what", "", "unit", "at most", ""), rows, notes)
