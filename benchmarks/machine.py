"""Describes the machine of a measurement, and its load from other processes."""

import importlib.metadata
import os
import platform
import resource
import subprocess
from datetime import UTC, datetime
from pathlib import Path

_CPU_TIMES = 8
_IDLE = (3, 4)


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _revision() -> str:
    """Return the commit, marked if there are uncommitted changes; `unknown` outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def description() -> list[tuple[str, str]]:
    """Return the machine and the relevant versions."""
    return [
        ("CPU", f"{_cpu_model()}, {os.cpu_count()} cores"),
        ("Memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("lupa", importlib.metadata.version("lupa")),
        ("Hekate", _revision()),
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]


class OtherLoad:
    """Measures the CPU share of other processes during a benchmark. If it is high, wall times are unreliable."""

    def __init__(self) -> None:
        self._all_s, self._busy_s = self._machine()
        self._ours_s = self._ours()

    @staticmethod
    def _machine() -> tuple[float, float]:
        line = Path("/proc/stat").read_text().split("\n", 1)[0]
        ticks = [int(field) for field in line.split()[1 : 1 + _CPU_TIMES]]
        per_s = os.sysconf("SC_CLK_TCK")
        return sum(ticks) / per_s, (sum(ticks) - sum(ticks[i] for i in _IDLE)) / per_s

    @staticmethod
    def _ours() -> float:
        return sum(
            used.ru_utime + used.ru_stime
            for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        )

    def fraction(self) -> float:
        """Return the share of other processes in all CPU time since this object was created."""
        all_s, busy_s = self._machine()
        others_s = busy_s - self._busy_s - (self._ours() - self._ours_s)
        return max(0.0, others_s / max(all_s - self._all_s, 1e-9))
