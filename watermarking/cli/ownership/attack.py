"""``watermarking ownership attack``: steal a model from its answers, to see what of a mark is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import json_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.options import convention_options, conventions_of
from watermarking.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
@convention_options(answers="ANSWERS")
@json_option
@logging_options
def command(
    inputs: str, answers: str, output: str, ask: str, network: str, loss: str, preset: str, steps: int, seed: int,
    moved: bool, as_json: bool, **stated: Any,
) -> int:  # fmt: skip
    """Train a surrogate on INPUTS, a folder of pictures, and the ANSWERS of a model to them.

    ANSWERS is a folder of pictures of the same names, or the model itself as an ONNX file, which is asked then. OUT
    gets the surrogate's weights, and its answers to other pictures for 'ownership verify'. Interrupted, it is started
    again.
    """
    from watermarking.ownership.answers import to_levels
    from watermarking.ownership.surrogates.thief import Thief
    from watermarking.ownership.surrogates.train import answers as ask_of
    from watermarking.ownership.surrogates.train import train_surrogate

    told = Steps()
    one, other = _pairs(inputs, answers, stated)
    names = list(other)
    told.done(f"{len(names)} pairs of {len(one)} inputs gathered")
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
    told.done(f"{network} ({preset}) trained with {loss}, {sum(one.numel() for one in model.parameters()):,} weights")
    peak = conventions_of(stated).peak
    asked = _read(ask, peak)
    for name, answer in zip(asked, ask_of(model, [to_levels(one, peak) for one in asked.values()]), strict=True):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        _save(place / f"{name}.png", answer)
    told.done(f"{len(asked)} pictures asked and written")
    if as_json:
        print_record({"target": output, "pairs": len(names), "steps": steps, "answers": len(asked)})
    else:
        say(f"{output}: trained on {len(names):,} pairs, {len(asked):,} answers written")
    return DONE


def _pairs(inputs: str, answers: str, stated: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the inputs, and the answers to those of them that have one, uint8 by name."""
    from watermarking.errors import WatermarkError
    from watermarking.ownership.answers import open_side, to_levels

    how = conventions_of(stated)
    asked = _read(inputs, how.peak)
    side = open_side(answers, conventions_of(stated, "answers"), "the model", has_queries=True)
    _say_failures(side.failures)
    one, other = {name: to_levels(picture, how.peak) for name, picture in asked.items()}, {}
    for name in asked if side.ask is not None else [name for name in asked if name in side.found]:
        try:
            other[name] = side.answer(name, asked[name])
        except WatermarkError as error:
            _say_failures({name: str(error)})
            continue
        if other[name].shape[:2] != one[name].shape[:2]:
            sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (other[name], one[name])]
            raise click.UsageError(
                f"the answer to {name} is {sizes[0]}, the input {sizes[1]}: a surrogate learns from pairs of one size."
            )
    if not other:
        none = f"no picture of {answers} has the name of one of {inputs}."
        raise click.UsageError(none if side.ask is None else f"the model {answers} answered none of {inputs}.")
    return one, other


def _read(folder: str, peak: int | None) -> dict[str, Any]:
    from watermarking.ownership.answers import check_depth, read_folder

    found, failures = read_folder(Path(folder))
    _say_failures(failures)
    check_depth(found, peak, folder)
    return found


def _say_failures(failures: Mapping[str, str]) -> None:
    for name, reason in failures.items():
        say(f"watermarking: {name}: {reason}", err=True)


def _progress(steps: int, quiet: bool) -> Callable[[int, float], None] | None:
    def tell(step: int, value: float) -> None:
        if step % _EVERY == 0 or step == steps:
            say(f"step {step:,} of {steps:,}, loss {value:.3g}", err=True)

    return None if quiet else tell


def _save(path: Path, answer: Any) -> None:
    from watermarking.pictures.files import write_picture

    write_picture(answer, path)
