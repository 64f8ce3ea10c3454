"""One surrogate after the other: trained, asked, attacked, and tested for the mark."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, significant
from harness.theft import MATRIX, RECIPE, REFERENCES, key_of, marked_answers, mean_psnr, reference, stolen, task, tuned
from harness.theft_cost import measure_cost
from harness.theft_judging import highest_evidence, judge, mark_of, null_counts
from harness.theft_pictures import TILE, cut
from harness.theft_regress import measure_regression
from harness.workers import failed
from watermarking.deep.logo import read_logo
from watermarking.errors import WatermarkError
from watermarking.ownership.hidden.mark import HiddenPicture, normalised_correlation, zero_mean_correlation
from watermarking.ownership.surrogates.attacks import OUTPUT_ATTACKS, attack_answers, prune
from watermarking.ownership.surrogates.train import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.cells import Cell, Row
    from harness.theft import Pixels, Task
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.surrogates.networks import Surrogate

__all__ = ["NUMBERS", "STAGES", "TRAINED", "measure_theft", "train_theft"]

NUMBERS = (1, 5, 20, 100)
STAGES = ("hidden-initial", "hidden")
"""R before and after the adversarial stage."""
TRAINED = ("task", "mark", "key", "network", "loss", "thief", "steps", "seed")
"""What of a cell makes its surrogate."""
_SUBSETS = 9
_TUNED, _PRUNED, _QUARTER = 0.15, 0.2, 0.25
_SUCCESS = 0.95  # the paper's threshold of NC
_OTHERS = {"regress": measure_regression, "cost": measure_cost}
"""Parts whose cells train no surrogate."""


def measure_theft(cells: list[Cell], *, device: str = "cpu") -> list[Row]:
    """Measure cells of one task, mark and key."""
    results: list[Row] = []
    for cell in cells:
        start = time.perf_counter()
        try:
            row = _OTHERS[cell["part"]](cell) if cell["part"] in _OTHERS else _measure(cell, device)
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        results.append({"status": DONE, **row, "seconds": [significant(time.perf_counter() - start, 2)]})
    return results


def train_theft(cells: list[Cell], *, device: str) -> list[Row]:
    """Train, and keep, the surrogates of cells and what their thieves make of them; measure nothing."""
    for cell in cells:
        if cell["network"] is not None:
            _surrogates(cell, device)
            for one in _references(cell):
                reference(cell["task"], one, device)
    return [{"status": DONE} for _ in cells]


def _surrogates(cell: Cell, device: str) -> dict[str, Surrogate]:
    """Return a cell's surrogate and, where the cell asks for it, the same one fine-tuned on clean pairs and pruned."""
    chosen, trained = task(cell["task"], device), {name: cell[name] for name in TRAINED}
    found = {"": stolen(chosen, trained, device)}
    if cell["mark"] is not None and cell["with_attacks"]:
        steps, rate = round(_TUNED * cell["steps"]), _QUARTER * RECIPE.rate
        found["fine-tuned on clean pairs"] = tuned(chosen, trained, steps=steps, rate=rate, device=device)
        found["20 % pruned"] = prune(found[""], _PRUNED)
    return found


def _measure(cell: Cell, device: str) -> dict[str, Any]:
    chosen, key = task(cell["task"], device), key_of(cell["key"])
    marked = marked_answers(chosen, cell["mark"], cell["key"])
    each = [mean_psnr([one], [other]) for one, other in zip(marked, chosen.answers, strict=True)]
    models = _surrogates(cell, device)
    found = {name: answers(model, chosen.asked) for name, model in models.items()}
    plain = found.pop("")
    row: dict[str, Any] = {
        "marked": float(np.mean(each)), "marked_least": float(min(each)),
        "psnr": mean_psnr(plain, chosen.truth), "owner": mean_psnr(chosen.own, chosen.truth),
    }  # fmt: skip
    if cell["mark"] is None:
        return {**row, **_controlled(cell, models[""], plain, chosen), "reads": _reads(cell, None, plain, key)}
    mark = mark_of(cell["mark"])
    row["served"] = mean_psnr([mark.mark(one, key=key) for one in chosen.own], chosen.truth)
    references = [answers(reference(chosen.name, one, device), chosen.asked) for one in _references(cell)]
    judges = {
        name: judge(mark, plain, chosen.own, others, key)
        for name, others in (("p", []), ("p_reference", references))
    }  # fmt: skip
    row |= {name: _by_number(one, len(plain)) for name, one in judges.items()}
    attacked = _attacked(mark, plain, found, chosen, key, references) if cell["with_attacks"] else {}
    return {**row, "attacked": attacked, "reads": _reads(cell, mark, plain, key)}


def _references(cell: Cell) -> list[str]:
    """Return which references go with a cell's thief: those that move their pairs as he does, or do not.

    Three where the owner's model is a network, one where it is an algorithm or a data set.
    """
    kind = "moved" if cell["thief"].get("resize") else "still"
    return [one for one in REFERENCES if one.split("-")[0] == kind][: 3 if cell["task"] in MATRIX else 1]


def _controlled(cell: Cell, model: Surrogate, plain: list[Pixels], chosen: Task) -> dict[str, Any]:
    """Return what both marks say of an unmarked surrogate: p-values by number, of foreign keys, and e-values."""
    suspect = answers(model, chosen.home) + cut(plain, TILE // 2)
    own = chosen.home_answers + cut(chosen.own, TILE // 2)
    found: dict[str, Any] = {"p": {}, "null": {}, "evidence": {}}
    for name, n_keys in cell["null_keys"].items():
        mark = mark_of({"id": name})
        found["p"][name] = _by_number(judge(mark, plain, chosen.own, [], key_of(cell["key"])), len(plain))
        found["null"][name] = null_counts(mark, plain, chosen.own, n_keys)
        found["evidence"][name] = highest_evidence(mark, suspect, own)
    return found


def _by_number(judged: Callable[[Iterable[int]], float], n_answers: int) -> dict[str, list[float]]:
    """Return p-values of random sets of answers, by their number."""
    rng = np.random.default_rng(5)
    values: dict[str, list[float]] = {}
    for n in NUMBERS:
        sets = [rng.permutation(n_answers)[:n] for _ in range(_SUBSETS if n < n_answers else 1)]
        values[str(n)] = [significant(judged(places)) for places in sets]
    return values


def _attacked(
    mark: OwnershipMark, plain: list[Pixels], changed: dict[str, list[Pixels]], chosen: Task, key: Any,
    references: list[list[Pixels]],
) -> dict[str, float]:  # fmt: skip
    """Return the p-value of all answers after each countermeasure."""
    answered = dict(zip((one.tobytes() for one in chosen.asked), plain, strict=True))
    found = dict(changed)
    for name in OUTPUT_ATTACKS:
        ask = attack_answers(lambda picture: answered[picture.tobytes()], name)
        found[name] = [ask(one) for one in chosen.asked]
    places = range(len(plain))
    return {
        name: significant(judge(mark, suspect, chosen.own, references, key)(places)) for name, suspect in found.items()
    }


def _reads(cell: Cell, mark: Any, plain: list[Pixels], key: Any) -> dict[str, dict[str, list[float]]]:
    """Return, for R of each stage, how many of 100 pictures are read, with the mean NC and zero-mean correlation.

    Read are the surrogate's answers, and beside them marked answers of the owner, unmarked ones and the inputs. A
    picture counts if both correlations with the hidden one are above the paper's 0.95: NC alone is high for blanks.
    """
    hidden = HiddenPicture() if cell["mark"] is None else mark
    if not isinstance(hidden, HiddenPicture):
        return {}
    found: dict[str, dict[str, list[float]]] = {}
    for stage in STAGES:
        reader = dataclasses.replace(hidden, weights=stage)
        shown = {"B''": plain, "B'' of 128": cut(plain, 2 * TILE)}
        found[stage] = {what: _read(reader, pictures, key) for what, pictures in shown.items()}
        found[stage] |= _owners_reads(cell["task"], reader, cell["key"], marked=cell["mark"] is not None)
    return found


@functools.cache
def _owners_reads(name: str, reader: HiddenPicture, number: int, *, marked: bool) -> dict[str, list[float]]:
    """Return what R reads of the owner's own pictures, which is the same for all thieves."""
    chosen, key = task(name), key_of(number)
    shown = {"B": chosen.own, "A": chosen.asked}
    if marked:
        shown["B'"] = [reader.mark(one, key=key) for one in chosen.own]
    return {what: _read(reader, pictures, key) for what, pictures in shown.items()}


def _read(reader: HiddenPicture, pictures: Sequence[Pixels], key: Any) -> list[float]:
    """Return the share of pictures that are read, the mean NC and the mean zero-mean correlation."""
    logo = read_logo(reader.logo, 64)
    read = [reader.read(one, key=key).picture for one in pictures]
    pairs = np.array([(normalised_correlation(one, logo), zero_mean_correlation(one, logo)) for one in read])
    return [float((pairs.min(1) > _SUCCESS).mean()), *(significant(float(one)) for one in pairs.mean(0))]
