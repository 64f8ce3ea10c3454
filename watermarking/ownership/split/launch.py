"""All processes of a training on this machine, where nobody else starts them."""

from __future__ import annotations

import multiprocessing
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking.errors import WatermarkError
from watermarking.ownership.split.meeting import Place, name_of
from watermarking.ownership.split.run import take_part
from watermarking.ownership.split.settings import load_job

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from watermarking.ownership.split.settings import Settings

__all__ = ["BAD_INPUT", "FAILED", "free_port", "launch", "start", "take_part_by_name"]

BAD_INPUT, FAILED = 2, 3
"""Exit status of what was asked for wrongly, and of what went wrong on the way."""
_PATIENCE: Final = 30.0
"""Seconds that holders get to end when the server has."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def take_part_by_name(job: str, settings: Settings, place: Place, folder: Path) -> int:
    """Take part, the job given as ``module:function``; say what goes wrong in one line, return the exit status."""
    try:
        take_part(load_job(job), settings, place, folder, tell=_say)
    except WatermarkError as error:
        _say(f"split: {name_of(place.rank)}: {error}")
        return _status(error)
    return 0


def _status(error: Exception) -> int:
    """Return the exit status: of what may go well another time, that of failures."""
    from watermarking.ownership.split.channel import PeerError
    from watermarking.ownership.split.server import TooFewError

    return FAILED if isinstance(error, OSError | PeerError | TooFewError) else BAD_INPUT


def start(job: str, settings: Settings, n_holders: int, port: int, folder: Path) -> list[BaseProcess]:
    """Start a server and its holders on this machine; return their processes, the server's first.

    They are forked from a process that has loaded torch and done nothing else, so that it is loaded once.
    """
    known = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    if "forkserver" in known:
        context.set_forkserver_preload(["watermarking.ownership.split.launch"])
    started: list[BaseProcess] = []
    for rank in range(n_holders + 1):
        place = Place(rank, n_holders, port=port)
        one = context.Process(target=_child, args=(job, settings, place, folder), name=name_of(rank), daemon=True)
        one.start()
        started.append(one)
    return started


def launch(job: str, settings: Settings, n_holders: int, port: int, folder: Path) -> int:
    """Start all, wait for the server; return its exit status.

    A holder that ends, however, ends nobody else; when the server has ended, the others get some seconds to.
    """
    started = start(job, settings, n_holders, port, folder)
    try:
        started[0].join()
        deadline = time.monotonic() + _PATIENCE
        for one in started[1:]:
            one.join(max(0.0, deadline - time.monotonic()))
        status = started[0].exitcode
        if status is not None and status < 0:
            _say(f"split: the server was killed by signal {-status}: started again, training goes on")
        return FAILED if status is None or status < 0 else status
    finally:
        for one in started:
            if one.is_alive():
                one.kill()
            one.join()


def _child(job: str, settings: Settings, place: Place, folder: Path) -> None:
    sys.exit(take_part_by_name(job, settings, place, folder))


def _say(line: str) -> None:
    click.echo(line, err=True)
