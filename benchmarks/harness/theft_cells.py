"""One surrogate after the other: trained, asked, attacked, and tested for the mark."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, significant
from harness.theft import RECIPE, key_of, mean_psnr, reference, stolen, task
from harness.theft_regress import measure_regression
from harness.workers import failed
from watermarking.errors import WatermarkError
from watermarking.ownership.marks import get_mark
from watermarking.ownership.surrogates.attacks import OUTPUT_ATTACKS, attack_answers, fine_tune, prune
from watermarking.ownership.surrogates.train import answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.cells import Cell, Row
    from harness.theft import Pixels, Task
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.surrogates.networks import Surrogate

__all__ = ["NUMBERS", "measure_theft"]

NUMBERS = (1, 5, 20, 100)
_SUBSETS = 9
_NULL_KEYS, _NULL_ANSWERS = 1000, 20
_TUNED, _PRUNED = 0.15, 0.2
_QUARTER = 0.25


def measure_theft(cells: list[Cell]) -> list[Row]:
    """Measure cells of one task, mark and key."""
    results: list[Row] = []
    for cell in cells:
        start = time.perf_counter()
        try:
            row = measure_regression(cell) if cell["part"] == "regress" else _measure(cell)
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        results.append({"status": DONE, **row, "seconds": [significant(time.perf_counter() - start, 2)]})
    return results


def _measure(cell: Cell) -> dict[str, Any]:
    chosen, key = task(cell["task"]), key_of(cell["key"])
    mark = get_mark(cell["mark"] or {"id": "learnable"})
    marked = [mark.mark(one, key=key) for one in chosen.answers] if cell["mark"] else chosen.answers
    each = [mean_psnr([one], [other]) for one, other in zip(marked, chosen.answers, strict=True)]
    trained = {name: cell[name] for name in ("task", "mark", "key", "network", "loss", "thief", "steps", "seed")}
    surrogate = stolen(chosen, marked, trained)
    found = answers(surrogate, chosen.asked)
    references = [answers(reference(chosen), chosen.asked)]
    row = {
        "marked": float(np.mean(each)), "marked_least": float(min(each)),
        "psnr": mean_psnr(found, chosen.truth), "owner": mean_psnr(chosen.own, chosen.truth),
        "to_owner": mean_psnr(found, chosen.own),
        "p": _by_number(mark, found, chosen, key, []), "p_reference": _by_number(mark, found, chosen, key, references),
        "attacked": {}, "null": [],
    }  # fmt: skip
    if cell["mark"] is None:
        return {**row, "null": _null(mark, found, chosen)}
    return {**row, "attacked": _attacked(mark, surrogate, chosen, key, references, cell)}


def _by_number(
    mark: OwnershipMark, found: Sequence[Pixels], chosen: Task, key: Any, references: list[list[Pixels]]
) -> dict[str, list[float]]:
    """Return p-values of random sets of answers, by their number."""
    rng = np.random.default_rng(5)
    values: dict[str, list[float]] = {}
    for n in NUMBERS:
        sets = [rng.permutation(len(found))[:n] for _ in range(_SUBSETS if n < len(found) else 1)]
        values[str(n)] = [_p_of(mark, found, chosen, key, references, places) for places in sets]
    return values


def _p_of(
    mark: OwnershipMark, found: Sequence[Pixels], chosen: Task, key: Any, references: list[list[Pixels]], places: Any
) -> float:
    picked = ([answered[i] for i in places] for answered in (found, chosen.own, *references))
    suspect, own, *others = picked
    return float(mark.verify(suspect, own, key=key, references=others).p_value)


def _attacked(
    mark: OwnershipMark, surrogate: Surrogate, chosen: Task, key: Any, references: list[list[Pixels]], cell: Cell
) -> dict[str, float]:
    """Return the p-value of all answers after each countermeasure."""
    places = range(len(chosen.asked))
    steps = round(_TUNED * cell["steps"])
    tuned = fine_tune(
        surrogate, chosen.queries, chosen.answers, steps=steps, rate=_QUARTER * RECIPE.rate, recipe=RECIPE, loss="l2"
    )
    changed = {"fine-tuned on clean pairs": tuned, "20 % pruned": prune(surrogate, _PRUNED)}
    values = {
        name: _p_of(mark, answers(model, chosen.asked), chosen, key, references, places)
        for name, model in changed.items()
    }
    plain = dict(zip((one.tobytes() for one in chosen.asked), answers(surrogate, chosen.asked), strict=True))
    for name in OUTPUT_ATTACKS:
        ask = attack_answers(lambda picture: plain[picture.tobytes()], name)
        values[name] = _p_of(mark, [ask(one) for one in chosen.asked], chosen, key, references, places)
    return values


def _null(mark: OwnershipMark, found: Sequence[Pixels], chosen: Task) -> list[float]:
    """Return p-values of keys that marked nothing."""
    places = range(_NULL_ANSWERS)
    return [significant(_p_of(mark, found, chosen, key_of(100 + n), [], places)) for n in range(_NULL_KEYS)]
