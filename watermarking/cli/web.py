"""``watermarking web``: a page and an API on this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import key_names, keys_option, logging_options, scheme_option
from watermarking.extras import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.keys import Key

__all__ = ["command"]

_VARIABLE: Final = "WATERMARKING_WEB_TOKEN"
_SHORTEST: Final = 22
"""Characters of a token of one's own: 128 bits if they are drawn from 64. No count of guesses protects it."""
_FEWEST_KINDS: Final = 8
"""Different ones among them: 22 hexadecimal digits drawn at random have fewer once in 8,700 times."""


@click.command("web")
@keys_option
@scheme_option("without it, the one that measures best marks, and every classical one is tried in reading")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; any but this machine's own loopback makes a token necessary.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes any free one.")
@click.option(
    "--require-token",
    is_flag=True,
    help="Ask for a token on loopback too: other users of this machine can reach it. "
    f"{_VARIABLE} sets the token, else a new one is printed.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Name besides IP addresses under which the page may be opened; several may be given.",
)
@click.option("--max-megabytes", type=click.IntRange(1, 1000), default=50, show_default=True, help="Of a file.")
@click.option("--max-megapixels", type=click.IntRange(1, 400), default=50, show_default=True, help="Of a picture.")
@click.option(
    "--per-minute", type=click.IntRange(1, 10_000), default=60, show_default=True, help="Pictures from one address."
)
@click.option("--seconds", type=click.IntRange(1, 3600), default=60, show_default=True, help="What a picture may take.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Pictures at a time.")
@logging_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    keys: list[Key],
    scheme: str | None,
    host: str,
    port: int,
    require_token: bool,
    names: tuple[str, ...],
    max_megabytes: int,
    max_megapixels: int,
    per_minute: int,
    seconds: int,
    workers: int,
) -> int:
    """Serve a page to mark and read pictures with, and a JSON API; Ctrl+C ends it.

    Keys stay in this process: the page shows their files' names. No picture is kept. Only this machine can reach the
    page, unless --host says otherwise; then whoever is to use it needs the token that is printed, and what travels is
    not encrypted: put a server with TLS in front, or use an SSH tunnel.

    Whoever may ask can try changes of a picture until its mark is no longer found. Let nobody ask who should not be
    able to do that; --per-minute slows it down and does not prevent it.
    """
    for package in ("starlette", "uvicorn"):
        needed(package, "web")
    from watermarking.messages.arguments import scheme_of
    from watermarking.web.server import is_loopback, listen, serve
    from watermarking.web.settings import Limits, Settings

    if scheme is not None:
        scheme_of(scheme)
    limits = Limits(
        max_bytes=max_megabytes * 1_000_000, max_pixels=max_megapixels * 1_000_000, per_minute=per_minute,
        work_seconds=float(seconds), n_workers=workers,
    )  # fmt: skip
    with listen(host, port) as opened:
        private = is_loopback(opened)
        hosts = {"localhost", *(name.lower() for name in names), *(() if private else (socket.gethostname().lower(),))}
        settings = Settings(
            keys=tuple(keys), key_names=_short(key_names(ctx)), scheme=scheme, hosts=frozenset(hosts), limits=limits,
            token=_token() if require_token or not private else None,
        )  # fmt: skip
        _announce(opened, settings.token, private)
        with contextlib.suppress(KeyboardInterrupt):  # the usual way to end it
            serve(settings, opened)
    return DONE


def _token() -> str:
    token = os.environ.get(_VARIABLE, "")
    if not token:
        return secrets.token_urlsafe(24)
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise click.UsageError(
            f"{_VARIABLE} is no token of {_SHORTEST} letters and digits or more, without spaces: leave it unset to "
            "have one made."
        )
    if len(set(token)) < _FEWEST_KINDS:
        raise click.UsageError(
            f"{_VARIABLE} has {len(set(token))} different characters, which can be guessed: draw it at random, or "
            "leave it unset to have one made."
        )
    return token


def _short(names: Sequence[str]) -> tuple[str, ...]:
    """Name the keys by their files alone, without folders; those of one name get numbers."""
    files = [Path(name).name for name in names]
    seen = [files[: index + 1].count(file) for index, file in enumerate(files)]
    return tuple(f"{file} ({n})" if files.count(file) > 1 else file for file, n in zip(files, seen, strict=True))


def _announce(opened: socket.socket, token: str | None, private: bool) -> None:
    host, port = opened.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    say(f"http://{shown}:{port}/{'' if token is None else f'#token={token}'}")
    say("watermarking: Ctrl+C ends it; whoever can open this page can mark with your keys, and test copies", err=True)
    if not private:
        say("watermarking: warning: others can reach it, and nothing is encrypted: see --help", err=True)
