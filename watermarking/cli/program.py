"""The group of all subcommands, loaded on demand, and the one place where failures become exit statuses."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking import __version__
from watermarking.cli.groups import ModuleGroup
from watermarking.cli.lines import say
from watermarking.cli.notices import BAD_INPUT, DONE, report, warnings_as_lines
from watermarking.cli.options import logging_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Program"]

_INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell reports it
_BROKEN_PIPE: Final = 141  # 128 + SIGPIPE

_EPILOG: Final = """\b
Exit status: 0 found or done, 1 not found, 2 bad input, 3 reading, writing or verification failed; of several
files the highest.

\b
Environment: WATERMARKING_KEY, a key file; WATERMARKING_THREADS, threads to use, one a core without it;
WATERMARKING_MAX_PIXELS, the largest picture that is read, 400,000,000 without it.
"""


class Program(ModuleGroup):
    """All subcommands.

    A subcommand returns its exit status: 0 found or done, 1 not found, 2 bad input, 3 reading, writing or
    verification failed. What it raises is reported in one line on stderr.
    """

    package = "watermarking.cli"
    names = (
        "keygen", "embed", "extract", "detect", "restore", "capacity", "schemes", "attack", "demo", "web", "dataset",
        "deep", "ownership",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__(
            name="watermarking",
            help="Mark pictures so that the mark can be read later, knowing only a key.",
            epilog=_EPILOG,
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )
        click.version_option(__version__, package_name="watermarking")(self)
        logging_options(self)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; turn what it raises into one line and a status."""
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter's last flush would complain
            return _BROKEN_PIPE
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001  # the last place: whatever went wrong, people get one line
            return report(error)
        return status

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program and exit with its status."""
        with warnings_as_lines(), _orderly_ends():
            try:
                status = super().main(args, prog_name or "watermarking", complete_var, standalone_mode=False, **extra)
            except click.ClickException as error:
                status = _report_usage(error)
            except click.Abort:
                status = _INTERRUPTED
        sys.exit(status if isinstance(status, int) else DONE)


def _report_usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return BAD_INPUT
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "watermarking"
    line = " ".join(error.format_message().split())
    say(f"{path}: {line} Try '{path} --help'.", err=True)
    return BAD_INPUT


@contextmanager
def _orderly_ends() -> Iterator[None]:
    """Let a process that is told to end clean up first, so that no half-written file stays behind."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    mine = threading.current_thread() is threading.main_thread()  # others may not set what a signal does
    changed = [number for number in numbers if mine and signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)
