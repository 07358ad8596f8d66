"""Runs the REPL: at a terminal, from a pipe, or for one piece of code."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_FAILED = 1


def run(code: Sequence[str], loaded: Sequence[str], sandbox_dir: Path, output_format: str) -> int:
    """Run the REPL.

    Args:
        code: Pieces to be carried out instead of asking for some.
        loaded: Files to be loaded first.
        sandbox_dir: Where `:save` puts decoders, and where modules are.
        output_format: `text` or `json`.

    Returns:
        The exit status.
    """
    if not code and output_format == "text" and sys.stdin.isatty() and sys.stdout.isatty():
        from host.repl.ui.prompt import converse

        asyncio.run(converse(loaded, sandbox_dir))
        return os.EX_OK
    return asyncio.run(_carry_out(code, loaded, sandbox_dir, output_format))


async def _carry_out(code: Sequence[str], loaded: Sequence[str], sandbox_dir: Path, output_format: str) -> int:
    from host.repl.ui.executor import opened

    async with opened(sandbox_dir, output_format) as repl:
        try:
            for path in loaded:
                await repl.enter(f":load {path}")
            for piece in code:
                await repl.enter(piece)
            if not code:
                await repl.enter_all(sys.stdin.read().splitlines())
        except EOFError:
            pass  # :quit
        return _FAILED if repl.failed else os.EX_OK
