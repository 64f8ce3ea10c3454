"""Reading many pictures: several at a time, a line each, and how many were found at the end."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from watermarking.cli.batch import tell_troubles
from watermarking.cli.lines import counted, say
from watermarking.cli.notices import DONE, NOT_FOUND, detail, report
from watermarking.cli.output import failed_reading, geometry_line, print_record
from watermarking.cli.pictures import STANDARD, expand, named
from watermarking.cli.progress import clear, progress
from watermarking.cli.tasks import Task
from watermarking.cli.workers import outcomes
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watermarking.cli.tasks import Outcome, Run

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = ["Readers", "read_many", "reader_options"]

_HINT: Final = "a message that is known is found in pictures too damaged to read it: watermarking detect -m TEXT"


def reader_options(command: C) -> C:
    """Add what those who read many pictures need."""
    for option in (
        click.option(
            "--workers",
            type=click.IntRange(1, 64),
            metavar="N",
            help="Pictures at a time; without it, one a core, or WATERMARKING_THREADS.",
        ),
        click.option("--found-only", is_flag=True, help="Leave out the pictures in which nothing is found."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class Readers:
    """How many pictures are read, and what is said of them.

    Attributes
    ----------
    run : what reads one, can be pickled
    show : what says in words what was read; whether it is the only picture is its second argument
    workers : int or None
    as_json, found_only : bool
    what : str, what is tried on them, for those who ask
    hint : bool, whether ``detect`` may find what was not read
    """

    run: Run
    show: Callable[[dict[str, Any], bool], None]
    workers: int | None
    as_json: bool
    found_only: bool
    what: str
    hint: bool = False


def read_many(sources: Sequence[str], how: Readers) -> int:
    """Read pictures and those of folders; one that fails does not stop the others; return the worst exit status.

    Where there may be several, a line on stderr says in how many something was found.
    """
    from watermarking.threads import n_threads

    tasks, worst = _tasks(sources)
    alone = [task.source for task in tasks] == list(sources[:1]) and len(sources) == 1
    workers = max(1, min(how.workers or n_threads(), len(tasks)))
    if STANDARD in sources:  # other processes have another standard input
        workers = 1
    detail(f"{counted(len(tasks), 'picture')} to read, {workers} at a time; {how.what}")
    counts: Counter[str] = Counter()
    with progress(0 if alone else len(tasks)) as advance, closing(outcomes(how.run, tasks, workers)) as found:
        for outcome in found:
            kind = _tell(outcome, how, alone)
            counts[kind] += 1
            worst = max(worst, _status(outcome))
            advance()
    if not alone and tasks:
        _tell_end(sources, counts, how)
    return worst


def _tasks(sources: Sequence[str]) -> tuple[list[Task], int]:
    tasks: list[Task] = []
    worst = DONE
    for source in sources:
        try:
            tasks += map(Task, expand(source))
        except (WatermarkError, OSError) as error:
            worst = max(worst, report(error, source))
    return tasks, worst


def _status(outcome: Outcome) -> int:
    if outcome.failure is not None:
        return outcome.failure.status
    assert outcome.record is not None
    return DONE if outcome.record["found"] else NOT_FOUND


def _tell(outcome: Outcome, how: Readers, alone: bool) -> str:
    """Print what came of a picture; return which kind it is of."""
    tell_troubles(outcome)
    if outcome.failure is not None:
        if how.as_json and not how.found_only:
            print_record(failed_reading(outcome.task.source, outcome.failure))
        return "failed"
    record = outcome.record
    assert record is not None
    if record["found"] or not how.found_only:
        clear()
        if how.as_json:
            print_record(record)
        else:
            how.show(record, alone)
    if record["geometry"] is not None:
        detail(f"{record['file']}: {geometry_line(record['geometry'])}")
    return "found" if record["found"] else "absent"


def _tell_end(sources: Sequence[str], counts: Counter[str], how: Readers) -> None:
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    say(f"{named(sources)}: {counts['found']} of {counts.total()} found{failed}", err=True)
    if how.hint and counts["absent"] and not how.as_json:
        say(f"watermarking: {_HINT}", err=True)
