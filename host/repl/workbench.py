"""The jailed process in which the REPL's Lua runs: asked one thing after the other, started again when it has ended."""

import asyncio
from typing import Any

import msgspec
import orjson

from host.config import api_reference, model
from host.config.limits import effective
from host.core import paths
from host.core.errors import HekateError
from host.sandbox.supervisor import START_CPU_MS
from host.sandbox.termination import Limit
from host.sandbox.zygote_client import ZygoteClient
from host.trial import answers
from host.trial.harness import TrialHarness
from host.trial.model import Bounds, Repl, Result
from host.trial.trial_sandbox import Stage

MAX_ASKED_BYTES = 256 * 1024
"""Text that one question may have."""
_ENDLESS = 1 << 60
_ON_RECORDS = frozenset({"match", "cover"})
"""What runs a grammar, and so has production's limit of CPU for a record."""
_TOOL_CPU_MS = 5000
_KEPT = frozenset({"declare_grammar", "read_config", "print", "require"})
"""Functions that work without a message."""


class EndedError(HekateError):
    """The process has ended: a limit, or memory. It is started anew with the next question, and knows nothing more.

    Args:
        message: What is said of it.
        limit: Which limit, if it was one.
    """

    exit_code = 1

    def __init__(self, message: str, limit: Limit) -> None:
        super().__init__(message)
        self.limit = limit


class Workbench:
    """Owns the process.

    Args:
        zygote: Starts it.
        sandbox_dir: Where the user's own modules are.
        config: What `read_config` answers.
    """

    def __init__(self, zygote: ZygoteClient, sandbox_dir: str | None, config: dict[str, Any]) -> None:
        self.prints: list[str] = []
        self._zygote = zygote
        self._sandbox_dir = sandbox_dir
        self._config = config
        self._stage: Stage | None = None
        self._cpu_limit_ms = 0
        self._harness = self._new_laboratory()
        self._one_at_a_time = asyncio.Lock()

    def _new_laboratory(self) -> TrialHarness:
        return TrialHarness(
            self._zygote,
            Bounds(steps=_ENDLESS, given_bytes=_ENDLESS, output_bytes=_ENDLESS, prints=_ENDLESS),
            longest=MAX_ASKED_BYTES + 64 * 1024,
            hostname="localhost",
            sandbox_dir=self._sandbox_dir,
            allow_unjailed=False,
            printed=self._printed,
        )

    def _printed(self, text: str) -> None:
        self.prints.append(text.removeprefix("repl: "))

    @property
    def is_running(self) -> bool:
        """Whether it still knows what it was told."""
        return self._stage is not None

    async def start(self) -> None:
        """Start the process, if there is none.

        Raises:
            EndedError: It does not start.
        """
        async with self._one_at_a_time:
            await self._start()

    async def _start(self) -> None:
        if self._stage is None:
            stage = self._harness.stage(Repl(name="repl", script=self._script()), keep_packs=False)
            await stage.start()
            self._stage, self._cpu_limit_ms = stage, stage.sandbox.cpu_limit_ms
            if stage.termination is not None:
                await self._gone(stage)

    async def ask(self, op: str, text: bytes = b"", **head: Any) -> dict[str, Any]:
        """Have it do something.

        Args:
            op: One of those of kernel/repl.lua.
            text: What it is about.
            head: More of that.

        Raises:
            EndedError: The process ended over it.
        """
        if len(text) > MAX_ASKED_BYTES:
            raise HekateError(f"That is too long: the REPL takes at most {MAX_ASKED_BYTES} bytes at once.")
        async with self._one_at_a_time:
            await self._start()
            stage = self._stage
            assert stage is not None
            result = Result()
            stage.sandbox.cpu_limit_ms = self._cpu_ms(op)
            await stage.give(self._harness.raw_pack(orjson.dumps({"op": op, **head}) + b"\n" + text), result)
            if stage.termination is not None:
                await self._gone(stage, op)
        said: dict[str, Any] = answers.document(result.outputs[0])
        return said

    def _cpu_ms(self, op: str) -> int:
        if op == "run":
            return START_CPU_MS  # as the outermost level of a script, which is run while it is loaded
        return self._cpu_limit_ms if op in _ON_RECORDS else _TOOL_CPU_MS

    async def _gone(self, stage: Stage, op: str = "") -> None:
        ended = stage.termination
        assert ended is not None
        self._stage = None
        self._harness.stages.remove(stage)
        await stage.close()
        limit = f"{ended.limit} ({ended.value}): " if ended.value else ""
        text = ended.text.splitlines()[0]
        if op == "run" and ended.limit == Limit.CPU:
            text = f"It took more than {START_CPU_MS} ms of CPU, which is what a script may take while it is loaded."
        raise EndedError(f"The sandbox was ended: {limit}{text}", ended.limit)

    async def interrupt(self) -> None:
        """End the process, whatever it is at; the next question starts another."""
        stage, self._stage = self._stage, None
        if stage is not None:
            self._harness.stages.remove(stage)
            stage.sandbox.kill("interrupted")
            await stage.close()

    async def restart(self, config: dict[str, Any] | None = None) -> None:
        """Begin anew, with nothing defined."""
        async with self._one_at_a_time:
            self._config = self._config if config is None else config
            if self._stage is not None:
                self._harness.stages.remove(self._stage)
                await self._stage.close()
                self._stage = None
            await self._start()

    async def close(self) -> None:
        """End everything."""
        await self._harness.close()

    def _script(self) -> model.Sandbox:
        names = [function.name for function in api_reference.functions()]
        config = {**self._config, "unavailable": [name for name in names if name not in _KEPT]}
        return sandbox("repl", "", config)


def sandbox(name: str, text: str, config: dict[str, Any] | None = None) -> model.Sandbox:
    """A script with the limits that production has by default."""
    return model.Sandbox(
        name=name,
        kind="decoder",
        plugin=name,
        path=str(paths.kernel() / f"{name}.lua"),
        digest="",
        text=text,
        config=config or {},
        limits=effective(model.HostSettings()),
    )


def plain(value: Any) -> Any:
    """A struct as data that JSON has."""
    return msgspec.to_builtins(value)
