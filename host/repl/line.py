"""A line of a log as text, which may have been any bytes."""

from typing import Self

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\t")}


class Line(str):
    r"""Text of bytes in which those that are no UTF-8 became \xNN; offsets of bytes still lead to the right place."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        """From the bytes."""
        made = super().__new__(cls, raw.decode(errors="backslashreplace"))
        made.raw = raw
        return made

    def until(self, offset: int) -> str:
        """The part before an offset in bytes."""
        return self.raw[:offset].decode(errors="backslashreplace")

    def since(self, offset: int) -> str:
        """The part from an offset in bytes on."""
        return self.raw[offset:].decode(errors="backslashreplace")


def visible(text: str) -> str:
    r"""Text for a terminal, which must not obey what stands in a log: what controls it becomes \xNN."""
    return text.translate(_CONTROLS)
