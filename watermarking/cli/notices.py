"""What goes wrong, or nearly: failures and warnings, one line each on stderr, with the file that they are about."""

from __future__ import annotations

import traceback
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from watermarking.cli.lines import say, shown
from watermarking.cli.options import is_debugging, is_verbose
from watermarking.errors import FileAccessError, VerificationError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "BAD_INPUT", "DONE", "FAILED", "NOT_FOUND", "Failure", "detail", "heard_by", "report", "warn", "warnings_as_lines",
]  # fmt: skip

DONE: Final = 0
NOT_FOUND: Final = 1
BAD_INPUT: Final = 2
FAILED: Final = 3

_ear: ContextVar[Callable[[str], object] | None] = ContextVar("watermarking_warnings", default=None)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, as plain text that travels between processes.

    Attributes
    ----------
    line : str, what happened, without line ends
    status : int, the exit status that goes with it
    trace : str, where it arose
    """

    line: str
    status: int
    trace: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Describe what was raised."""
        asked_wrongly = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)) or (
            isinstance(error, WatermarkError) and not isinstance(error, (FileAccessError, VerificationError))
        )
        trace = "".join(traceback.format_exception(error))
        return cls(_describe(error), BAD_INPUT if asked_wrongly else FAILED, trace)

    def tell(self, file: str | None = None) -> int:
        """Print it with the file that it is about; return the status."""
        say(f"watermarking: {_about(file, self.line)}", err=True)
        if is_debugging(click.get_current_context()):
            click.echo(self.trace, err=True, nl=False)
        return self.status


def report(error: Exception, file: str | None = None) -> int:
    """Print what went wrong, in one line on stderr; return the exit status that goes with it."""
    return Failure.of(error).tell(file)


def detail(line: str) -> None:
    """Print what is done, in one line on stderr, with ``-v``."""
    if is_verbose(click.get_current_context()):
        say(f"watermarking: {line}", err=True)


def warn(line: str, file: str | None = None) -> None:
    """Print a warning, in one line on stderr."""
    say(f"watermarking: warning: {_about(file, line)}", err=True)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Give every warning of the process a line, or to the function that :func:`heard_by` names."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)  # once for every file, not once for every place in the program
        warnings.showwarning = _show_warning  # type: ignore[assignment]  # it takes the rest as it comes
        yield


@contextmanager
def heard_by(tell: Callable[[str], object]) -> Iterator[None]:
    """Call a function with each warning of the block, in this thread; the same one twice is told once."""
    told: set[str] = set()

    def once(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    token = _ear.set(once)
    try:
        yield
    finally:
        _ear.reset(token)


def _show_warning(message: Warning | str, *_place: object) -> None:
    (_ear.get() or warn)(_one_line(str(message)))


def _about(file: str | None, line: str) -> str:
    return f"{file}: {line}" if file and shown(file) not in line else line


def _describe(error: Exception) -> str:
    if isinstance(error, WatermarkError):
        return shown(str(error))
    if isinstance(error, OSError) and error.strerror:
        return shown(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    if isinstance(error, MemoryError):
        return "not enough memory for this picture"
    return f"{type(error).__name__}: {_one_line(str(error))} (this should not happen: --debug shows where it arose)"


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()))
