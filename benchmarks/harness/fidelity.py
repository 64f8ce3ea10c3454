"""How much a picture has changed: by marking, and by attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of, message_of, rng_of, significant
from harness.grid import NO_ATTACK
from harness.marking import attacked_picture
from harness.photographs import Photograph, load
from harness.workers import failed
from watermarking.attacks import parse_attack
from watermarking.errors import WatermarkError
from watermarking.messages.marker import Marker
from watermarking.metrics import butteraugli, ms_ssim, psnr, psnr_hvs_m, ssim, ssimulacra2
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watermarking.interface import Image

__all__ = ["METRICS", "VISIBILITY", "marked_picture", "measure_loss", "measure_quality", "worst"]

_MEASURES: dict[str, Callable[[Image, Image], float]] = {
    "PSNR": psnr,
    "SSIM": ssim,
    "MS-SSIM": ms_ssim,
    "PSNR-HVS-M": psnr_hvs_m,
    "SSIMULACRA2": ssimulacra2,
}
_DISTANCES = ("Butteraugli", "Butteraugli 3-norm")
"""Of one map of errors, the less the better; 80 candela a square metre."""
METRICS = (*_MEASURES, *_DISTANCES)
VISIBILITY = ("SSIMULACRA2", *_DISTANCES)
"""Those whose worst case counts as much as the mean: one picture with a visible mark is a complaint."""
LOSS_METRICS = ("PSNR", "SSIM", "SSIMULACRA2")  # those that small crops have room for


def measure_quality(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Mark, and compare with the cover; the attack of the cell plays no part.

    ``worst_at`` is the (row, column) of the most visible error.
    """
    results = []
    for cell in cells:
        cover = load(pictures[cell["photograph"]])
        try:
            marked = marked_picture(cover, cell)
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        distance = butteraugli(cover, marked)
        values = dict(zip(_DISTANCES, (significant(distance.max), significant(distance.norm3)), strict=True))
        place = [int(index) for index in np.unravel_index(distance.map.argmax(), distance.map.shape)]
        results.append({"status": DONE, **_compared(cover, marked, tuple(_MEASURES)), **values, "worst_at": place})
    return results


def marked_picture(cover: Image, cell: Cell) -> Image:
    """Mark a cover as a cell says."""
    marker = Marker(cell["scheme"], key=key_of(cell), psnr=cell.get("psnr"), fidelity=cell.get("fidelity"))
    marked: Image = marker.embed(cover, message_of(cell))
    return marked


def worst(metric: str, values: Iterable[float]) -> float:
    """Return the worst of some values of a metric."""
    return max(values) if metric in _DISTANCES else min(values)


def measure_loss(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Attack an unmarked photograph and compare: what an attacker pays in quality.

    The attacked picture is compared with the cover moved in the same way, so that a turn by a degree, which nobody
    minds, does not count as ruin; what an attack cuts off counts in ``kept``, the share of the area that is left.
    """
    results = []
    for cell in cells:
        cover = load(pictures[cell["photograph"]])
        try:
            attacked = attacked_picture(cover, cell)
            reference = _moved(cover, attacked, cell)
            values = {} if reference is None else _compared(*_inner(reference, attacked), LOSS_METRICS)
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        if not values:
            results.append(failed(IMPOSSIBLE, "how this attack moves pixels is not known, so nothing to compare with"))
            continue
        results.append({"status": DONE, **values})
    return results


def _compared(first: Image, second: Image, metrics: tuple[str, ...]) -> dict[str, Any]:
    """Return metrics; equal pictures have 100 dB, a number that tables and averages can hold."""
    return {name: significant(min(_MEASURES[name](first, second), 100.0), 5) for name in metrics}


def _moved(cover: Image, attacked: Image, cell: Cell) -> Image | None:
    """Return the cover moved as the attack moves it, cubic; None if that is not known."""
    if cell["attack"] == NO_ATTACK:
        return cover
    matrix = parse_attack(cell["attack"]).matrix(cover.shape, rng=rng_of(cell, "photograph", "key", "attack"))
    if matrix is None:
        return None
    if np.array_equal(matrix, np.eye(3)) and attacked.shape == cover.shape:
        return cover
    cv2 = cv2_module()
    size = (attacked.shape[1], attacked.shape[0])
    return np.asarray(cv2.warpPerspective(cover, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))


def _inner(reference: Image, attacked: Image) -> tuple[Image, Image]:
    """Cut the outer tenth, where empty corners lie, if the picture was moved at all."""
    if attacked.ndim != reference.ndim:
        attacked = np.repeat(attacked[..., None], 3, axis=2) if attacked.ndim == 2 else attacked
    rows, columns = attacked.shape[0] // 10, attacked.shape[1] // 10
    inner = (slice(rows, attacked.shape[0] - rows), slice(columns, attacked.shape[1] - columns))
    return np.ascontiguousarray(reference[inner]), np.ascontiguousarray(attacked[inner])
