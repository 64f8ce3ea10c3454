"""Options that say which keys: files, or a passphrase, which is never part of the command itself.

What is typed as an argument can be read by every user of the machine while the program runs, and stays in the shell's
history. So a passphrase is asked for, or taken from a file or from an environment variable.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.core import ParameterSource

from watermarking.errors import KeyFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watermarking.keys import Key

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = ["key_names", "key_option", "keys_option"]

_GIVEN: Final = "watermarking.passphrase"
_NAMES: Final = "watermarking.key_names"
_VARIABLE: Final = "WATERMARKING_PASSPHRASE"
_LONGEST: Final = 4096
_MARKING: Final = ("embed", "protect")
"""Subcommands that ask for a passphrase twice: what is marked with a slip of the fingers is never read again."""
_COMMON: Final[dict[str, Any]] = {
    "metavar": "KEYFILE",
    "type": click.Path(),
    "envvar": "WATERMARKING_KEY",
    "show_envvar": True,
}
_KEY_HELP: Final = "Key file, as 'watermarking keygen' writes it; a key or a passphrase is needed."


def key_names(ctx: click.Context) -> tuple[str, ...]:
    """Return what the keys are called that were given: their files as they were typed, or ``"passphrase"``."""
    return tuple(ctx.meta[_NAMES])


def key_option(command: C) -> C:
    """Add what says which key; the subcommand is given it as ``key``."""
    option = click.option("-k", "--key", "key", callback=_load_key, help=_KEY_HELP, **_COMMON)
    return option(_passphrase_options(command))


def keys_option(command: C) -> C:
    """Add what says which keys, at least one; the subcommand is given them as ``keys``."""
    text = f"{_KEY_HELP} Several may be given."
    option = click.option("-k", "--key", "keys", multiple=True, callback=_load_keys, help=text, **_COMMON)
    return option(_passphrase_options(command))


def _passphrase_options(command: C) -> C:
    common: dict[str, Any] = {"expose_value": False, "is_eager": True, "callback": _remember}
    for option in (
        click.option(
            "--salt",
            metavar="NAME",
            envvar="WATERMARKING_SALT",
            show_envvar=True,
            help="Goes into the key with the passphrase: a name such as your project's. Not secret, but the same one "
            "is needed to read.",
            **common,
        ),
        click.option(
            "--passphrase-file",
            metavar="FILE",
            type=click.Path(),
            help="Make the key from the passphrase in a file.",
            **common,
        ),
        click.option(
            "--passphrase",
            is_flag=True,
            help=f"Make the key from a passphrase: that in {_VARIABLE}, else it is asked for.",
            **common,
        ),
    ):
        command = option(command)
    return command


def _remember(ctx: click.Context, param: click.Parameter, value: str | bool | None) -> None:
    """Keep an option until the key's turn comes."""
    if value:
        typed = ctx.get_parameter_source(str(param.name)) is not ParameterSource.ENVIRONMENT
        ctx.meta.setdefault(_GIVEN, {})[param.name] = (value, typed)


def _load_key(ctx: click.Context, param: click.Parameter, path: str | None) -> Key | None:
    found = _load(ctx, param, () if path is None else (path,))
    if len(found) > 1:
        raise click.UsageError("One key marks: give a key file or a passphrase, not both.", ctx)
    return found[0] if found else None


def _load_keys(ctx: click.Context, param: click.Parameter, paths: tuple[str, ...]) -> list[Key]:
    return _load(ctx, param, paths)


def _load(ctx: click.Context, param: click.Parameter, paths: Sequence[str]) -> list[Key]:
    """Read key files, make the passphrase's key; what was typed goes before what the environment says."""
    from watermarking.keys import Key

    if ctx.resilient_parsing:
        return []
    given: dict[str, tuple[str, bool]] = ctx.meta.get(_GIVEN, {})
    by_passphrase = "passphrase" in given or "passphrase_file" in given
    if by_passphrase and ctx.get_parameter_source(str(param.name)) is ParameterSource.ENVIRONMENT:
        paths = ()
    if not paths and not by_passphrase:
        raise click.MissingParameter("Or a passphrase: --passphrase --salt NAME.", ctx=ctx, param=param)
    names, keys = list(paths), [Key.from_file(path) for path in paths]
    if by_passphrase:
        if "salt" not in given:
            raise click.UsageError(
                "A passphrase needs --salt NAME too: it is no secret, your project's name will do, but only the same "
                "passphrase and salt make the same key.", ctx
            )  # fmt: skip
        names.append("passphrase")
        keys.append(Key.from_passphrase(_passphrase(ctx, given), salt=given["salt"][0]))
    elif given.get("salt", ("", False))[1]:
        raise click.UsageError("--salt goes with --passphrase or --passphrase-file; a key file needs none.", ctx)
    ctx.meta[_NAMES] = names
    return keys


def _passphrase(ctx: click.Context, given: dict[str, tuple[str, bool]]) -> str:
    if "passphrase_file" in given:
        if "passphrase" in given:
            raise click.UsageError("One passphrase makes the key: --passphrase or --passphrase-file, not both.", ctx)
        return _read(given["passphrase_file"][0])
    if found := os.environ.get(_VARIABLE):
        return found
    if not _at_terminal():
        raise click.UsageError(
            f"No terminal to ask for the passphrase at: name a file with --passphrase-file, or set {_VARIABLE}.",
            ctx,
        )
    marking = ctx.command.name in _MARKING
    answer: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=marking, err=True)
    return answer


def _read(file: str) -> str:
    """Read a passphrase from a file: one line, whose end is no part of it."""
    try:
        with Path(file).open("rb") as stream:
            lines = stream.read(_LONGEST + 1).decode().splitlines()
    except UnicodeDecodeError:
        raise KeyFileError(f"{file} holds no text: a passphrase is one line of it, a key file goes to -k") from None
    except OSError as error:
        raise KeyFileError(f"cannot read the passphrase in {file}: {error.strerror or error}") from error
    if len(lines) != 1 or len(lines[0]) > _LONGEST:
        raise KeyFileError(f"{file} holds {len(lines)} lines: a passphrase is one, of at most {_LONGEST} characters")
    if lines[0].startswith("watermarking-key-"):
        raise KeyFileError(f"{file} is a key file, not a passphrase: give it to -k")
    return lines[0]


def _at_terminal() -> bool:
    """Say whether somebody can be asked; standard input alone may well be a picture."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
