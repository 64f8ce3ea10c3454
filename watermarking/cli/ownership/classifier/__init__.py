"""``watermarking ownership classifier``: mark classifiers' answers, steal from them, and prove who learnt from them."""

from __future__ import annotations

import click

from watermarking.cli.groups import ModuleGroup
from watermarking.cli.options import logging_options

__all__ = ["command"]


class _Group(ModuleGroup):
    package = "watermarking.cli.ownership.classifier"
    names = ("embed", "attack", "verify")


@click.command("classifier", cls=_Group)
@logging_options
def command() -> None:
    """Mark a classifier's probabilities; prove later that somebody trained on them.

    Inputs are a folder of pictures of one size, .npy or .npz (FILE.npz:NAME of several arrays), or .csv of vectors.
    Answers are .npy, .npz, .csv or .jsonl, or a model as .onnx. 'watermarking ownership report' checks a report.
    """
