"""Marking the pictures of a folder: several at a time, skipping what is done, going on after failures."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, warn
from watermarking.cli.output import failure_record, print_record
from watermarking.cli.pictures import no_pictures, tell_passed_over
from watermarking.cli.tasks import Task
from watermarking.cli.workers import outcomes
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watermarking.cli.tasks import Outcome, Run
    from watermarking.pictures.folders import PassedOver

__all__ = ["embed_folder"]

_WORDS: Final = {
    "marked": "marked",
    "already": "marked already",
    "skipped": "skipped since they exist already",
    "failed": "failed",
}

_CLEAR: Final = "\r\x1b[K"
"""Makes a terminal forget the line with the bar, which is drawn anew below the message."""


def embed_folder(run: Run, source: Path, target: Path, *, workers: int | None, force: bool, as_json: bool) -> int:
    """Mark every picture in and below a folder; return the exit status.

    What exists in ``target`` already is skipped unless ``force``; with ``target`` the same as ``source`` every picture
    is marked in place. Failures are reported as they come; the worst status of any file is that of the folder. What is
    passed over is counted by reason. Without ``workers`` there are as many as there are threads to use.
    """
    from watermarking.threads import n_threads

    tasks, n_skipped, passed_over = _plan(source, target, force)
    counts = Counter(skipped=n_skipped)
    worst = DONE
    with _progress(len(tasks)) as advance, closing(outcomes(run, tasks, workers or n_threads())) as found:
        for outcome in found:
            worst = max(worst, _tell(outcome, as_json))
            counts[_kind(outcome)] += 1
            advance()
    parts = [f"{counts[kind]} {words}" for kind, words in _WORDS.items() if counts[kind] or kind == "marked"]
    say(f"{target}: {', '.join([*parts, *tell_passed_over(passed_over)])}", err=as_json)
    return worst


def _kind(outcome: Outcome) -> str:
    if outcome.record is None:
        return "failed"
    return "already" if outcome.record["already_marked"] else "marked"


def _tell(outcome: Outcome, as_json: bool) -> int:
    """Print what came of a picture: warnings and failures, with ``as_json`` a record; return its status."""
    if sys.stderr.isatty() and (outcome.warnings or outcome.failure):
        click.echo(_CLEAR, err=True, nl=False)
    for line in outcome.warnings:
        warn(line, outcome.task.source)
    status = DONE if outcome.failure is None else outcome.failure.tell(outcome.task.source)
    if as_json:
        record = outcome.record
        if outcome.failure is not None:
            record = failure_record(outcome.task.source, outcome.task.target, outcome.failure)
        assert record is not None
        print_record(record)
    return status


def _plan(source: Path, target: Path, force: bool) -> tuple[list[Task], int, list[PassedOver]]:
    """List what is to be read and written, count what is there already, list what is passed over."""
    from watermarking.pictures.folders import survey

    if target.exists() and not target.is_dir():
        raise FileFormatError(f"{target} is a file, {source} is a folder: name a folder with -o")
    inside = target.resolve().is_relative_to(source.resolve())
    if inside and target.resolve() != source.resolve():
        raise FileFormatError(f"{target} lies inside {source}: a second run would take what the first one wrote")
    listing = survey(source)
    if not listing.pictures:
        raise no_pictures(source, listing.passed_over)
    pairs = [(file, target / file.relative_to(source)) for file in listing.pictures]
    tasks = [Task(str(file), str(goal)) for file, goal in pairs if force or goal == file or not goal.exists()]
    return tasks, len(pairs) - len(tasks), listing.passed_over


@contextmanager
def _progress(n_tasks: int) -> Iterator[Callable[[], object]]:
    """Show a bar on a terminal, nothing elsewhere; yield what is called after every task."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=n_tasks, file=sys.stderr, show_pos=True) as bar:
        yield lambda: bar.update(1)
