"""Sends the texts of Lua modules to sandbox processes."""

import hashlib
from collections.abc import Callable

from host.packs import protocol
from host.packs.protocol import Op


class ModuleTexts:
    """Builds the responses to requests for modules.

    Args:
        read: Returns the text of a module by name; raises KeyError with a reason.
    """

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self.given: dict[str, str] = {}
        """SHA-256 of each text that was sent, by module name."""

    def answer(self, name: str) -> bytes:
        """Return the command that answers a request for `name`."""
        try:
            text, found = self._read(name).encode(), True
            self.given[name] = hashlib.sha256(text).hexdigest()
        except KeyError as error:
            text, found = str(error.args[0]).encode(), False
        except (OSError, ValueError) as error:  # not readable, not UTF-8, or not a valid file name
            text, found = f"it cannot be read: {error}".encode(errors="replace"), False
        if len(text) > protocol.MAX_TEXT_BYTES:
            text, found = f"it is larger than {protocol.MAX_TEXT_BYTES} bytes".encode(), False
        return protocol.command(Op.MODULE, flags=int(found)) + text
