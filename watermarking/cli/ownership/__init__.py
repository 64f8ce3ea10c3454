"""``watermarking ownership``: mark models' answers and data sets' targets, and prove who learnt from them."""

from __future__ import annotations

import click

from watermarking.cli.groups import ModuleGroup
from watermarking.cli.options import logging_options

__all__ = ["command"]


class _Group(ModuleGroup):
    package = "watermarking.cli.ownership"
    names = ("protect", "attack", "verify", "report", "classifier", "fingerprint")


@click.command("ownership", cls=_Group)
@logging_options
def command() -> None:
    """Mark a model's answers or a data set's targets; prove later that somebody trained on them."""
