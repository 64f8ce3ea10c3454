"""USP and CSP as reconstructed: how surely their detectors know the marked model, and what the mark costs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harness.cells import DONE
from harness.classifiers.cells import SMOOTHED
from harness.classifiers.owner import key_of
from watermarking.ownership.classifiers.asking import Interface, probabilities_of
from watermarking.ownership.classifiers.reconstructions import CspMark, UspMark
from watermarking.ownership.classifiers.reconstructions.training import train_reconstruction

if TYPE_CHECKING:
    from torch import nn

    from harness.cells import Cell, Row
    from harness.classifiers.owner import Owner

__all__ = ["measure_reconstruction", "reconstruction_cells", "reconstruction_lines"]

_MARKS: Final = {"USP": UspMark, "CSP": CspMark}
_KEYS: Final = 10


def reconstruction_cells() -> list[Cell]:
    """List both marks with each key."""
    return [
        {"task": "fashion", "measured": "reconstruction", "mark": mark, "key": key}
        for key in range(_KEYS) for mark in _MARKS
    ]  # fmt: skip


def measure_reconstruction(owner: Owner, cell: Cell) -> Row:
    """Train the owner's model and a detector together; return what each says of inputs that nobody trained on.

    The detector is trained with five clean models. The owner's unmarked model it never saw.
    """
    smoothed = owner.clean(SMOOTHED, owner.task.network, (111, 112))
    clean = [stack.module(i).eval() for stack in (owner.references, smoothed) for i in range(len(stack))]
    model, own, asked = owner.model.module(0).eval(), owner.task.own, owner.task.asked
    mark = _MARKS[cell["mark"]](n_classes=own.n_classes)
    made = train_reconstruction(model, own.inputs, own.labels, mark=mark, key=key_of(cell["key"]), clean=clean)

    def right(one: nn.Module) -> int:
        answers = probabilities_of(one, asked.inputs, Interface(output="logits"), own.n_classes)
        return int((answers.argmax(1) == np.asarray(asked.labels)).sum())

    def known(one: Any) -> float:
        return round(made.watermark_accuracy(one, asked.inputs), 5)

    return {
        "known": known(made.model), "known_unmarked": known(model), "known_clean": [known(one) for one in clean],
        "right": right(model), "right_marked": right(made.model), "of": len(asked.labels),
    }  # fmt: skip


def reconstruction_lines(rows: list[Row]) -> list[list[object]]:
    """Return a line of the table for each of the marks."""
    lines: list[list[object]] = []
    for mark in _MARKS:
        done = [row for row in rows if row.get("mark") == mark and row["status"] == DONE]
        if done:
            known = [100 * row["known"] for row in done]
            others = max(max(row["known_unmarked"], *row["known_clean"]) for row in done)
            cost = 100 * np.mean([(row["right"] - row["right_marked"]) / row["of"] for row in done])
            said = f"carriers known: {np.mean(known):.2f} %, least {min(known):.2f}; clean models' {100 * others:.1f} %"
            lines.append([f"{mark} as reconstructed, {len(done)} keys", said, f"cost {cost:+.2f}"])
    return lines
