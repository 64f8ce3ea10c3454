"""``watermarking ownership attack``: steal a model from its answers, to see what of a mark is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import json_option, logging_options
from watermarking.cli.output import print_record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]

_NETWORKS = ("cnet", "res9", "res16", "unet")
_LOSSES = ("l1", "l2", "l1-adversarial", "l2-adversarial", "perceptual-adversarial")
_EVERY = 100  # steps


@click.command("attack")
@click.argument("inputs", metavar="INPUTS", type=click.Path())
@click.argument("answers", metavar="ANSWERS", type=click.Path())
@click.option("-o", "--output", metavar="OUT", required=True, type=click.Path(), help="Folder for what it answers.")
@click.option("--ask", metavar="DIR", required=True, type=click.Path(), help="Pictures that it is asked when trained.")
@click.option("--network", type=click.Choice(_NETWORKS), default="unet", show_default=True)
@click.option("--loss", type=click.Choice(_LOSSES), default="l2", show_default=True)
@click.option("--preset", type=click.Choice(["thin", "paper"]), default="thin", show_default=True,
              help="Networks for a CPU, or of the published sizes.")  # fmt: skip
@click.option("--steps", type=click.IntRange(1), default=3000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--moved", is_flag=True, help="Flip, turn and resize the pairs in training.")
@json_option
@logging_options
def command(
    inputs: str, answers: str, output: str, ask: str, network: str, loss: str, preset: str, steps: int, seed: int,
    moved: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train a surrogate on INPUTS and the ANSWERS of a model to them, folders of pictures of the same names.

    OUT gets its weights, and its answers to other pictures for 'ownership verify'. Interrupted, it is started again.
    """
    from watermarking.ownership.pairing import read_folder, to_levels
    from watermarking.ownership.surrogates.thief import Thief
    from watermarking.ownership.surrogates.train import answers as ask_of
    from watermarking.ownership.surrogates.train import train_surrogate

    one, other = (_levels(folder) for folder in (inputs, answers))
    names = [name for name in one if name in other]
    if not names:
        raise click.UsageError(f"no picture of {answers} has the name of one of {inputs}.")
    thief = Thief(
        crop=256 if preset == "paper" else 64, flips=moved, turns=moved, resize=(0.7, 1.3) if moved else (1, 1)
    )
    place = Path(output)
    place.mkdir(parents=True, exist_ok=True)
    model = train_surrogate(
        [one[name] for name in names], [other[name] for name in names], network=network, preset=preset, loss=loss,
        thief=thief, steps=steps, seed=seed, checkpoint=place / "surrogate.safetensors",
        progress=_progress(steps, as_json),
    )  # fmt: skip
    asked = read_folder(Path(ask))[0]
    for name, answer in zip(asked, ask_of(model, [to_levels(picture) for picture in asked.values()]), strict=True):
        _save(place / f"{name}.png", answer)
    if as_json:
        print_record({"target": output, "pairs": len(names), "steps": steps, "answers": len(asked)})
    else:
        say(f"{output}: trained on {len(names):,} pairs, {len(asked):,} answers written")
    return DONE


def _levels(folder: str) -> dict[str, Any]:
    from watermarking.ownership.pairing import read_folder, to_levels

    found, failures = read_folder(Path(folder))
    for name, reason in failures.items():
        say(f"watermarking: {name}: {reason}", err=True)
    return {name: to_levels(picture) for name, picture in found.items()}


def _progress(steps: int, quiet: bool) -> Callable[[int, float], None] | None:
    def tell(step: int, value: float) -> None:
        if step % _EVERY == 0 or step == steps:
            say(f"step {step:,} of {steps:,}, loss {value:.3g}", err=True)

    return None if quiet else tell


def _save(path: Path, answer: Any) -> None:
    from watermarking.pictures.files import write_picture

    write_picture(answer, path)
