"""``watermarking ownership fingerprint``: a copy of a model for every customer, and whose copy turned up."""

from __future__ import annotations

import click

from watermarking.cli.groups import ModuleGroup
from watermarking.cli.options import logging_options

__all__ = ["command"]


class _Group(ModuleGroup):
    package = "watermarking.cli.ownership.fingerprint"
    names = ("issue", "queries", "trace")


@click.command("fingerprint", cls=_Group)
@logging_options
def command() -> None:
    """Give every customer a copy of a model with a fingerprint; say later whose copy turned up, merged ones included.

    Models are .safetensors files. 'watermarking ownership report' checks a report.
    """
