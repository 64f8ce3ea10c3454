"""Thieves who are told labels alone: what a keyed swap of first classes costs, and what is read of it."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from harness.cells import DONE, significant
from harness.classifiers.owner import Owner, key_of
from harness.classifiers.tasks import ASKED, classifier_data
from watermarking.ownership.classifiers.labels import label_verdict
from watermarking.ownership.classifiers.removal.distil import Distil
from watermarking.ownership.classifiers.removal.loot import Loot, Thieves, log_probabilities
from watermarking.ownership.classifiers.swaps import most_ambiguous
from watermarking.ownership.classifiers.tasks.engine import Engine
from watermarking.ownership.classifiers.tasks.labelled import Labelled, fashion
from watermarking.ownership.classifiers.tasks.training import log_answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    from torch import Tensor

    from harness.cells import Cell, Row
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.tasks.stack import Stack

    F64 = npt.NDArray[np.float64]

__all__ = ["label_cells", "label_table", "measure_labels"]

PRICE: Final = 0.002
"""Of accuracy, as the reach is chosen: measured on 30,000 others it is what the rows say."""
NUMBERS: Final = (1500, 5000)
"""Verification queries."""
_WRONG: Final = 200  # keys
_UNSEEN: Final = 20_000  # from here on the owner's inputs are no thief's


def label_cells() -> list[Cell]:
    """List thieves of a marking owner, by network, queries and key; and of an unmarked one."""
    return list(_cells())


def _cells() -> Iterator[Cell]:
    for network, queries in (("mlp", 30_000), ("c2", 30_000), ("mlp", 10_000), ("mlp", 50_000), ("c2", 10_000),
                             ("c2", 50_000)):  # fmt: skip
        for key in (0, 1, -1, 2):
            start = "unmarked" if key < 0 else "wrapper"
            yield {
                "task": "fashion", "measured": "labels", "network": network, "queries": queries, "start": start,
                "key": key, "seed": 0, "price": PRICE,
            }  # fmt: skip


class _Side:
    """The owner's side: answers to what thieves ask, and to inputs that nobody else has."""

    def __init__(self, kept: Path | None, price: float) -> None:
        self.owner = Owner("fashion", Engine(bf16=True), kept)
        self.stolen, self.labels = self.owner.tensor(self.owner.task.stolen)
        rest = fashion(classifier_data(), "test").split([ASKED, ASKED], seed=14)[1]
        own = self.owner.task.own
        unseen = np.concatenate([self.owner.task.asked.inputs, rest.inputs, own.inputs[_UNSEEN:]])
        self.unseen = torch.tensor(unseen)
        self.asked = self.ask(self.owner.model, self.stolen)[0]
        self.others = self.ask(self.owner.model, self.unseen)[0]
        self.mark: SoftLabelMark = self.owner.mark("standard").for_labels(
            self.others[ASKED : 2 * ASKED], rest.inputs, rest.labels, price=price
        )
        self.rest: Labelled = rest

    def ask(self, stack: Stack, inputs: Tensor) -> F64:
        """Return the probabilities (k, n, K) of a stack."""
        found = log_answers(stack, inputs).exp().double().numpy()
        return np.asarray(found / found.sum(2, keepdims=True))

    @functools.cached_property
    def at(self) -> F64:
        """Where what thieves ask lies."""
        return self.mark.coarse(self.stolen.numpy())

    def read(self, student: Stack, pictures: Tensor, answers: F64, n: int, keys: list[int]) -> list[float]:
        """Return the p-values of keys by a student's labels for the n most ambiguous of some inputs."""
        rows = most_ambiguous(answers, n)
        some = pictures[torch.from_numpy(rows)]
        labels = log_answers(student, some)[0].argmax(1).numpy()
        references = self.ask(self.owner.references, some)
        at = self.mark.coarse(some.numpy())
        return [
            significant(label_verdict(labels, answers[rows], references, at, self.mark, key_of(key)).p_value)
            for key in keys
        ]


@functools.cache
def _side(kept: Path | None, price: float) -> _Side:
    return _Side(kept, price)


def measure_labels(cells: list[Cell], *, kept: Path | None) -> list[Row]:
    """Train a thief on labels alone, and read its labels."""
    rows = []
    for cell in cells:
        start = time.perf_counter()
        side, n = _side(kept, cell["price"]), cell["queries"]
        p = side.asked
        marked = p if cell["key"] < 0 else side.mark.answer_at(p, side.at, key=key_of(cell["key"]))
        student = _student(side, marked[:n], cell)
        true, half = side.labels.numpy(), len(side.owner.task.own)
        one, other = (each.argmax(1) for each in (p, marked))
        inputs, labels = side.owner.asked
        row: Row = {
            "status": DONE, "reach": significant(side.mark.reach),
            "cost": significant(float(np.mean(one[:half] == true[:half]) - np.mean(other[:half] == true[:half]))),
            "swapped": significant(float(np.mean(one != other))),
            "accuracy": significant(float((log_answers(student, inputs)[0].argmax(1) == labels).double().mean())),
        }  # fmt: skip
        row["p"] = {name: _p(side, student, name, n, cell["key"]) for name in ("own queries", "neighbours", "unseen")}
        rows.append({**row, "seconds": round(time.perf_counter() - start, 2)})
    return rows


def _student(side: _Side, marked: F64, cell: Cell) -> Stack:
    n = cell["queries"]
    loot = Loot(
        queries=side.stolen[:n], answers=log_probabilities(torch.from_numpy(marked))[None], labels=side.labels[:n],
        flips=True,
    )  # fmt: skip
    thieves = Thieves(network=cell["network"], seeds=(1000 * (cell["key"] + 1) + cell["seed"],), teachers=(0,))
    return Distil(n=n, hard=True).apply(loot, thieves).stack


def _p(side: _Side, student: Stack, name: str, n: int, key: int) -> dict[str, Any]:
    """Return p-values by the number of verification queries, and those of wrong keys."""
    if name == "unseen":
        pictures, answers = side.unseen, side.others
    else:
        pictures, answers = side.stolen[:n], side.asked[:n]
    if name == "neighbours":  # moved by a pixel, chosen by what the model says of them as they were
        rows = most_ambiguous(answers, NUMBERS[-1])
        pictures = torch.roll(pictures[torch.from_numpy(rows)], (0, 1), (2, 3))
        answers = side.ask(side.owner.model, pictures)[0]
    found: dict[str, Any] = {
        str(many): side.read(student, pictures, answers, many, [key])[0] for many in NUMBERS if key >= 0
    }
    if name != "neighbours":
        wrong = [2000 + i for i in range(_WRONG if key < 0 else _WRONG // 20)]
        found["wrong keys"] = side.read(student, pictures, answers, NUMBERS[-1], wrong)
    return found


def label_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line for each kind of thief and of query."""
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == DONE and row.get("measured") == "labels":
            groups[row["start"], row["network"], row["queries"]].append(row)
    heading = ["labels of", "network", "queries", "models", "accuracy %", "cost", "swapped %", "asked"]
    heading += [f"p of {n}" for n in NUMBERS] + ["worst 5000", "wrong keys below .01", "least"]
    lines: list[list[object]] = []
    for name, mine in groups.items():
        accuracy, cost, swapped = (100 * np.mean([row[one] for row in mine]) for one in ("accuracy", "cost", "swapped"))
        for asked in mine[0]["p"]:
            found = [row["p"][asked] for row in mine]
            wrong = np.array([p for one in found for p in one.get("wrong keys", ())])
            said = [[one[str(n)] for one in found if str(n) in one] for n in NUMBERS]
            lines.append(
                [*name, len(mine), f"{accuracy:.2f}", f"{cost:+.2f}", f"{swapped:.2f}", asked,
                 *(f"{np.median(one):.0e}" if one else "" for one in said), f"{max(said[-1]):.0e}" if said[-1] else "",
                 *((f"{np.mean(wrong < 0.01):.4f}", f"{wrong.min():.0e}") if wrong.size else ("", ""))]
            )  # fmt: skip
    return heading, lines
