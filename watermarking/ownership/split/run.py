"""Taking part in a training, as the server or a holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watermarking.ownership.split.holder import Holder
from watermarking.ownership.split.meeting import meet, name_of
from watermarking.ownership.split.server import Outcome, Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watermarking.ownership.split.meeting import Place
    from watermarking.ownership.split.settings import Job, Settings

__all__ = ["folder_of", "take_part"]


def folder_of(folder: Path, rank: int) -> Path:
    """Return where a process keeps its checkpoints; on a machine of its own, nothing else need be there."""
    return folder / name_of(rank).removeprefix("the ").replace(" ", "-")


def take_part(
    job: Job, settings: Settings, place: Place, folder: Path, tell: Callable[[str], None] = print
) -> Outcome | None:
    """Take part until training ends; return what came of it, at the server.

    Parameters
    ----------
    job, settings
        The same in all processes; of the job's data, each process asks for its own.
    place : Place
        Which process this is.
    folder : Path
        For checkpoints, gone on with if there are some: ``server/`` and ``holder-1/``, ... below it.
    tell : callable
        Told what happens, a line each.

    Raises
    ------
    WatermarkError
        If a port is in use, somebody does not come, all holders are gone, or data or checkpoints do not fit; of
        another process, the message says which.
    """
    mine = folder_of(folder, place.rank)
    mine.mkdir(parents=True, exist_ok=True)
    meeting = meet(place, settings.timeout)
    if place.rank == 0:
        return Server(job, settings, meeting, mine, tell).run()
    Holder(job, settings, meeting, mine, tell).run()
    return None
