"""The program that BoringSSL's runner starts for each test. It hands the test to `server.py`, which has turtls loaded.

Thousands of tests cannot wait for Python and turtls to start, so this imports next to nothing. It sends its arguments
and its standard streams to the socket named in TURTLS_BOGO_SERVER, and ends with the status that comes back.
"""

from __future__ import annotations

import os
import socket
import sys


def main() -> int:
    """Give the exit status of the test."""
    arguments = b"\0".join(map(os.fsencode, sys.argv[1:]))
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(os.environ["TURTLS_BOGO_SERVER"])
        socket.send_fds(server, [len(arguments).to_bytes(4, "big")], [0, 1, 2])
        server.sendall(arguments)
        status = server.recv(1)
    return status[0] if status else 1


if __name__ == "__main__":
    sys.exit(main())
