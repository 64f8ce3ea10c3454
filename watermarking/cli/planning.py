"""Which pictures are marked, and where each goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watermarking.cli.pictures import no_pictures
from watermarking.cli.tasks import Task
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watermarking.pictures.folders import PassedOver

__all__ = ["Plan", "is_many", "plan_pictures"]


@dataclass(frozen=True)
class Plan:
    """What one call does.

    Attributes
    ----------
    target : Path, the folder that pictures are written to; None where they are marked in place
    tasks : what is to be done
    skipped : what is left as it is, since its target exists already
    passed_over : files that are no pictures
    """

    target: Path | None
    tasks: list[Task]
    skipped: list[Task]
    passed_over: list[PassedOver]

    def names(self, tasks: Iterable[Task]) -> list[str]:
        """Name targets as they are called in the target folder."""
        return [Path(os.path.relpath(task.target, self.target)).as_posix() for task in tasks]


def is_many(sources: Sequence[str], output: str | None) -> bool:
    """Say whether OUT is a folder: it is one already, is called one, or there is more than one picture to put in it."""
    inside = output is not None and (Path(output).is_dir() or output.endswith(("/", os.sep)))
    return len(sources) > 1 or Path(sources[0]).is_dir() or inside


def plan_pictures(sources: Sequence[str], output: str | None, *, force: bool) -> Plan:
    """List what is to be read and written, without ``output`` in place.

    The pictures of a folder keep their places below it, single ones their names.

    Raises
    ------
    FileFormatError
        If a folder holds no pictures, or two pictures would become one, or a source would be written over.
    """
    target = None if output is None else Path(output)
    _check_target(sources, target)
    goals: dict[str, str] = {}  # source by target
    passed_over: list[PassedOver] = []
    for source in sources:
        for file, name in _pictures(Path(source), passed_over):
            goal = str(file if target is None else target / name)
            if goals.setdefault(goal, str(file)) != str(file):
                raise FileFormatError(
                    f"{goals[goal]} and {file} would both become {goal}: mark them in two runs, each with a folder"
                )
    if target is not None:
        _check_sources(goals)
    there = set() if force or target is None else {goal for goal in goals if Path(goal).exists()}
    tasks = [Task(file, goal) for goal, file in goals.items() if goal not in there]
    skipped = [Task(file, goal) for goal, file in goals.items() if goal in there]
    return Plan(target, tasks, skipped, passed_over)


def _pictures(source: Path, passed_over: list[PassedOver]) -> Iterable[tuple[Path, Path]]:
    """Yield a file, or those of a folder, with their names in the target; note what is passed over."""
    from watermarking.pictures.folders import survey

    if not source.is_dir():
        return [(source, Path(source.name))]
    listing = survey(source)
    if not listing.pictures:
        raise no_pictures(source, listing.passed_over)
    passed_over += listing.passed_over
    return [(file, file.relative_to(source)) for file in listing.pictures]


def _check_target(sources: Sequence[str], target: Path | None) -> None:
    if target is None:
        return
    if target.exists() and not target.is_dir():
        raise FileFormatError(f"{target} is a file, there are several pictures: name a folder with -o")
    for source in map(Path, sources):
        if not source.is_dir():
            continue
        if target.resolve() == source.resolve():
            raise FileFormatError(f"{target} is the input: name another folder, or allow it with --in-place")
        if target.resolve().is_relative_to(source.resolve()):
            raise FileFormatError(f"{target} lies inside {source}: a second run would take what the first one wrote")


def _check_sources(goals: dict[str, str]) -> None:
    """Refuse targets that are among the sources: some would be gone before they are read."""
    sources = {_identity(file) for file in goals.values()} - {None}
    for goal in goals:
        if _identity(goal) in sources:
            raise FileFormatError(f"{goal} is the input: name another folder, or allow it with --in-place")


def _identity(file: str) -> tuple[int, int] | None:
    """Return what tells a file from all others, whatever it is called; None if there is none."""
    try:
        found = Path(file).stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
