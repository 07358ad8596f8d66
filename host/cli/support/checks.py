"""The findings of `hekate doctor`."""

from typing import Literal

import msgspec


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding."""

    name: str
    state: Literal["ok", "warning", "wrong"]
    text: str
    mend: str = ""
    """A command or a step that mends it; empty if nothing is to be done."""


def ok(name: str, text: str) -> Check:
    """Return a finding that needs no action."""
    return Check(name=name, state="ok", text=text)


def warning(name: str, text: str, mend: str) -> Check:
    """Return a finding that Hekate can run with."""
    return Check(name=name, state="warning", text=text, mend=mend)


def wrong(name: str, text: str, mend: str) -> Check:
    """Return a finding that prevents Hekate from working."""
    return Check(name=name, state="wrong", text=text, mend=mend)
