"""What is left of a mark after a thief regressed it: he knows the code and collected answers, but has no key."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import significant
from harness.theft import key_of, mean_psnr, task
from watermarking.ownership.learnable.family import draw_family
from watermarking.ownership.learnable.features import evaluate, features, planes
from watermarking.ownership.marks import get_mark
from watermarking.ownership.surrogates.regress import colour_polynomials, fit_mark, mark_left
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from harness.cells import Cell
    from harness.theft import Pixels

__all__ = ["measure_regression"]

_FITTED = 300  # answers that he fits on; more change the third digit


def measure_regression(cell: Cell) -> dict[str, Any]:
    """Fit the mark as a cell says and take it out of answers to other queries."""
    chosen, key, mark = task(cell["task"]), key_of(cell["key"]), get_mark(cell["mark"])
    places = np.random.default_rng(3).permutation(len(chosen.queries))[:_FITTED]
    marked = [mark.mark(chosen.answers[i], key=key) for i in places]
    # With ``queries`` he takes a model's answers to be its inputs; with ``answers`` he has what no thief has.
    expected = [getattr(chosen, cell["expected"])[i] for i in places]
    colour = chosen.answers[0].ndim == 3
    fitted = fit_mark(expected, marked, features=_features(cell["features"], colour=colour), chroma=colour)
    served = [mark.mark(one, key=key) for one in chosen.own]
    cleaned = [fitted.remove(one) for one in served]
    kept = cleaned if colour else [one[..., 1].copy() for one in cleaned]
    return {
        "left": significant(mark_left(chosen.own, served, cleaned)),
        "psnr": mean_psnr(kept, chosen.truth), "owner": mean_psnr(chosen.own, chosen.truth),
        "p": float(mark.verify(kept[:20], chosen.own[:20], key=key).p_value),
    }  # fmt: skip


def _features(name: Any, *, colour: bool) -> Any:
    """Return polynomials of colours of a degree, or the functions of a number of keys that he drew himself."""
    kind, n = name
    return colour_polynomials(n) if kind == "polynomials" else functools.partial(_foreign, n=n, colour=colour)


def _foreign(picture: Pixels, *, n: int, colour: bool) -> Any:
    """Return a constant and the functions of n other keys, (H, W, 1 + K)."""
    cv2 = cv2_module()
    halves = planes(np.ascontiguousarray(picture), colour=colour)
    found = [np.ones((1, *picture.shape[:2]), np.float32)]
    for number in range(n):
        drawn = draw_family(key_of(1000 + number), colour=colour).functions
        values = evaluate(features(halves, drawn), drawn, start=0, stop=halves[0].size)
        shaped = values.reshape(len(values), *halves.shape[1:])
        found.append(np.stack([cv2.resize(plane, picture.shape[1::-1]) for plane in shaped]))
    return np.moveaxis(np.concatenate(found), 0, 2)
