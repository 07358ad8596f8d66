"""Records over unix sockets."""

import errno
import os
import socket
import stat
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from host.core.errors import StartError
from host.inputs._connections import Connections
from host.inputs._datagrams import Datagrams
from host.inputs.base import Input, InputOptions

_BACKLOG = 1024


class UnixOptions(InputOptions, frozen=True, kw_only=True):
    """Options of the unix socket input."""

    path: Annotated[str, Meta(min_length=1, description="Where the socket is made; @name is an abstract one.")]
    kind: Annotated[
        Literal["stream", "datagram"], Meta(description="Connections that are streams, or datagrams as /dev/log has.")
    ] = "stream"
    perm: Annotated[str, Meta(pattern="^0?[0-7]{3}$", description="Permission of the socket, in octal.")] = "0660"
    max_connections: Annotated[int, Meta(ge=1, description="How many connections may be open.")] = 1024


class UnixInput(Input):
    """Listens on a unix socket, for connections or for datagrams.

    A socket that a crash left behind is replaced; one that somebody listens on is not. The socket is removed at the
    end.
    """

    type = "unix"
    Options = UnixOptions

    options: UnixOptions

    _reader: Connections | Datagrams | None = None
    _identity: tuple[int, int] | None = None

    async def open(self) -> None:
        """Make the socket."""
        kind = socket.SOCK_STREAM if self.options.kind == "stream" else socket.SOCK_DGRAM
        made = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self._bind(made, kind)
        except OSError as error:
            made.close()
            raise StartError(self._explain(error)) from error
        except StartError:
            made.close()
            raise
        if kind == socket.SOCK_STREAM:
            self._reader = Connections(self, made, max_connections=self.options.max_connections, keep_alive=False)
        else:
            self._reader = Datagrams(self, made, self.options.path)
        self.log.info("Listening.", path=self.options.path)

    def _bind(self, made: socket.socket, kind: socket.SocketKind) -> None:
        path = self.options.path
        if path.startswith("@"):
            made.bind("\0" + path[1:])
        else:
            self._clear(Path(path), kind)
            made.bind(path)
            Path(path).chmod(int(self.options.perm, 8))
            self._identity = _identity(path)
        if kind == socket.SOCK_STREAM:
            made.listen(_BACKLOG)

    async def run(self) -> None:
        """Serve."""
        assert self._reader is not None
        await self._reader.run()

    async def close(self) -> None:
        """Close and remove the socket."""
        if self._reader is not None:
            await self._reader.close()
        self._remove()

    def _remove(self) -> None:
        # Not if somebody else made another one there since.
        if self._identity is not None and _identity(self.options.path) == self._identity:
            Path(self.options.path).unlink(missing_ok=True)

    def _clear(self, path: Path, kind: socket.SocketKind) -> None:
        """Remove a socket that nobody listens on any more."""
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise StartError(
                f"inputs.{self.name}.path: {path} exists and is no socket. Remove it, or choose another path."
            )
        with socket.socket(socket.AF_UNIX, kind) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                self.log.info("Replaced a socket that nobody listened on.", path=str(path))
                path.unlink(missing_ok=True)
                return
            except OSError as error:
                if error.errno != errno.EPROTOTYPE:
                    raise
        raise StartError(
            f"inputs.{self.name}.path: another program listens on {path} (`ss -xlp` shows which). "
            "Stop it, or choose another path."
        )

    def _explain(self, error: OSError) -> str:
        path = self.options.path
        hints = {
            errno.ENOENT: "Create its folder, or correct the path.",
            errno.EACCES: "Give this user write permission on its folder.",
            errno.EADDRINUSE: "Another program listens there; stop it, or choose another path.",
        }
        reason = error.strerror or str(error)  # A path that is too long has no errno.
        hint = hints.get(error.errno or 0, "Choose another path.")
        return f"inputs.{self.name}.path: cannot make the socket {path}: {reason}. {hint}"


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 -- beside the descriptors that it is compared with
    except OSError:
        # Somebody removed it: then there is nothing left to do.
        return None
    return status.st_dev, status.st_ino
