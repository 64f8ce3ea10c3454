"""The group of all subcommands, loaded on demand, and the one place where failures become exit statuses."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking import __version__
from watermarking.cli.options import is_debugging, logging_options
from watermarking.errors import FileAccessError, VerificationError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BAD_INPUT", "DONE", "FAILED", "NOT_FOUND", "Program", "report"]

DONE: Final = 0
NOT_FOUND: Final = 1
BAD_INPUT: Final = 2
FAILED: Final = 3
_INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell reports it
_BROKEN_PIPE: Final = 141  # 128 + SIGPIPE
_COMMANDS: Final = ("keygen", "embed", "extract", "detect", "capacity", "schemes", "attack", "deep")


class Program(click.Group):
    """All subcommands; each is a module of this package, imported when it is asked for.

    A subcommand returns its exit status: 0 found or done, 1 not found, 2 bad input, 3 reading, writing or
    verification failed. What it raises is reported in one line on stderr.
    """

    def __init__(self) -> None:
        super().__init__(
            name="watermarking",
            help="Mark pictures so that the mark can be read later, knowing only a key.",
            epilog="Exit status: 0 found or done, 1 not found, 2 bad input, 3 reading, writing or verification failed.",
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )
        click.version_option(__version__, package_name="watermarking")(self)
        logging_options(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands in the order in which people meet them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"watermarking.cli.{cmd_name}").command
        return command

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
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning  # type: ignore[assignment]  # it takes the rest as it comes
            try:
                status = super().main(args, prog_name or "watermarking", complete_var, standalone_mode=False, **extra)
            except click.ClickException as error:
                status = _report_usage(error)
            except click.Abort:
                status = _INTERRUPTED
        sys.exit(status if isinstance(status, int) else DONE)


def report(error: Exception, file: str | None = None) -> int:
    """Print what went wrong, in one line on stderr; return the exit status that goes with it."""
    line = " ".join(_describe(error).split())
    click.echo(f"watermarking: {file}: {line}" if file and file not in line else f"watermarking: {line}", err=True)
    if is_debugging(click.get_current_context()):
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    asked_wrongly = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)) or (
        isinstance(error, WatermarkError) and not isinstance(error, (FileAccessError, VerificationError))
    )
    return BAD_INPUT if asked_wrongly else FAILED


def _describe(error: Exception) -> str:
    if isinstance(error, WatermarkError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "not enough memory for this picture"
    return f"{type(error).__name__}: {error} (this should not happen: --debug shows where it arose)"


def _report_usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return BAD_INPUT
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "watermarking"
    line = " ".join(error.format_message().split())
    click.echo(f"{path}: {line} Try '{path} --help'.", err=True)
    return BAD_INPUT


def _show_warning(message: Warning | str, *_place: object) -> None:
    click.echo(f"watermarking: warning: {message}", err=True)
