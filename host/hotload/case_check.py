"""Runs a plugin's own cases before a version of it is loaded."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from host.config import model
from host.core.errors import ConfigError, ConfigErrors, SandboxError
from host.plugins import library
from host.sandbox.zygote_client import ZygoteClient
from host.trial.cases import Case, CaseReader, read_cases_file
from host.trial.cpu_budget import CpuBudget
from host.trial.run_cases import run_cases

_MAX_KNOWN = 5000
_AT_ONCE = 4
"""Concurrent processes that run cases, for all plugins together. The pipeline keeps running meanwhile."""

_MAX_S = 5.0
_MORE_S = 0.25
"""Seconds of CPU for all cases of a plugin, plus `_MORE_S` for each case. Other plugins wait meanwhile."""


class _Known(NamedTuple):
    """The result of the cases of one plugin version, with the digests of the modules that they required."""

    fault: str
    modules: dict[str, str]


class CaseCheck:
    """Runs the cases of plugins, once per version, and remembers the results."""

    def __init__(self, zygote: ZygoteClient) -> None:
        self._zygote = zygote
        self._known: dict[bytes, _Known] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def check(
        self, sandboxes: Iterable[model.Sandbox], settings: model.HostSettings, read_module: Callable[[str], str]
    ) -> None:
        """Run the cases of plugins.

        Raises:
            SandboxError: A case failed; the message says which and how.
            ConfigErrors: Cases have faults.
        """
        for sandbox in sandboxes:
            fault = await self._fault(sandbox, settings, read_module)
            if fault:
                raise SandboxError(fault)

    async def _fault(
        self, sandbox: model.Sandbox, settings: model.HostSettings, read_module: Callable[[str], str]
    ) -> str:
        key, cases = await asyncio.to_thread(self._read, sandbox, settings)
        known = self._known.get(key)
        if known is not None and not await asyncio.to_thread(_are_old, known.modules, read_module):
            return known.fault
        budget = CpuBudget(_MAX_S + _MORE_S * len(cases))
        try:
            async with budget.enforce():
                fault, modules = await self._run(cases, budget)
        except TimeoutError:
            if not budget.is_used_up:  # the machine is overloaded, which says nothing about this version
                return f"{sandbox.path}: its {len(cases)} cases had not ended after {budget.max_wall_s:g} s."
            fault, modules = f"{sandbox.path}: its {len(cases)} cases take more than {budget.max_cpu_s:g} s of CPU.", {}
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[key] = _Known(fault, modules)
        return fault

    async def _run(self, cases: list[Case], budget: CpuBudget) -> tuple[str, dict[str, str]]:
        """Return the fault, empty if all cases pass, and the digests of the modules that they required."""
        verdicts = await run_cases(cases, self._zygote, self._free, shared=budget)
        outcomes = (verdict.outcome for verdict in verdicts if verdict.outcome is not None)
        modules = {name: digest for outcome in outcomes for name, digest in outcome.modules.items()}
        failed = [verdict for verdict in verdicts if not verdict.passed]
        if not failed:
            return "", modules
        more = f" ({len(failed) - 1} more of its {len(verdicts)} cases fail)" if len(failed) > 1 else ""
        return failed[0].explain() + more, modules

    def _read(self, sandbox: model.Sandbox, settings: model.HostSettings) -> tuple[bytes, list[Case]]:
        """Return the key of a version, and its cases. Runs in a thread, because the YAML may be large."""
        errors: list[ConfigError] = []
        path = Path(sandbox.path)
        try:
            source = path.read_bytes()
        except OSError as error:
            raise SandboxError(f"Cannot read {path}: {error.strerror}.") from error
        key = hashlib.sha256(b"\0".join((sandbox.kind.encode(), source, read_cases_file(path) or b""))).digest()
        if b"cases:" not in source and read_cases_file(path) is None:
            return key, []
        plugin = library.of_source(source, path, sandbox.kind, errors)
        cases = [] if plugin is None else CaseReader(settings, errors).read_plugin(plugin, source)
        if errors:
            raise ConfigErrors(errors)
        return key, cases


def _are_old(modules: dict[str, str], read_module: Callable[[str], str]) -> bool:
    """Return True if a module has changed."""
    for name, digest in modules.items():
        try:
            text = read_module(name)
        except (KeyError, OSError, ValueError):
            return True
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            return True
    return False
