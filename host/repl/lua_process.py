"""The jailed process that runs the REPL's Lua. It answers one request at a time and restarts after it has ended."""

import asyncio
from typing import Any

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
from host.trial.model import Bounds, ReplWorkspace, StepResult
from host.trial.trial_sandbox import TrialSandbox

MAX_REQUEST_BYTES = 256 * 1024
"""Limit for the text of one request."""
_UNLIMITED = 1 << 60
_RECORD_OPS = frozenset({"match", "cover"})
"""Operations that run a grammar. They have production's CPU limit for a record."""
_TOOL_CPU_MS = 5000
_AVAILABLE = frozenset({"declare_grammar", "read_config", "print", "require"})
"""Functions that work without a message."""


class EndedError(HekateError):
    """The process has ended: it exceeded a limit. The next request starts a new process without any definitions.

    Args:
        message: The message for the user.
        limit: The limit that was exceeded, if any.
    """

    exit_code = 1

    def __init__(self, message: str, limit: Limit) -> None:
        super().__init__(message)
        self.limit = limit


class LuaProcess:
    """A jailed Lua process that restarts after it has ended.

    Args:
        zygote: Starts the process.
        sandbox_dir: Directory of the user's own modules.
        config: Options that `read_config` returns.
    """

    def __init__(self, zygote: ZygoteClient, sandbox_dir: str | None, config: dict[str, Any]) -> None:
        self.prints: list[str] = []
        self._zygote = zygote
        self._sandbox_dir = sandbox_dir
        self._config = config
        self._sandbox: TrialSandbox | None = None
        self._cpu_limit_ms = 0
        self._harness = self._new_harness()
        self._one_at_a_time = asyncio.Lock()

    def _new_harness(self) -> TrialHarness:
        return TrialHarness(
            self._zygote,
            Bounds(steps=_UNLIMITED, given_bytes=_UNLIMITED, output_bytes=_UNLIMITED, prints=_UNLIMITED),
            max_record_bytes=MAX_REQUEST_BYTES + 64 * 1024,
            hostname="localhost",
            sandbox_dir=self._sandbox_dir,
            allow_unjailed=False,
            on_print=self._on_print,
        )

    def _on_print(self, text: str) -> None:
        self.prints.append(text.removeprefix("repl: "))

    @property
    def is_running(self) -> bool:
        """True if the process still has its definitions."""
        return self._sandbox is not None

    async def start(self) -> None:
        """Start the process if there is none.

        Raises:
            EndedError: The process does not start.
        """
        async with self._one_at_a_time:
            await self._start()

    async def _start(self) -> None:
        if self._sandbox is None:
            sandbox = self._harness.new_sandbox(ReplWorkspace(name="repl", script=self._script()), keep_packs=False)
            await sandbox.start()
            self._sandbox, self._cpu_limit_ms = sandbox, sandbox.process.cpu_limit_ms
            if sandbox.termination is not None:
                await self._raise_ended(sandbox)

    async def ask(self, op: str, text: bytes = b"", **head: Any) -> dict[str, Any]:
        """Send a request and return the answer.

        Args:
            op: One of the operations of kernel/repl.lua.
            text: The text to work on.
            head: Further arguments of the operation.

        Raises:
            EndedError: The process ended during the request.
        """
        if len(text) > MAX_REQUEST_BYTES:
            raise HekateError(f"The input is too long: the REPL takes at most {MAX_REQUEST_BYTES} bytes at once.")
        async with self._one_at_a_time:
            await self._start()
            sandbox = self._sandbox
            assert sandbox is not None
            result = StepResult()
            sandbox.process.cpu_limit_ms = self._cpu_ms(op)
            await sandbox.give(self._harness.raw_pack(orjson.dumps({"op": op, **head}) + b"\n" + text), result)
            if sandbox.termination is not None:
                await self._raise_ended(sandbox, op)
        answer: dict[str, Any] = answers.decode(result.outputs[0])
        return answer

    def _cpu_ms(self, op: str) -> int:
        if op == "run":
            return START_CPU_MS  # like the top level of a script, which runs while it loads
        return self._cpu_limit_ms if op in _RECORD_OPS else _TOOL_CPU_MS

    async def _raise_ended(self, sandbox: TrialSandbox, op: str = "") -> None:
        termination = sandbox.termination
        assert termination is not None
        self._sandbox = None
        self._harness.sandboxes.remove(sandbox)
        await sandbox.close()
        limit = f"{termination.limit} ({termination.value}): " if termination.value else ""
        text = termination.text.splitlines()[0]
        if op == "run" and termination.limit == Limit.CPU:
            text = f"It used more than {START_CPU_MS} ms of CPU, the limit for loading a script."
        raise EndedError(f"The sandbox was ended: {limit}{text}", termination.limit)

    async def interrupt(self) -> None:
        """Kill the process at once. The next request starts a new one."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            self._harness.sandboxes.remove(sandbox)
            sandbox.process.kill("interrupted")
            await sandbox.close()

    async def restart(self, config: dict[str, Any] | None = None) -> None:
        """Start a new process with nothing defined."""
        async with self._one_at_a_time:
            self._config = self._config if config is None else config
            if self._sandbox is not None:
                self._harness.sandboxes.remove(self._sandbox)
                await self._sandbox.close()
                self._sandbox = None
            await self._start()

    async def close(self) -> None:
        """End the process and free the memory."""
        await self._harness.close()

    def _script(self) -> model.Sandbox:
        names = [function.name for function in api_reference.functions()]
        config = {**self._config, "unavailable": [name for name in names if name not in _AVAILABLE]}
        return script_sandbox("repl", "", config)


def script_sandbox(name: str, text: str, config: dict[str, Any] | None = None) -> model.Sandbox:
    """Return a script with production's default limits."""
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
