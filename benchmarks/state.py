"""Measures the cost of preserved state, and the start of many filters that share processes."""

import asyncio
import time
from pathlib import Path
from statistics import median

import psutil

from benchmarks import within
from benchmarks.jobs import Corpus
from benchmarks.results import Row, Table
from host.pipeline.pipeline import Pipeline
from host.pipeline.units.any_unit import FilterUnit

SNAPSHOTS = 9
FILTERS = 1000
MAX_START_S = 30.0
MAX_MIB = 1536.0
_PATIENCE_S = 60.0
_COUNT = "count = 0\nfunction process_message() count = count + 1 return 0 end\n"
_LARGE_STATE = "held = {{}}\nfor i = 1, {entries} do held['key number ' .. i] = i end\n" + _COUNT
_ENTRIES = {"small": 0, "middle": 4_000, "large": 40_000}


async def _snapshot_rows(corpus: Corpus, scratch: Path) -> list[Row]:
    """Return the CPU time of snapshots and restores by size of the state, and the cost per record."""
    filters = {"plain": {"filename": "plain.lua", "message_matcher": "TRUE"}}
    (scratch / "plain.lua").write_text(within.PLUGIN.format(name="plain", kind="filter", code=_COUNT))
    for name, entries in _ENTRIES.items():
        code = _LARGE_STATE.format(entries=entries)
        (scratch / f"{name}.lua").write_text(within.PLUGIN.format(name=name, kind="filter", code=code))
        filters[name] = {"filename": f"{name}.lua", "message_matcher": "TRUE", "preserve_data": True}  # type: ignore[dict-item]
    config = {
        "inputs": {"access": {"type": "file", "path": str(corpus.access), "decoder": "nginx_access"}},
        "filters": filters,
    }
    async with within.running(config, scratch) as pipeline:
        before = {name: _cpu_ms(unit) for name, unit in pipeline.filters.items()}
        await pipeline.ended.wait()
        await pipeline.drain()
        spent = {name: _cpu_ms(unit) - before[name] for name, unit in pipeline.filters.items()}
        rows = []
        for name in _ENTRIES:
            rows += await _of_size(pipeline.filters[name])
        rows += [_flow_row(pipeline, name, spent, corpus.lines) for name in _ENTRIES]
    return rows


def _cpu_ms(unit: FilterUnit) -> float:
    return (unit.sandbox.cpu_ns() or 0) / 1e6


async def _of_size(unit: FilterUnit) -> list[Row]:
    journal = unit.sandbox.journal
    assert journal is not None
    took_ms, restored_ms = [], []
    for _ in range(SNAPSHOTS):
        before_ms = _cpu_ms(unit)
        await unit.sandbox.snapshot()
        took_ms.append(_cpu_ms(unit) - before_ms)
        assert journal.snapshot is not None
        before_ms = _cpu_ms(unit)
        await unit.sandbox.restore(journal.snapshot)
        restored_ms.append(_cpu_ms(unit) - before_ms)
    kib = len(journal.snapshot or b"") // 1024
    return [
        Row("snapshot", f"of {kib:,} KiB, CPU", f"{median(took_ms):.2f}", "ms", "", None),
        Row("restore", f"of {kib:,} KiB, CPU", f"{median(restored_ms):.2f}", "ms", "", None),
    ]


def _flow_row(pipeline: Pipeline, name: str, spent: dict[str, float], lines: int) -> Row:
    extra_ns = (spent[name] - spent["plain"]) * 1e6 / lines
    taken = pipeline.filters[name].metrics.snapshots
    what = f"a counter with a {name} state at full speed, {taken} snapshots in {lines:,} records: additional CPU"
    return Row("record", what, f"{extra_ns:.0f}", "ns", "", None)


async def _group_rows(scratch: Path) -> list[Row]:
    """Return the time until many filters have counted their first records, and their total memory."""
    log = scratch / "few.log"
    log.write_text("".join(f"{number}\n" for number in range(1000)))
    (scratch / "member.lua").write_text(within.PLUGIN.format(name="member", kind="filter", code=_COUNT))
    config = {
        "inputs": {"few": {"type": "file", "path": str(log)}},
        "filters": {
            f"member_{number}": {"filename": "member.lua", "message_matcher": "TRUE", "group": "crowd"}
            for number in range(FILTERS)
        },
    }
    start_s = time.monotonic()
    async with within.running(config, scratch) as pipeline:
        while not all(unit.metrics.records_received == 1000 for unit in pipeline.filters.values()):
            if time.monotonic() - start_s > _PATIENCE_S:
                break
            await asyncio.sleep(0.05)
        took_s, mib = time.monotonic() - start_s, _memory_mib(pipeline)
    return [
        Row(
            "group",
            f"{FILTERS:,} filters started, and 1,000 records counted by each",
            f"{took_s:.1f}",
            "s",
            f"{MAX_START_S:g}",
            took_s <= MAX_START_S,
        ),
        Row(
            "group",
            "all memory of their processes",
            f"{mib:.0f}",
            "MiB",
            f"{MAX_MIB:g}",
            mib <= MAX_MIB,
        ),
    ]


def _memory_mib(pipeline: Pipeline) -> float:
    """Return the memory of the zygote and its children. Shared memory counts once."""
    zygote = psutil.Process(pipeline.zygote.pid)
    family = [zygote, *zygote.children(recursive=True)]
    return sum(process.memory_full_info().pss for process in family) / (1 << 20)


def table(corpus: Corpus, scratch: Path) -> Table:
    """Measure the costs of state and of many filters."""
    rows = [*asyncio.run(_snapshot_rows(corpus, scratch)), *asyncio.run(_group_rows(scratch))]
    notes = [
        f"Medians over {SNAPSHOTS} snapshots. A snapshot is taken every 5 s, and earlier under load.",
        "Groups: up to 64 filters share a process. The host's own memory is not in the figure.",
    ]
    return Table("State and groups", ("what", "of what", "value", "", "at most", ""), rows, notes)
