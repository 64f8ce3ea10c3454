"""``watermarking dataset``: mark whole data sets with a record of every sample, verify them, read them."""

from __future__ import annotations

import importlib
from typing import Final

import click

from watermarking.cli.options import logging_options

__all__ = ["command"]

_COMMANDS: Final = ("embed", "verify", "extract", "trace", "status")


class _Group(click.Group):
    """The subcommands, each a module of this package, imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"watermarking.cli.dataset.{cmd_name}").command
        return found


@click.command("dataset", cls=_Group)
@logging_options
def command() -> None:
    """Mark whole data sets, with a record of every sample; verify them, read them, trace copies of them."""
