"""``watermarking ownership classifier attack``: steal a classifier from its answers, and try to be rid of its mark."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import json_option, logging_options
from watermarking.cli.output import print_record

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from watermarking.ownership.classifiers.removal.loot import Loot, Removal, Suspects, Thieves

__all__ = ["command"]

_NETWORKS: Final = ("c2", "residual", "mlp")
_CLEAN_SEED: Final = 7919
_LACKS: Final = {
    "labels": "true labels: add --labels",
    "clean": "a clean model, which is trained on true labels: add --labels",
    "outside": "answers to inputs of another domain, which goes in Python alone: Loot(outside=...); or give these as "
    "INPUTS and ANSWERS",
    "other": "another task, which goes in Python alone: Loot(other=...)",
    "client": "a model stolen from another client, which goes in Python alone: Loot with the answers of both",
}


class _Asked(NamedTuple):
    """What thieves' models are asked in the end, and how good the owner's is."""

    inputs: Tensor
    labels: npt.NDArray[Any] | None
    own: float | None


def _list(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from watermarking.ownership.classifiers.removal.registry import REMOVALS

        for name, removal in REMOVALS.items():
            say(f"{name}{'' if removal.steals else '  (of a stolen model)'}")
        ctx.exit()


@click.command("attack")
@click.argument("inputs", metavar="INPUTS", type=click.Path())
@click.argument("answers", metavar="ANSWERS", type=click.Path())
@click.option("-o", "--output", "out", metavar="OUT", required=True, type=click.Path(file_okay=False),
              help="Folder for what the stolen models answer.")  # fmt: skip
@click.option("--ask", metavar="INPUTS", required=True, type=click.Path(), help="What they are asked when trained.")
@click.option("--removal", "removals", multiple=True, metavar="R",
              help="A removal by name, see --list, or its configuration as JSON. Several may be given.")  # fmt: skip
@click.option("--steal", default="distilled, T = 1", show_default=True, metavar="R",
              help="How the model is stolen that removals of stolen models start from.")  # fmt: skip
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="Name the removals.")
@click.option("--network", type=click.Choice(_NETWORKS), help="c2 for pictures, mlp for vectors if left out.")
@click.option("--labels", metavar="FILE", type=click.Path(), help="True labels of INPUTS, for removals that use some.")
@click.option("--ask-labels", metavar="FILE", type=click.Path(), help="True labels of --ask: accuracy is told.")
@click.option("--own", metavar="FILE", type=click.Path(), help="Your model's answers to --ask: costs are told.")
@click.option("--flips", is_flag=True, help="Thieves mirror pictures at random.")
@click.option("--seed", type=click.IntRange(0, 1 << 31), default=0, show_default=True)
@json_option
@logging_options
def command(inputs: str, answers: str, out: str, as_json: bool, **given: Any) -> int:
    """Train thieves on INPUTS and a model's marked ANSWERS, and do to their models what removes marks.

    OUT gets the answers of each to --ask, for 'verify'. Without --removal the theft alone is tried. Where a removal
    asks for more queries or labels than there are, it gets all there are.
    """
    from watermarking.ownership.classifiers.removal.registry import get_removal

    named = {text: get_removal(_config(text)) for text in (given["steal"], *given["removals"])}
    loot, asked = _loot(inputs, answers, given)
    named = {text: _fitting(text, one, loot, given) for text, one in named.items()}
    if not named[given["steal"]].steals:
        raise click.UsageError(f"--steal {given['steal']!r} changes a stolen model, it steals none: see --list.")
    thieves = _thieves(named, loot, given)
    loot = _with_clean(named, loot, thieves)
    place = Path(out)
    place.mkdir(parents=True, exist_ok=True)
    _carry_out(named, given["removals"] or (given["steal"],), given["steal"], (loot, thieves, asked, place), as_json)
    return DONE


def _config(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no JSON: {error}") from error


def _loot(inputs: str, answers: str, given: dict[str, Any]) -> tuple[Loot, _Asked]:
    """Read what thieves have, and what their models are asked."""
    import numpy as np
    import torch

    from watermarking.ownership.classifiers.asking import Interface, probabilities_of
    from watermarking.ownership.classifiers.files.answers import dense, in_order, read_labels, read_stored
    from watermarking.ownership.classifiers.files.inputs import read_inputs
    from watermarking.ownership.classifiers.removal.loot import Loot, log_probabilities

    asked, later = read_inputs(inputs), read_inputs(given["ask"])
    rows = dense(in_order(read_stored(answers), asked), answers)
    n_classes = rows.shape[1]
    p = probabilities_of(rows, asked.values, Interface(), n_classes)
    labels = np.zeros(len(asked), np.int64)
    if given["labels"] is not None:
        labels = read_labels(given["labels"], len(asked), n_classes)
    loot = Loot(
        queries=_learnt(asked.values, inputs), answers=log_probabilities(torch.from_numpy(p)[None]),
        labels=torch.from_numpy(labels), flips=given["flips"],
    )  # fmt: skip
    truth = None if given["ask_labels"] is None else read_labels(given["ask_labels"], len(later), n_classes)
    own = None
    if given["own"] is not None and truth is not None:
        own = float(np.mean(dense(in_order(read_stored(given["own"]), later), given["own"]).argmax(1) == truth))
    inside = _learnt(later.values, given["ask"])
    if inside.shape[1:] != loot.queries.shape[1:]:
        raise click.UsageError(f"{given['ask']} holds other inputs than {inputs}: both must be of one shape.")
    return loot, _Asked(inside, truth, own)


def _learnt(values: npt.NDArray[Any], path: str) -> Tensor:
    """Return inputs as the networks take them: uint8 pictures (N, C, H, W), or float32 vectors."""
    import numpy as np
    import torch

    from watermarking.errors import UnsupportedImageError
    from watermarking.ownership.classifiers.asking import network_input

    if values.ndim == 2:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))
    planes = network_input(values)
    if not (planes.min() >= 0 and planes.max() <= 1):
        raise UnsupportedImageError(
            f"pictures of {path} go from {planes.min():.3g} to {planes.max():.3g}: thieves take whole numbers, or "
            "floats from 0 to 1"
        )
    return torch.from_numpy(np.rint(planes * 255).astype(np.uint8))


def _fitting(text: str, removal: Removal, loot: Loot, given: dict[str, Any]) -> Removal:
    """Refuse a removal for which something is missing; bring it down to as many queries as there are."""
    from watermarking.ownership.classifiers.removal.needs import needs_of, scaled_down

    for need in sorted(needs_of(removal)):
        if need != "accomplice" and (need not in ("labels", "clean") or given["labels"] is None):
            raise click.UsageError(f"{text!r} needs {_LACKS[need]}.")
    return scaled_down(removal, len(loot.queries))


def _thieves(named: dict[str, Removal], loot: Loot, given: dict[str, Any]) -> Thieves:
    from watermarking.ownership.classifiers.removal.loot import Thieves
    from watermarking.ownership.classifiers.removal.needs import needs_of

    two = any("accomplice" in needs_of(one) for one in named.values())
    seeds = (given["seed"], given["seed"] + 1) if two else (given["seed"],)
    network = given["network"] or ("mlp" if loot.queries.ndim == 2 else "c2")
    return Thieves(network=network, seeds=seeds, teachers=(0,) * len(seeds))


def _with_clean(named: dict[str, Removal], loot: Loot, thieves: Thieves) -> Loot:
    """Train a clean model on true labels, if a removal wants one."""
    import dataclasses

    from watermarking.ownership.classifiers.removal.loot import Thieves as Trainers
    from watermarking.ownership.classifiers.removal.needs import needs_of
    from watermarking.ownership.classifiers.tasks.course import Course, Lesson
    from watermarking.ownership.classifiers.tasks.training import train_stack

    if not any("clean" in needs_of(one) for one in named.values()):
        return loot
    alone = Trainers(network=thieves.network, seeds=(thieves.seeds[0] + _CLEAN_SEED,), teachers=(0,))
    clean = train_stack(
        alone.untrained(loot.n_classes, loot.queries.shape[1:]), Lesson(loot.queries[None], labels=loot.labels[None]),
        Course(true=1.0, flips=loot.flips), seeds=alone.seeds,
    )  # fmt: skip
    return dataclasses.replace(loot, clean=clean)


def _carry_out(
    named: dict[str, Removal], wanted: tuple[str, ...], steal: str, side: tuple[Loot, Thieves, _Asked, Path],
    as_json: bool,
) -> None:  # fmt: skip
    """Steal once, try each removal, and write and tell what became of it."""
    loot, thieves, asked, place = side
    stolen: Suspects | None = None
    before = None
    if steal in wanted or any(not named[text].steals for text in wanted):
        stolen = named[steal].apply(loot, thieves)
        before = _accuracy(stolen, asked)
        _tell(place, steal, stolen, asked, asked.own, as_json)
    for text in wanted:
        if text == steal:
            continue
        removal = named[text]
        found = removal.apply(loot, thieves, None if removal.steals else stolen)
        _tell(place, text, found, asked, asked.own if removal.steals else before, as_json)


def _accuracy(suspects: Suspects, asked: _Asked) -> float | None:
    from watermarking.ownership.classifiers.tasks.training import accuracy

    if asked.labels is None:
        return None
    import torch

    return accuracy(suspects.answer(asked.inputs), torch.from_numpy(asked.labels))[0]


def _tell(place: Path, text: str, suspects: Suspects, asked: _Asked, before: float | None, as_json: bool) -> None:
    """Write the first thief's answers, and say how good they are."""
    import numpy as np

    from watermarking.ownership.classifiers.files.writing import write_answers

    file = place / f"{re.sub('[^a-z0-9.]+', '-', text.lower()).strip('-')}.npy"
    answers = np.exp(suspects.answer(asked.inputs)[0].cpu().numpy().astype(np.float64))
    write_answers(str(file), (answers / answers.sum(1, keepdims=True)).astype(np.float32))
    now = None if asked.labels is None else float(np.mean(answers.argmax(1) == asked.labels))
    cost = None if now is None or before is None else before - now
    if as_json:
        print_record({"target": str(file), "removal": text, "answers": len(answers), "accuracy": now, "cost": cost})
        return
    said = "" if now is None else f", accuracy {100 * now:.2f} %"
    said += "" if cost is None else f", which costs {100 * cost:.2f} points"
    say(f"{file}: {text}, {len(answers):,} answers{said}")
