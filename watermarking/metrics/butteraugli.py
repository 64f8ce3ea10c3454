"""Butteraugli of libjxl 0.7: how visible the most visible difference between two pictures is, seen from near.

Alakuijala, Obryk, Stoliarchuk, Szabadka, Vandevenne and Wassenberg, "Guetzli: perceptually guided JPEG encoder",
arXiv:1703.04421, 2017, describe the model; constants are those of libjxl 0.7, whose ``butteraugli_main`` gives the same
figures.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.metrics.light import check_visible, checked, halved, is_seen_through, linear_light
from watermarking.metrics.picture import check_alike
from watermarking.threads import map_bands, row_bands

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

    F32 = npt.NDArray[np.float32]

__all__ = ["Butteraugli", "butteraugli"]

_NAME: Final = "Butteraugli"
_GROUNDS: Final = (0.0, 1.0)
_SIDE: Final = 512  # of a tile, with REACH all around it at most MOST


@dataclass(frozen=True, slots=True, eq=False)
class Butteraugli:
    """A distance between two pictures.

    Attributes
    ----------
    max : float
        The greatest error of a pixel: below 1 hardly anybody sees a difference, above 2 it is plain.
    norm3 : float
        The mean of the map's 3-, 6- and 12-norms, as ``butteraugli_main`` prints it: the whole picture's.
    map : (H, W) float32
        The error of each pixel.
    """

    max: float
    norm3: float
    map: F32


def butteraugli(reference: Image, distorted: Image, intensity_target: float = 80.0) -> Butteraugli:
    """Return the Butteraugli distance of a distorted picture; 0 for an equal one.

    Parameters
    ----------
    reference, distorted : (H, W), (H, W, 3) or (H, W, 4), same shape and dtype, at least 8 x 8
        uint8, uint16 or floating point in [0, 1], sRGB. Pictures that are seen through are laid over black and over
        white, and the worse error of each pixel counts.
    intensity_target : float
        Luminance of white on the screen, in candela a square metre.

    Raises
    ------
    UnsupportedImageError
        If either is no picture, holds NaN or values out of range, is too small, or does not fit the other.
    ValueError
        If the luminance is not positive and finite.

    Examples
    --------
    >>> ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    >>> butteraugli(ramp, ramp).max
    0.0
    >>> butteraugli(ramp, ramp // 8 * 8).max > 1
    True
    """
    check_alike(checked(reference).shape, checked(reference).dtype, checked(distorted))
    first, peak = check_visible(reference, _NAME)
    second, _ = check_visible(distorted, _NAME, peak)
    if not 0 < intensity_target < math.inf:
        raise ValueError(f"a screen's white is brighter than 0 and finite, not {intensity_target}: 80 is usual")
    seen_through = is_seen_through(first) or is_seen_through(second)
    maps = [_map(first, second, ground, float(intensity_target)) for ground in (_GROUNDS if seen_through else (None,))]
    errors = functools.reduce(lambda one, two: np.maximum(one, two, out=one), maps)
    return Butteraugli(*_measured(errors), errors)


def _measured(errors: F32) -> tuple[float, float]:
    from watermarking.kernels.butteraugli import measure as measure_rows

    def measure(band: tuple[int, int]) -> npt.NDArray[Any]:
        out = np.empty(4)
        measure_rows(errors[slice(*band)], out)
        return out

    parts = np.stack(map_bands(measure, row_bands(errors.shape[0], 256)))
    means = parts[:, 1:].sum(axis=0) / errors.size
    return float(parts[:, 0].max()), float(np.mean(means ** (1 / np.array([3, 6, 12]))))


def _map(first: Image, second: Image, ground: float | None, nits: float) -> F32:
    """Return the map of two pictures, that of their halves mixed in if they are not too small."""
    from watermarking.kernels.butteraugli import mix

    height, width = first.shape[:2]
    errors = np.empty((height, width), dtype=np.float32)
    _fill(first, second, ground, nits, 1, errors)
    if min(height, width) > 14:  # halves of 8 x 8 at least
        coarse = np.empty(((height + 1) // 2, (width + 1) // 2), dtype=np.float32)
        _fill(first, second, ground, nits, 2, coarse)
        mix(errors, coarse)
    return errors


def _fill(first: Image, second: Image, ground: float | None, nits: float, scale: int, errors: F32) -> None:
    """Write the map of two pictures at a scale, tile by tile: what is in memory does not grow with the picture."""
    from watermarking.metrics.visible_errors import REACH, tile_errors

    height, width = errors.shape
    rows, columns = _cuts(height), _cuts(width)

    def fill(tile: tuple[int, int]) -> None:
        (top, bottom), (left, right) = rows[tile[0]], columns[tile[1]]
        y, x = max(0, top - REACH), max(0, left - REACH)
        part = np.s_[scale * y : scale * (bottom + REACH), scale * x : scale * (right + REACH)]
        one, two = (linear_light(picture[part], ground) for picture in (first, second))
        if scale == 2:
            one, two = halved(one), halved(two)
        around = tile_errors(one, two, nits)
        errors[top:bottom, left:right] = around[top - y : bottom - y, left - x : right - x]

    map_bands(fill, [(i, j) for i in range(len(rows)) for j in range(len(columns))])


def _cuts(length: int) -> list[tuple[int, int]]:
    """Cut a side into parts of about the same length."""
    n = -(-length // _SIDE)
    return [(length * i // n, length * (i + 1) // n) for i in range(n)]
