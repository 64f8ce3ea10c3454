"""Options that several subcommands take, always under the same name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from watermarking.cli.key_options import key_names, key_option, keys_option

if TYPE_CHECKING:
    from collections.abc import Callable

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = [
    "fidelity_number",
    "force_option",
    "is_debugging",
    "is_verbose",
    "json_option",
    "key_names",
    "key_option",
    "keys_option",
    "logging_options",
    "message_options",
    "read_message",
    "scheme_option",
    "strength_options",
]

_DEBUG: Final = "watermarking.debug"
_VERBOSE: Final = "watermarking.verbose"


def _set_verbosity(ctx: click.Context, _param: click.Parameter, value: int) -> None:
    if value:
        ctx.meta[_VERBOSE] = True
        import logging

        from watermarking.cli.hearing import listen

        ctx.call_on_close(listen(logging.INFO if value == 1 else logging.DEBUG))


def _set_debugging(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_DEBUG] = True


def is_debugging(ctx: click.Context) -> bool:
    """Say whether failures shall show where in the program they arose."""
    return bool(ctx.meta.get(_DEBUG))


def is_verbose(ctx: click.Context) -> bool:
    """Say whether what is done shall be said in more words."""
    return bool(ctx.meta.get(_VERBOSE))


def logging_options(command: C) -> C:
    """Add ``-v`` and ``--debug``, accepted before and after the subcommand's name."""
    for option in (
        click.option(
            "--debug",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_set_debugging,
            help="On failure show where in the program it arose.",
        ),
        click.option(
            "-v",
            "--verbose",
            count=True,
            expose_value=False,
            is_eager=True,
            callback=_set_verbosity,
            help="Say what is done; twice: in detail.",
        ),
    ):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
force_option = click.option("--force", is_flag=True, help="Replace files that exist already.")


def scheme_option(what: str) -> Callable[[C], C]:
    """Add ``--scheme``; ``what`` says what happens without it."""
    return click.option("--scheme", metavar="S", help=f"Id of a scheme, see 'watermarking schemes'; {what}.")


def strength_options(command: C) -> C:
    """Add the two ways to say how strong a mark is."""
    for option in (
        click.option("--psnr", type=float, metavar="DB", help="Strength in dB instead; more is fainter."),
        click.option(
            "--fidelity",
            metavar="SCORE",
            help="How little the mark shows: discreet (90), normal (88; pages 86, large pictures 84), strong (80) or "
            "another SSIMULACRA2 score.  [default: normal]",
        ),
    ):
        command = option(command)
    return command


def fidelity_number(text: str | None) -> float | str | None:
    """Return the number that was typed, if it is one."""
    try:
        return text if text is None else float(text)
    except ValueError:
        return text


def message_options(command: C) -> C:
    """Add the three ways to give a message; :func:`read_message` takes them."""
    for option in (
        click.option(
            "--message-file", metavar="FILE", type=click.Path(), help="File that holds the message; - for stdin."
        ),
        click.option("--message-hex", metavar="HEX", help="Message as hexadecimal digits."),
        click.option("-m", "--message", "message_text", metavar="TEXT", help="Message."),
    ):
        command = option(command)
    return command


def read_message(message_text: str | None, message_hex: str | None, message_file: str | None) -> str | bytes:
    """Return the message that was given; exactly one way must have been used."""
    if sum(way is not None for way in (message_text, message_hex, message_file)) != 1:
        raise click.UsageError("A message is needed, by one of -m, --message-hex and --message-file.")
    content = _content(message_text, message_hex, message_file)
    if not content:
        where = f"in {message_file} " if message_file else ""
        raise click.UsageError(f"The message {where}is empty: give a text, a name or a number.")
    return content


def _content(message_text: str | None, message_hex: str | None, message_file: str | None) -> str | bytes:
    if message_file is not None:
        with click.open_file(message_file, "rb") as stream:
            content: bytes = stream.read()
        return content
    if message_hex is not None:
        try:
            return bytes.fromhex(message_hex)
        except ValueError:
            raise click.UsageError(f"{message_hex!r} is not an even number of hexadecimal digits.") from None
    assert message_text is not None
    return _valid(message_text)


def _valid(text: str) -> str:
    """Return a text that can be encoded: where the locale knows ASCII alone, Python leaves the bytes for later."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return os.fsencode(text).decode()
        except UnicodeError:
            raise click.UsageError("The message is not valid UTF-8: use --message-hex or --message-file.") from None
    return text
