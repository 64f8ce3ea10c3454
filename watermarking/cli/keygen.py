"""``watermarking keygen``: make a key."""

from __future__ import annotations

import click

from watermarking.cli.lines import say
from watermarking.cli.options import logging_options

__all__ = ["command"]


@click.command("keygen")
@click.argument("keyfile", type=click.Path())
@logging_options
def command(keyfile: str) -> None:
    """Write a new key to a file that only you can read.

    A file that exists is never overwritten. Keep a copy: without the key no mark can be read. Its hash may be shown to
    anybody: published before a dispute, it proves later that the key was yours then ('ownership' calls it commitment).
    """
    from watermarking.keys import Key

    key = Key.generate()
    key.save(keyfile)
    say(f"{keyfile}: new key; its public hash, which reveals nothing of it: {key.commitment}")
