"""Options that the subcommands of ``ownership`` share, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.ownership.marks import OwnershipMark

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = ["mark_of", "mark_options", "read_commitment"]


def mark_options(command: C) -> C:
    """Add the options that say which mark of which key it is."""
    for option in (
        click.option(
            "--mark", "mark_text", default="learnable", show_default=True, metavar="M",
            help="Id of the mark, or its configuration as JSON.",
        ),
        click.option(
            "--name", required=True, metavar="NAME",
            help="Of the model or data set and its version: each has a key of its own, derived from yours.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def mark_of(text: str) -> OwnershipMark:
    """Make the mark that ``--mark`` names."""
    from watermarking.ownership.marks import get_mark

    if not text.lstrip().startswith("{"):
        return get_mark(text)
    try:
        return get_mark(json.loads(text))
    except ValueError as error:
        raise click.UsageError(f"--mark is no JSON: {error}") from error


def read_commitment(path: str) -> dict[str, Any]:
    """Read what 'ownership protect --commitment' wrote."""
    from watermarking.errors import FileFormatError

    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"the commitment cannot be read from {path}: {error}") from error
    if not isinstance(found, dict):
        raise FileFormatError(f"{path} holds no commitment: 'ownership protect --commitment' writes one")
    return found
