"""All processes of a training on this machine, where nobody else starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["free_port", "launch"]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def launch(arguments: Sequence[str], n_holders: int, port: int, *, patience: float = 30.0) -> int:
    """Start a server and its holders with the arguments of this program; return the server's exit status.

    A holder that ends, however, ends nobody else; when the server has, the others get some seconds to.
    """
    command = [sys.executable, "-m", "watermarking.ownership.split", *arguments]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(n_holders + 1):
            place = {"RANK": str(rank), "WORLD_SIZE": str(n_holders + 1), "MASTER_ADDR": "127.0.0.1",
                     "MASTER_PORT": str(port)}  # fmt: skip
            started.append(subprocess.Popen(command, env={**os.environ, **place}))
        status = started[0].wait()
        for one in started[1:]:
            try:
                one.wait(patience if status == 0 else 2)
            except subprocess.TimeoutExpired:
                continue
        return status
    finally:
        for one in started:
            if one.poll() is None:
                one.kill()
            one.wait()
