"""``watermarking deep``: train, inspect and export the networks of image-in-image marks."""

from __future__ import annotations

import shlex

import click

from watermarking.cli.notices import DONE
from watermarking.cli.options import logging_options

__all__ = ["command"]


@click.group("deep")
@logging_options
def command() -> None:
    """Train and export the networks that hide pictures in pictures."""


@command.command("train")
@click.option("--config", "config_file", required=True, type=click.Path(), help="JSON file, or a shipped name.")
@click.option("--images", required=True, type=click.Path(), help="Folder of photographs; one in ten is held out.")
@click.option("--pictures", type=click.Path(), help="Folder of PNG icons that join the payloads.")
@click.option("-o", "--out", required=True, type=click.Path(), help="Folder of the run; going on where it stopped.")
@click.option("--initial", "start", type=click.Path(), help="Checkpoint or weights that a new run starts from.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.option("--minutes", type=float, help="Stop after this time, with a checkpoint.")
@logging_options
def train(
    config_file: str, images: str, pictures: str | None, out: str, start: str | None, device: str, minutes: float | None
) -> int:
    """Train H and R; start it again to go on after a kill."""
    import math
    import os

    if os.environ.get("RANK", "0") == "0":  # torchrun starts several, one of them speaks
        click.echo("starting: loading torch takes some seconds")
    from watermarking.deep.training import ranks
    from watermarking.deep.training.config import load_config
    from watermarking.deep.training.session import run_training

    config = load_config(config_file)
    seconds = math.inf if minutes is None else 60 * minutes
    run_training(config, images, out, pictures=pictures, start=start, device=device, seconds=seconds, report=click.echo)
    ranks.end_quickly(DONE)
    return DONE


@command.command("release")
@click.option("--config", "config_file", type=click.Path(), help="JSON file, or a shipped name; else the checkpoint's.")
@click.option("--notes", type=click.Path(), help="JSON file with training data, licence and metrics for the card.")
@click.option("--working", type=int, help="Side of the square that covers are brought to: 256, for one logo the tile.")
@click.argument("checkpoint", type=click.Path())
@click.argument("out", type=click.Path())
@logging_options
def release(config_file: str | None, notes: str | None, working: int | None, checkpoint: str, out: str) -> int:
    """Turn a CHECKPOINT into weights and a card in the folder OUT."""
    import json
    from pathlib import Path

    from watermarking.deep.training.config import load_config
    from watermarking.deep.training.release import release as write

    known = json.loads(Path(notes).read_text("utf-8")) if notes else {}
    config = load_config(config_file) if config_file else None
    weights = write(Path(checkpoint), config, Path(out), working=working, notes=known)
    click.echo(str(weights))
    click.echo(f"next: watermarking deep export --weights {shlex.quote(str(weights))} ONNX", err=True)
    return DONE


@command.command("export")
@click.option("--weights", default="deep-robust", show_default=True, help="Shipped name or .safetensors file.")
@click.argument("out", type=click.Path())
@logging_options
def export(weights: str, out: str) -> int:
    """Write H and R as ONNX files into the folder OUT."""
    from watermarking.deep.export import export_onnx
    from watermarking.deep.weights import load_weights

    for path in export_onnx(load_weights(weights), out):
        click.echo(str(path))
    return DONE
