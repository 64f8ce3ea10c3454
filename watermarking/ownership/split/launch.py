"""All processes of a training on this machine, where nobody else starts them."""

from __future__ import annotations

import multiprocessing
import secrets
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking.errors import WatermarkError
from watermarking.ownership.split.meeting import Place, check_free, name_of
from watermarking.ownership.split.run import take_part
from watermarking.ownership.split.settings import load_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.process import BaseProcess

    from watermarking.ownership.split.settings import Settings

__all__ = ["BAD_INPUT", "FAILED", "free_port", "launch", "reason", "start", "take_part_by_name"]

BAD_INPUT, FAILED = 2, 3
"""Exit status of what was asked for wrongly, and of what went wrong on the way."""
_PATIENCE: Final = 30.0
"""Seconds that holders get to end when the server has."""
_OURS: Final = Path(__file__).resolve().parents[2]
_INSTALLED: Final = ("site-packages", "dist-packages")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def take_part_by_name(job: str, settings: Settings, place: Place, folder: Path) -> int:
    """Take part, the job given as ``module:function``; say what goes wrong in one line, return the exit status."""
    try:
        take_part(load_job(job), settings, place, folder, tell=_say)
    except Exception as error:  # noqa: BLE001  # the job is code of somebody's, and may raise anything
        _say(f"split: {name_of(place.rank)}: {reason(error)}")
        return _status(error)
    return 0


def reason(error: Exception) -> str:
    """Return in one line what went wrong; of what a job's own code raises, with its class and where that was."""
    if isinstance(error, WatermarkError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [one for one in frames if not _is_library(Path(one.filename))]
    at = (theirs or frames)[-1:]
    where = f" ({at[0].filename}, line {at[0].lineno})" if at else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"


def _is_library(file: Path) -> bool:
    return file.is_relative_to(_OURS) or any(part in _INSTALLED for part in file.parts)


def _status(error: Exception) -> int:
    """Return the exit status: of what may go well another time, that of failures; of what a job raises, bad input's."""
    from watermarking.ownership.split.channel import PeerError
    from watermarking.ownership.split.server import TooFewError

    return FAILED if isinstance(error, OSError | PeerError | TooFewError) else BAD_INPUT


def start(job: str, settings: Settings, n_holders: int, port: int, folder: Path) -> list[BaseProcess]:
    """Start a server and its holders on this machine; return their processes, the server's first.

    They are forked from a process that has loaded torch and done nothing else, so that it is loaded once. Each start
    has an attempt of its own: whoever else listens on the port, they meet nobody but one another.
    """
    known = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    if "forkserver" in known:
        context.set_forkserver_preload(["watermarking.ownership.split.launch"])
    started: list[BaseProcess] = []
    attempt = secrets.token_hex(8)
    for rank in range(n_holders + 1):
        place = Place(rank, n_holders, port=port, attempt=attempt)
        one = context.Process(target=_child, args=(job, settings, place, folder), name=name_of(rank), daemon=True)
        one.start()
        started.append(one)
    return started


def launch(job: str, settings: Settings, n_holders: int, port: int, folder: Path) -> int:
    """Start all, wait for the server; return its exit status, or where that is 0 and a holder failed, the holder's.

    A holder that ends, however, ends nobody else; when the server has ended, the others get some seconds to. Where it
    was given what it cannot use, it trains nothing, and they are ended at once.
    """
    try:
        check_free(port)
    except WatermarkError as error:  # before anything is started: holders would wait for whoever listens there
        _say(f"split: {error}")
        return BAD_INPUT
    started = start(job, settings, n_holders, port, folder)
    server, holders = started[0], started[1:]
    try:
        server.join()
        status = server.exitcode
        deadline = time.monotonic() + (0.0 if status == BAD_INPUT else _PATIENCE)
        for one in holders:
            one.join(max(0.0, deadline - time.monotonic()))
        if status is not None and status < 0:
            _say(f"split: the server was killed by signal {-status}: started again, training goes on")
        return _of_holders(holders) if status == 0 else FAILED if status is None or status < 0 else status
    finally:
        for one in started:
            if one.is_alive():
                one.kill()
            one.join()


def _of_holders(holders: Sequence[BaseProcess]) -> int:
    """Return the exit status of a training that the server ended well: bad input, if some holder's was."""
    found = {one.name: one.exitcode for one in holders}
    for name, status in found.items():
        if status is None:
            _say(f"split: {name} did not end for {_PATIENCE:g} s after training: it hangs, and is killed")
        elif status < 0:
            _say(f"split: {name} was killed by signal {-status}: training went on without it")
    if BAD_INPUT in found.values():
        return BAD_INPUT
    return FAILED if any(found.values()) or None in found.values() else 0


def _child(job: str, settings: Settings, place: Place, folder: Path) -> None:
    sys.exit(take_part_by_name(job, settings, place, folder))


def _say(line: str) -> None:
    click.echo(line, err=True)
