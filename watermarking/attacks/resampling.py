"""Resampling for the attacks that move pixels: thin calls of OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watermarking.errors import UnsupportedImageError
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels

__all__ = ["check_size", "corner_map", "displace", "move", "resample", "scaling"]

_BAND_PIXELS = 1 << 20
_MOST_PIXELS = 2**29  # what an attack may ask for: 512 MP, 1.5 GB of RGB


def resample(pixels: Pixels, size: tuple[int, int], method: str) -> Pixels:
    """Resize a picture to (rows, columns); "auto" averages areas to shrink and is bicubic to enlarge."""
    cv2 = cv2_module()

    if pixels.shape[:2] == size:
        return pixels
    check_size(size)
    if method == "auto":
        method = "area" if size[0] <= pixels.shape[0] and size[1] <= pixels.shape[1] else "cubic"
    flags = {
        "area": cv2.INTER_AREA,
        "nearest": cv2.INTER_NEAREST,
        "linear": cv2.INTER_LINEAR,
        "cubic": cv2.INTER_CUBIC,
        "lanczos": cv2.INTER_LANCZOS4,
    }
    return np.asarray(cv2.resize(pixels, (size[1], size[0]), interpolation=flags[method]), dtype=np.uint8)


def move(pixels: Pixels, matrix: npt.NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    """Move a picture by a projective matrix onto a canvas of (rows, columns): bicubic, black outside."""
    cv2 = cv2_module()

    check_size(size)
    try:
        if np.array_equal(matrix[2], (0.0, 0.0, 1.0)):
            moved = cv2.warpAffine(pixels, matrix[:2], (size[1], size[0]), flags=cv2.INTER_CUBIC)
        else:
            moved = cv2.warpPerspective(pixels, matrix, (size[1], size[0]), flags=cv2.INTER_CUBIC)
    except cv2.error as error:  # edges of 32768 pixels and more, in many releases
        raise UnsupportedImageError(
            f"OpenCV cannot move {pixels.shape[1]}x{pixels.shape[0]} pixels: {error}"
        ) from error
    return np.asarray(moved, dtype=np.uint8)


def displace(
    pixels: Pixels, offsets: Callable[[slice], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
) -> Pixels:
    """Fetch each pixel from its own place plus an offset: bicubic, the border repeated.

    `offsets` returns the offsets in x and y, (rows, W) each, of a band of rows: the field of a whole picture is never
    held.
    """
    cv2 = cv2_module()

    height, width = pixels.shape[:2]
    band = max(1, _BAND_PIXELS // width)
    moved = np.empty_like(pixels)
    columns = np.arange(width, dtype=np.float32)[None, :]
    for top in range(0, height, band):
        rows = slice(top, min(height, top + band))
        x, y = offsets(rows)
        lines = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        try:  # mirroring would never end on a picture of one column: OpenCV 5.0
            moved[rows] = cv2.remap(pixels, columns + x, lines + y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        except cv2.error as error:
            raise UnsupportedImageError(f"OpenCV cannot bend {width}x{height} pixels: {error}") from error
    return moved


def scaling(old: tuple[int, int], new: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the matrix of a resize from (rows, columns) to (rows, columns): edges, not centres, stay in place."""
    across, down = new[1] / old[1], new[0] / old[0]
    return np.array([[across, 0.0, (across - 1) / 2], [0.0, down, (down - 1) / 2], [0.0, 0.0, 1.0]])


def corner_map(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the projective matrix (3, 3) that takes four points (4, 2) to four others."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows.append([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y])
        rows.append([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y])
    solution = np.linalg.solve(np.array(rows), target.reshape(-1))
    return np.append(solution, 1.0).reshape(3, 3)


def check_size(size: tuple[int, int]) -> None:
    """Raise UnsupportedImageError for a canvas of (rows, columns) that nobody means."""
    if size[0] * size[1] > _MOST_PIXELS:
        raise UnsupportedImageError(f"the result would have {size[1]}x{size[0]} pixels: use a smaller scale")
