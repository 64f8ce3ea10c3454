"""What a mark costs a served picture of 512 pixels a side: milliseconds on one thread, beside OpenCV's own work."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import cv2
import torch

from harness.cells import significant
from harness.theft import key_of, task
from watermarking.ownership.marks import get_mark
from watermarking.threads import threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.cells import Cell

__all__ = ["measure_cost"]

_SIDE = 512
_TURNS = 15


def measure_cost(cell: Cell) -> dict[str, Any]:
    """Time the mark of a cell, and in turns with it what PNG takes for the same picture."""
    answer = task(cell["task"]).own[0]
    picture = cv2.resize(answer, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    mark, key, before = get_mark(cell["mark"]), key_of(cell["key"]), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threads(1):
            marked = mark.mark(picture, key=key)  # also draws what is drawn once a key
            times = [
                (_seconds(lambda: mark.mark(picture, key=key)), _seconds(lambda: cv2.imencode(".png", marked)))
                for _ in range(_TURNS)
            ]
    finally:
        torch.set_num_threads(before)
    own, png = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    return {"milliseconds": [significant(own)], "png": [significant(png)]}


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
