"""What all units of a host share."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from host.config import limits, model
from host.delivery.checkpoints import Checkpoints
from host.delivery.dead_letters import DeadLetters
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.pipeline import specs
from host.pipeline.consumers.base import Consumer
from host.pipeline.environment import Environment
from host.pipeline.match_probe import MatchProbe
from host.pipeline.state_commits import StateCommits
from host.pipeline.terminations import Terminations
from host.router import match_cache
from host.router.router import Router
from host.sandbox.group import Group
from host.sandbox.journal import Journal
from host.sandbox.listener import SandboxListener
from host.sandbox.sandbox import Sandbox
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics, Registry

_LOG = get_logger("host.pipeline")

SANDBOX_SLOT_BYTES = 512 * 1024
SANDBOX_SLOTS = 16


class UnitContext:
    """What all units of a host share."""

    def __init__(
        self,
        settings: model.HostSettings,
        *,
        zygote: ZygoteClient,
        router: Router[Consumer],
        terminations: Terminations,
        metrics: Registry,
        checkpoints: Checkpoints,
        state_commits: StateCommits,
        dead_letters: DeadLetters,
        once: bool,
        match_probe: MatchProbe,
        forget_arena: Callable[[int], None],
        save_states: Callable[[], Awaitable[None]],
        groups: dict[str, Group],
        comes_again: Callable[[TablePack], bool],
        environment: Environment,
        on_print: Callable[[Sandbox, str], None] | None = None,
    ) -> None:
        self._on_print = on_print
        self._match_probe = match_probe
        self._terminations = terminations
        self.forget_arena = forget_arena
        self.groups = groups
        self.comes_again = comes_again
        """Returns True if the next run makes the messages of a pack again."""
        self.environment = environment
        self.save_states = save_states
        """Writes down the states of all filters, so that nothing is held any more for the next snapshots."""
        self.settings = settings
        self.zygote = zygote
        self.router = router
        self.metrics = metrics
        self.checkpoints = checkpoints
        self.state_commits = state_commits
        self.dead_letters = dead_letters
        self.once = once
        self.hostname = settings.hostname or socket.gethostname()
        self.read_module = specs.module_reader(settings.sandbox_dir)
        self.state_dir = Path(settings.state_dir)

    def probe(self, matcher: str) -> match_cache.MatchProbe:
        """Return the function that tells if this matcher can match a pack."""
        return partial(self._match_probe.ask, self.settings, matcher)

    def arena(self, name: str, slot_bytes: int, slots: int) -> Arena:
        """Make an arena for a sandbox to write; when it closes, all sandboxes unmap it."""
        made = Arena(name, slot_bytes, slots, host_writes=False)
        made.on_closed = self.forget_arena
        return made

    def sandbox(  # noqa: PLR0917 -- what the units know
        self,
        name: str,
        sandboxes: tuple[model.Sandbox, ...],
        spec: dict[str, Any],
        arena: Arena,
        owner: SandboxListener[Sandbox],
        metrics: ComponentMetrics,
        pack_bytes: int = 0,
        journal: Journal | None = None,
        group: str | None = None,
    ) -> Sandbox:
        """Make a sandbox; it is not started."""
        for note in limits.notes(sandboxes):
            _LOG.warning("A sandbox asks for more than it may have.", reason=note)
        housing = self.zygote if group is None else self.groups.setdefault(group, Group(self.zygote))
        made = Sandbox(
            name,
            order=specs.order(
                name,
                sandboxes,
                pack_bytes,
                keeps_state=journal is not None,
                allow_unjailed=self.settings.allow_unjailed,
            ),
            spec=spec | self.environment.facts(),
            arena=arena,
            housing=housing,
            owner=owner,
            metrics=metrics,
            cpu_limit_ms=specs.cpu_limit_ms(sandboxes),
            read_module=self.read_module,
            journal=journal,
        )
        made.on_print = None if self._on_print is None else partial(self._on_print, made)
        made.clock, made.on_change = self.environment.now_ns, self.environment.on_change
        made.on_death = partial(self._terminations.report, max_loops=self.settings.max_loops)
        return made
