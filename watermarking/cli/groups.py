"""Groups of subcommands that are modules, each imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import ClassVar

import click

__all__ = ["ModuleGroup"]


class ModuleGroup(click.Group):
    """A group whose subcommands are modules of a package; what is called ``command`` in them is the subcommand.

    Attributes
    ----------
    package : str, that the modules are in
    names : of the modules, in the order in which people meet them
    """

    package: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands in their order."""
        return list(self.names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in self.names:
            return None
        command: click.Command = importlib.import_module(f"{self.package}.{cmd_name}").command
        return command
