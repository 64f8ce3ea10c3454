"""Where the subcommands' pictures come from and go to: files, folders, standard input and output."""

from __future__ import annotations

import functools
import importlib
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, heard_by, report, warn
from watermarking.cli.options import is_verbose
from watermarking.errors import FileFormatError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from watermarking.pictures.files import Picture
    from watermarking.pictures.folders import PassedOver

__all__ = [
    "STANDARD",
    "announce_compilation",
    "check_target",
    "each_picture",
    "expand",
    "load",
    "named",
    "no_pictures",
    "read_standard_input",
    "staged",
    "tell_passed_over",
]

STANDARD: Final = "-"
_NAMED: Final = 3


def load(source: str) -> Picture:
    """Read a picture from a file, or from standard input."""
    from watermarking.pictures.files import read_picture

    return read_picture(read_standard_input() if source == STANDARD else source)


def read_standard_input() -> bytes:
    """Read a file's content from standard input."""
    if sys.stdin.isatty():
        raise click.UsageError("'-' reads a picture from standard input, which is a terminal.")
    return sys.stdin.buffer.read()


def each_picture(sources: Iterable[str], act: Callable[[str], int]) -> int:
    """Do something to every picture, those of folders included; one that fails does not stop the others.

    Returns the worst exit status, which is the highest.
    """
    worst = DONE
    for source in sources:
        try:
            files = expand(source)
        except (WatermarkError, OSError) as error:
            worst = max(worst, report(error, source))
            continue
        for file in files:
            try:
                with heard_by(functools.partial(warn, file=file)):
                    status = act(file)
            except BrokenPipeError:
                raise
            except (WatermarkError, OSError, MemoryError) as error:
                status = report(error, file)
            worst = max(worst, status)
    return worst


def expand(source: str) -> list[str]:
    """List the pictures of a folder; say what is passed over."""
    if source == STANDARD or not Path(source).is_dir():
        return [source]
    from watermarking.pictures.folders import survey

    listing = survey(source)
    if not listing.pictures:
        raise no_pictures(source, listing.passed_over)
    for line in tell_passed_over(listing.passed_over):
        say(f"{source}: {line}", err=True)
    return [str(path) for path in listing.pictures]


def named(sources: Sequence[str]) -> str:
    """Say which inputs a line is about, in few words."""
    more = len(sources) - _NAMED
    return ", ".join(sources) if more <= 0 else f"{', '.join(sources[:_NAMED])} and {more} more"


def no_pictures(folder: str | Path, passed_over: list[PassedOver]) -> FileFormatError:
    """Return the error that says what a folder holds instead of pictures."""
    there = tell_passed_over(passed_over)
    return FileFormatError(f"{folder} holds no pictures{': ' if there else ''}{''.join(there)}")


def tell_passed_over(passed_over: list[PassedOver]) -> list[str]:
    """Say how many files of a folder are passed over and why, nothing if none is; with ``-v`` list them on stderr."""
    if not passed_over:
        return []
    if is_verbose(click.get_current_context()):
        for one in passed_over:
            say(f"watermarking: {one.path}: passed over: {one.reason}", err=True)
    reasons = Counter(one.reason for one in passed_over)
    counted = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return [f"{len(passed_over)} passed over ({counted})"]


@contextmanager
def staged(source: str, target: str) -> Iterator[tuple[Path, Path]]:
    """Give standard input and output a file's name for a while; what was written goes out when all went well."""
    if STANDARD not in (source, target):
        yield Path(source), Path(target)
        return
    from watermarking.pictures.formats.decoding import identify

    with tempfile.TemporaryDirectory(prefix="watermarking-") as folder:
        data = read_standard_input() if source == STANDARD else None
        suffix = f".{identify(_head(source) if data is None else data).lower()}"
        staged_source = Path(source) if data is None else Path(folder, f"in{suffix}")
        if data is not None:
            staged_source.write_bytes(data)
        staged_target = Path(folder, f"out{suffix}") if target == STANDARD else Path(target)
        yield staged_source, staged_target
        if target == STANDARD:
            sys.stdout.buffer.write(staged_target.read_bytes())
            sys.stdout.buffer.flush()


def check_target(target: str, force: bool) -> None:
    """Refuse to write a picture to a terminal, or without ``--force`` over a file that exists."""
    if target == STANDARD:
        if sys.stdout.isatty():
            raise click.UsageError("'-o -' writes a picture to standard output, which is a terminal.")
    elif Path(target).is_file() and not force:
        raise WatermarkError(f"{target} exists already: choose another name, or replace it with --force")


def _head(file: str) -> bytes:
    from watermarking.pictures.formats.kinds import HEAD

    with Path(file).open("rb") as stream:
        return stream.read(HEAD)


@functools.cache
def announce_compilation() -> None:
    """Say so, once a process, if the first kernel must be compiled, since that takes seconds."""
    from watermarking.kernels.jit import on_first_compilation

    _spare_blas()
    line = "watermarking: compiling for this machine, a few seconds, kept for later runs where a cache can be written"
    on_first_compilation(lambda: say(line, err=True))


def _spare_blas() -> None:
    """Let numba take it that there is no BLAS: it looks for one by importing scipy.linalg, a tenth of a second.

    No kernel multiplies matrices. A program of one's own may, so this is for the command line's process alone.
    """
    name = "scipy.linalg.cython_blas"
    if name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]  # how Python notes that a module cannot be imported
    try:
        importlib.import_module("numba.np.arraymath")  # looks once, when it is loaded
    finally:
        del sys.modules[name]
