"""Sends a file over TCP for J4. Waits until the receiver listens.

python -m benchmarks.send_tcp PORT FILE
"""

import socket
import sys
import time
from pathlib import Path

_WAIT_S = 20.0
_PAUSE_S = 0.01


def connect(port: int) -> socket.socket:
    deadline_s = time.monotonic() + _WAIT_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_PAUSE_S)


def main() -> None:
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    with connect(port) as connection, path.open("rb") as file:
        connection.sendfile(file)
        connection.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
