"""The texts of the modules that a script requires."""

import hashlib
from collections.abc import Callable

from host.packs import protocol
from host.packs.protocol import Op


class ModuleTexts:
    """Answers a process that asks for modules.

    Args:
        read: Text of a module by its name; raises KeyError with a reason.
    """

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self.given: dict[str, str] = {}
        """By name, the SHA-256 of the text that was given."""

    def answer(self, name: str) -> bytes:
        """The command that answers."""
        try:
            text, found = self._read(name).encode(), True
            self.given[name] = hashlib.sha256(text).hexdigest()
        except KeyError as error:
            text, found = str(error.args[0]).encode(), False
        except (OSError, ValueError) as error:  # not readable, no UTF-8, a name that no file can have
            text, found = f"it cannot be read: {error}".encode(errors="replace"), False
        if len(text) > protocol.MAX_TEXT_BYTES:
            text, found = f"it is larger than {protocol.MAX_TEXT_BYTES} bytes".encode(), False
        return protocol.command(Op.MODULE, flags=int(found)) + text
