"""Marking the pictures of a folder: several at a time, skipping what is done, going on after failures."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from watermarking.cli.output import print_record
from watermarking.cli.program import DONE, FAILED, report
from watermarking.errors import FileFormatError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["embed_folder"]

_CLEAR: Final = "\r\x1b[K"
"""Makes a terminal forget the line with the bar, which is drawn anew below the message."""
Run: TypeAlias = "Callable[[str, str], dict[str, Any]]"


def embed_folder(run: Run, source: Path, target: Path, *, workers: int, force: bool, as_json: bool) -> int:
    """Mark every picture in and below a folder; return the exit status.

    What exists in ``target`` already is skipped unless ``force``; with ``target`` the same as ``source`` every picture
    is marked in place. Failures are reported as they come; one is enough for status 3.
    """
    tasks, n_skipped = _plan(source, target, force)
    n_failed = 0
    with _progress(len(tasks)) as advance, ThreadPoolExecutor(workers) as pool:
        try:
            for file, outcome in pool.map(lambda task: _attempt(run, *task), tasks):
                if isinstance(outcome, Exception):
                    click.echo(_CLEAR if sys.stderr.isatty() else "", err=True, nl=False)
                    report(outcome, file)
                    n_failed += 1
                elif as_json:
                    print_record(outcome)
                advance()
        except BaseException:  # an interrupt, a closed pipe: what has not begun need not
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if not as_json:
        skipped = f", {n_skipped} skipped since they exist already" if n_skipped else ""
        failed = f", {n_failed} failed" if n_failed else ""
        click.echo(f"{target}: {len(tasks) - n_failed} marked{skipped}{failed}")
    return FAILED if n_failed else DONE


def _plan(source: Path, target: Path, force: bool) -> tuple[list[tuple[Path, Path]], int]:
    """List what is to be read and written, and count what is done already."""
    from watermarking.pictures.files import list_pictures

    if target.exists() and not target.is_dir():
        raise FileFormatError(f"{target} is a file, {source} is a folder: name a folder with -o")
    inside = target.resolve().is_relative_to(source.resolve())
    if inside and target.resolve() != source.resolve():
        raise FileFormatError(f"{target} lies inside {source}: a second run would mark marked pictures")
    files = list_pictures(source)
    if not files:
        raise FileFormatError(f"{source} holds no pictures")
    pairs = [(file, target / file.relative_to(source)) for file in files]
    tasks = [(file, goal) for file, goal in pairs if force or goal == file or not goal.exists()]
    return tasks, len(pairs) - len(tasks)


def _attempt(run: Run, source: Path, target: Path) -> tuple[str, dict[str, Any] | Exception]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return str(source), run(str(source), str(target))
    except (WatermarkError, OSError, MemoryError) as error:
        return str(source), error


@contextmanager
def _progress(n_tasks: int) -> Iterator[Callable[[], object]]:
    """Show a bar on a terminal, nothing elsewhere; yield what is called after every task."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=n_tasks, file=sys.stderr, show_pos=True) as bar:
        yield lambda: bar.update(1)
