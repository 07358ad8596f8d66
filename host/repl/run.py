"""Runs the REPL at a terminal, from a pipe, or for pieces of code given as arguments."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_FAILED = 1


def run(code: Sequence[str], files: Sequence[str], sandbox_dir: Path, output_format: str) -> int:
    """Run the REPL.

    Args:
        code: Pieces of code to run instead of reading input.
        files: Files to load first.
        sandbox_dir: Directory where `:save` writes decoders, and of the user's modules.
        output_format: `text` or `json`.

    Returns:
        The exit status.
    """
    if not code and output_format == "text" and sys.stdin.isatty() and sys.stdout.isatty():
        from host.repl.ui.prompt import run_prompt

        asyncio.run(run_prompt(files, sandbox_dir))
        return os.EX_OK
    return asyncio.run(_run_pieces(code, files, sandbox_dir, output_format))


async def _run_pieces(code: Sequence[str], files: Sequence[str], sandbox_dir: Path, output_format: str) -> int:
    from host.repl.ui.executor import open_repl

    async with open_repl(sandbox_dir, output_format) as repl:
        try:
            for path in files:
                await repl.enter(f":load {path}")
            for piece in code:
                await repl.enter(piece)
            if not code:
                await repl.enter_all(sys.stdin.read().splitlines())
        except EOFError:
            pass  # :quit
        return _FAILED if repl.failed else os.EX_OK
