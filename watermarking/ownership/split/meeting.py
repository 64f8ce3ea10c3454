"""How the processes find each other: a store at the server, and a connection for every pair that talks."""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

import torch.distributed as dist
from torch._C._distributed_c10d import PrefixStore, TCPStore  # torch.distributed's own stubs do not export them

from watermarking.errors import WatermarkError
from watermarking.ownership.split.channel import Peer, PeerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.ownership.split.channel import Pair

__all__ = ["Meeting", "Place", "check_free", "meet", "name_of"]

_GO: Final = "go"
_POLL: Final = 0.05


def name_of(rank: int) -> str:
    """Return what errors call a process."""
    return "the server" if rank == 0 else f"holder {rank}"


@dataclass(frozen=True)
class Place:
    """Which process this is, and where the server's store is.

    Attributes
    ----------
    rank : int, 0 for the server, holders from 1
    n_holders : int
    address, port : of the store
    hosted : bool, the store is there already, torchrun keeps it
    attempt : str
        Which start of the processes it is: nobody meets those of another one, whatever store they share.
    """

    rank: int
    n_holders: int
    address: str = "127.0.0.1"
    port: int = 29500
    hosted: bool = False
    attempt: str = "0"

    def __post_init__(self) -> None:
        if self.n_holders < 1 or not 0 <= self.rank <= self.n_holders:
            raise WatermarkError(
                f"process {self.rank} of {self.n_holders + 1}: there are a server, 0, and at least one holder, from 1"
            )
        if not 1 <= self.port <= 65535:
            raise WatermarkError(f"there is no port {self.port}: give 1024 to 65535")

    @classmethod
    def from_environment(cls) -> Place:
        """Return the place that torchrun, or whoever starts processes by its rules, gives this one.

        Raises
        ------
        WatermarkError
            If a variable is missing or no number.
        """
        try:
            rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
            address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        except (KeyError, ValueError) as error:
            raise WatermarkError(
                f"RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say which process this is ({error}): start it with "
                "torchrun, or without RANK to start all of them here"
            ) from error
        hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        return cls(rank, world - 1, address, port, hosted, os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


@dataclass
class Meeting:
    """The connections of a process, by the ranks of the others."""

    rank: int
    peers: dict[int, Peer]
    store: TCPStore


def meet(place: Place, timeout: float) -> Meeting:
    """Wait for all processes, and connect to those that this one talks to: the server to all, holders to all.

    Raises
    ------
    WatermarkError
        If the port is in use.
    PeerError
        If somebody does not come in time; the message names who.
    """
    store = _store(place, timeout)
    shared = PrefixStore(f"split/{place.attempt}", store)
    shared.set(f"here/{place.rank}", "1")
    if place.rank == 0:
        _wait_for_all(shared, place, timeout)
    else:
        _wait_for_go(shared, timeout)
    peers = {}
    for first in range(place.n_holders + 1):  # in one order for all, so that nobody waits for one who waits
        for second in range(first + 1, place.n_holders + 1):
            if place.rank in (first, second):
                other = second if place.rank == first else first
                peers[other] = _connect(shared, first, second, place.rank, timeout)
    return Meeting(place.rank, peers, store)


def _connect(store: PrefixStore, first: int, second: int, rank: int, timeout: float) -> Peer:
    mine = int(rank == second)
    other = name_of(first if mine else second)
    try:
        group = dist.ProcessGroupGloo(
            PrefixStore(f"{first}-{second}", store), mine, 2, timedelta(seconds=timeout)
        )  # fmt: skip
    except RuntimeError as error:
        raise PeerError(f"{other} was there, but no connection to it came about in {timeout:g} s") from error
    return Peer(other, cast("Pair", group), 1 - mine, timeout)


def _store(place: Place, timeout: float) -> TCPStore:
    host = place.rank == 0 and not place.hosted
    if host:
        check_free(place.port)
    else:
        _wait_for_store(place, timeout)
    try:
        return TCPStore(
            place.address, place.port, is_master=host, wait_for_workers=False, timeout=timedelta(seconds=timeout)
        )
    except dist.DistError as error:
        raise _in_use(place.port) if host else PeerError(_unreached(place, timeout)) from error


def check_free(port: int) -> None:
    """Try a port with plain sockets, since torch prints a page where it cannot have it.

    Raises
    ------
    WatermarkError
        If it is in use, or cannot be listened on.
    """
    for family in (socket.AF_INET, socket.AF_INET6):  # torch listens on both
        try:
            with socket.create_server(("", port), family=family):
                pass
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise _in_use(port) from error
            if family == socket.AF_INET:  # a machine may well have no other
                raise WatermarkError(f"port {port} cannot be listened on: {error.strerror or error}") from error


def _in_use(port: int) -> WatermarkError:
    return WatermarkError(f"port {port} is in use on this machine: give another one")


def _wait_for_store(place: Place, timeout: float) -> None:
    def answers() -> bool:
        with suppress(OSError), socket.create_connection((place.address, place.port), timeout=1):
            return True
        return False

    if not _until(answers, timeout):
        raise PeerError(_unreached(place, timeout))


def _unreached(place: Place, timeout: float) -> str:
    return (
        f"the server was not reached at {place.address}:{place.port} for {timeout:g} s: start it, process 0, or give "
        "its address"
    )


def _wait_for_all(store: PrefixStore, place: Place, timeout: float) -> None:
    ranks = range(1, place.n_holders + 1)
    if not _until(lambda: store.check([f"here/{rank}" for rank in ranks]), timeout):
        missing = [name_of(rank) for rank in ranks if not store.check([f"here/{rank}"])]
        said = f"{' and '.join(missing)} did not come for {timeout:g} s: start {'it' if len(missing) == 1 else 'them'}"
        store.set("go", said)
        raise PeerError(f"{said}, or allow more time")
    store.set("go", _GO)


def _wait_for_go(store: PrefixStore, timeout: float) -> None:
    if not _until(lambda: store.check(["go"]), timeout * 2):
        raise PeerError(f"the server gave no sign for {timeout * 2:g} s: it hangs, or was never started")
    said = bytes(store.get("go")).decode("utf-8", "replace")
    if said != _GO:
        raise PeerError(f"the server stopped: {said}")


def _until(is_so: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
