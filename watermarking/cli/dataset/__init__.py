"""``watermarking dataset``: mark whole data sets with a record of every sample, verify them, read them."""

from __future__ import annotations

import click

from watermarking.cli.groups import ModuleGroup
from watermarking.cli.options import logging_options

__all__ = ["command"]


class _Group(ModuleGroup):
    package = "watermarking.cli.dataset"
    names = ("embed", "verify", "extract", "trace", "status")


@click.command("dataset", cls=_Group)
@logging_options
def command() -> None:
    """Mark whole data sets, with a record of every sample; verify them, read them, trace copies of them."""
