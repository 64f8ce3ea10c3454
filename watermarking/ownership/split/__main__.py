"""``python -m watermarking.ownership.split JOB``: train in parts, all processes here, or this one by its RANK."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from watermarking.ownership.split.launch import BAD_INPUT, FAILED, free_port, launch, reason, take_part_by_name
from watermarking.ownership.split.meeting import Place
from watermarking.ownership.split.settings import Settings, load_job

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., Any])

_DEFAULTS = Settings()


def _number(name: str, words: str) -> Callable[[F], F]:
    """Return the option of a field of the settings."""
    default = getattr(_DEFAULTS, name)
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, name, type=type(default), default=default, show_default=True, help=words)


def _choice(name: str, *choices: str, words: str) -> Callable[[F], F]:
    default = getattr(_DEFAULTS, name)
    return click.option(f"--{name}", type=click.Choice(choices), default=default, show_default=True, help=words)


@click.command()
@click.argument("job", metavar="JOB")
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For checkpoints, gone on with.")
@click.option("--holders", type=click.IntRange(1), default=4, show_default=True, help="Where all are started here.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the server, where all are started here.")
@_choice("mode", "split", "federated", words="Split learning, or averages of whole networks.")
@_choice("labels", "holders", "server", words="Who knows the labels.")
@_choice("fronts", "shared", "own", words="Whether holders average their first layers.")
@_choice("schedule", "cosine", "constant", words="Of the learning rate.")
@_number("rounds", "Steps of the server.")
@_number("batch", "Inputs a holder and round.")
@_number("rate", "Learning rate of SGD.")
@_number("momentum", "Of SGD.")
@_number("decay", "Weight decay of SGD.")
@_number("noise", "Added to activations, in their standard deviations.")
@_number("average_every", "Rounds between averages of the first layers.")
@_number("local_steps", "Of a holder, a round of federated averaging.")
@_number("save_every", "Rounds between checkpoints.")
@_number("least", "Holders that are left when it goes on.")
@_number("timeout", "Seconds that anybody is waited for.")
@_number("seed", "Of batches and dropout.")
def main(job: str, folder: Path, holders: int, port: int, **settings: Any) -> None:
    """Train the job that JOB (module:function or file.py:function) makes, in parts.

    Without RANK in the environment a server and --holders data holders are started on this machine. With it, as
    torchrun sets it, this process is the server (0) or the holder of that number.
    """
    try:
        found = Settings(**settings)
        if "RANK" in os.environ:
            sys.exit(take_part_by_name(job, found, Place.from_environment(), folder))
        load_job(job)
    except Exception as error:  # noqa: BLE001  # the job is code of somebody's, and may raise anything
        click.echo(f"split: {reason(error)}", err=True)
        sys.exit(FAILED if isinstance(error, OSError) else BAD_INPUT)
    sys.exit(launch(job, found, holders, port or free_port(), folder))


if __name__ == "__main__":
    main(prog_name="python -m watermarking.ownership.split")
