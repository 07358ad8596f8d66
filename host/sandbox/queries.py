"""Calls of functions that a script offers to the outside; `kernel/readouts.lua` carries them out."""

import asyncio
import json
from typing import Any

from host.core.errors import SandboxError


def answer_of(text: str, called: str) -> Any:
    """What a function has answered.

    Args:
        text: What the process said; empty if it ended instead.
        called: What was called, for people.

    Raises:
        SandboxError: It has failed.
    """
    if not text:
        raise SandboxError(f"{called}: the process ended.")
    try:
        answer = json.loads(text)
        if "error" not in answer:
            return answer.get("value")
        why = str(answer["error"])
    except (ValueError, TypeError, AttributeError):
        why = "the answer cannot be read."
    raise SandboxError(f"{called}: {why}")


class Answer:
    """What a call waits for; there is one at a time."""

    def __init__(self) -> None:
        self._text: asyncio.Future[str] | None = None

    def expect(self, called: str) -> "asyncio.Future[str]":
        """Begin to wait.

        Raises:
            SandboxError: Somebody waits already.
        """
        if self._text is not None and not self._text.done():
            raise SandboxError(f"{called}: it is being called already.")
        self._text = asyncio.get_running_loop().create_future()
        return self._text

    def take(self, text: str) -> None:
        """It has come; empty if the process has ended."""
        if self._text is not None and not self._text.done():
            self._text.set_result(text)
