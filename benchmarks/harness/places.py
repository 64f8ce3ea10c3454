"""The most visible places of marked pictures, pixel for pixel, beside the cover and what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.cells import strength_label
from harness.fidelity import marked_picture, worst
from harness.photographs import Photograph, load
from harness.tables import scheme_label
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.cells import Row
    from watermarking.interface import Image

__all__ = ["panel", "worst_rows", "write_panels"]

SIDE = 256
GAIN = 12
_GAP = 8


def worst_rows(rows: Iterable[Row], *metrics: str) -> list[Row]:
    """Return for each scheme and strength the row of each picture that one of the metrics calls worst."""
    classes: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if "worst_at" in row:
            classes.setdefault((scheme_label(row["scheme"]), strength_label(row)), []).append(row)
    found: list[Row] = []
    for members in classes.values():
        limits = {metric: worst(metric, (row[metric] for row in members)) for metric in metrics}
        places = {next(i for i, row in enumerate(members) if row[metric] == limit) for metric, limit in limits.items()}
        found.extend(members[i] for i in sorted(places))
    return found


def panel(cover: Image, marked: Image, place: tuple[int, int]) -> Image:
    """Return the surroundings of a place in the cover, in the marked picture, and their difference times 12.

    Nothing is resized: a pixel is a pixel.
    """
    corner = [max(0, min(at - SIDE // 2, length - SIDE)) for at, length in zip(place, cover.shape, strict=False)]
    cut = tuple(slice(first, first + SIDE) for first in corner)
    change = np.clip(128 + GAIN * (marked[cut].astype(np.int16) - cover[cut]), 0, 255).astype(np.uint8)
    parts = [
        part if part.ndim == 3 else np.repeat(part[..., None], 3, axis=2) for part in (cover[cut], marked[cut], change)
    ]
    gap = np.full((parts[0].shape[0], _GAP, 3), 255, np.uint8)
    return np.concatenate([parts[0], gap, parts[1], gap, parts[2]], axis=1)


def write_panels(rows: Iterable[Row], pictures: dict[str, Photograph], folder: Path) -> list[Path]:
    """Mark the pictures of some rows again, and write the surroundings of the worst places as PNG."""
    cv2 = cv2_module()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for row in rows:
        cover = load(pictures[row["photograph"]])
        shown = panel(cover, marked_picture(cover, row), tuple(row["worst_at"]))
        name = f"{scheme_label(row['scheme'])}-{strength_label(row)}-{row['photograph']}.png"
        name = name.replace("/", "-").replace(" ", "-")
        (folder / name).write_bytes(cv2.imencode(".png", shown[..., ::-1])[1].tobytes())
        written.append(folder / name)
    return written
