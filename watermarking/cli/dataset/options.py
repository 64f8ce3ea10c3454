"""Options that several subcommands for data sets take, and how they become stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.datasets.stores.store import Store

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = ["open_source", "source_options", "workers_option"]

workers_option = click.option(
    "--workers", type=click.IntRange(1, 256), metavar="N", help="Processes; without it, one a core."
)


def source_options(command: C) -> C:
    """Add what says of which kind a data set is; :func:`open_source` takes it."""
    for option in (
        click.option(
            "--column", metavar="NAME", help="Column, array or suffix that holds the pictures; without it, the first."
        ),
        click.option(
            "--kind", metavar="K", help="folder, listing, webdataset, parquet, arrow, npy, npz, hdf5; or left out."
        ),
    ):
        command = option(command)
    return command


def open_source(place: str, kind: str | None, column: str | None) -> Store:
    """Open a data set."""
    from watermarking.datasets.stores.store import open_store

    return open_store(Path(place), kind, **({} if column is None else {"column": column}))
