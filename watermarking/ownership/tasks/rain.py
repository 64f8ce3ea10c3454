"""Rain drawn on photographs, with which networks learn to remove rain.

A drop that falls through an exposure leaves a streak, brighter than what is behind it and half transparent. Streaks of
one picture share a direction, about which they scatter, and come in sizes: near ones are longer, wider and fewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["Rain", "add_rain", "rain_pairs"]

_LEAST_SIDE: Final = 8
_SUBPIXEL_BITS: Final = 4  # of OpenCV's line ends


@dataclass(frozen=True, kw_only=True)
class Rain:
    """What rain looks like; each picture draws its own from these ranges, evenly.

    Attributes
    ----------
    angle : (float, float)
        Direction of fall in degrees from the vertical, positive to the right; -89 to 89.
    scatter : float
        Standard deviation of a streak's direction about its picture's, degrees.
    density : (float, float)
        Length times width of all streaks over the picture's area, 0 to 1; with their soft rims they show on two to
        three times as many pixels.
    length : (float, float)
        Pixels.
    width : (float, float)
        Pixels; streaks below one pixel are fainter instead.
    opacity : (float, float)
        How much of what is behind a streak is lost, 0 to 1.
    brightness : float
        Grey level of a streak.

    Raises
    ------
    WatermarkError
        If a range is out of order or out of its limits.
    """

    angle: tuple[float, float] = (-35.0, 35.0)
    scatter: float = 3.0
    density: tuple[float, float] = (0.05, 0.20)
    length: tuple[float, float] = (9.0, 30.0)
    width: tuple[float, float] = (0.7, 2.0)
    opacity: tuple[float, float] = (0.15, 0.5)
    brightness: float = 225.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        limits = {
            "angle": (-89.0, 89.0), "density": (0.0, 1.0), "length": (1.0, 1000.0), "width": (0.1, 20.0),
            "opacity": (0.0, 1.0),
        }  # fmt: skip
        for name, (least, most) in limits.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise WatermarkError(
                    f"rain of {name} {low:g} to {high:g} cannot be drawn: stay in order within {least:g} to {most:g}"
                )
        if not 0 <= self.brightness <= 255 or not 0 <= self.scatter <= 45:
            raise WatermarkError(
                f"rain of brightness {self.brightness:g}, scatter {self.scatter:g} cannot be drawn: give up to 255, 45"
            )


def add_rain(
    picture: npt.NDArray[np.uint8], rain: Rain | None = None, *, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Draw rain on a picture.

    Parameters
    ----------
    picture : uint8 (H, W, 3) or (H, W)
        Sides of at least 8 pixels; not changed.
    rain : Rain, optional
    rng : Generator
        The same state gives the same rain.

    Returns
    -------
    uint8 array of the picture's shape

    Raises
    ------
    UnsupportedImageError
        If it is no such picture.
    """
    rain = rain or Rain()
    shaped = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
    if picture.dtype != np.uint8 or not shaped or min(picture.shape[:2]) < _LEAST_SIDE:
        raise UnsupportedImageError(
            f"no rain fits on {picture.dtype} of shape {picture.shape}: give uint8, (H, W) or (H, W, 3), sides "
            f"of at least {_LEAST_SIDE}"
        )
    veil = _veil((picture.shape[0], picture.shape[1]), rain, rng)
    veil = veil if picture.ndim == 2 else veil[..., None]
    rainy = picture * (1 - veil) + np.float32(rain.brightness) * veil
    return np.asarray(rainy + 0.5, np.uint8)


def rain_pairs(
    pictures: Iterable[npt.NDArray[np.uint8]], rain: Rain | None = None, *, seed: int = 0
) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """Make pairs (A rainy, B clean); the rain of a picture follows from the seed and its place alone."""
    return [
        (add_rain(picture, rain, rng=np.random.default_rng([seed, i])), picture) for i, picture in enumerate(pictures)
    ]


def _veil(size: tuple[int, int], rain: Rain, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return how much each pixel (H, W) is hidden, 0 to 1."""
    cv2 = cv2_module()
    angle, density = rng.uniform(*rain.angle), rng.uniform(*rain.density)
    (low, high), (thin, wide) = rain.length, rain.width
    near = rng.beta(1.0, 2.0, size=_n_streaks(size, rain, density))  # 0 far, 1 near: far ones are many
    length = low + (high - low) * near
    width = thin + (wide - thin) * near
    opacity = rng.uniform(*rain.opacity, size=near.size) * np.minimum(width, 1)
    slant = np.deg2rad(angle + rain.scatter * rng.standard_normal(near.size))
    middle = rng.uniform(-high / 2, np.array(size)[:, None] + high / 2, size=(2, near.size))
    half = length / 2 * np.stack([np.cos(slant), np.sin(slant)])
    one = 1 << _SUBPIXEL_BITS
    ends = np.rint(np.stack([middle - half, middle + half]) * one).astype(int)
    veil = np.zeros(size, np.float32)
    # Faint streaks first: where two cross, the more opaque one shows.
    for i in np.argsort(opacity, kind="stable"):
        (y0, x0), (y1, x1) = ends[0, :, i].tolist(), ends[1, :, i].tolist()
        cv2.line(veil, (x0, y0), (x1, y1), float(opacity[i]), max(1, round(width[i])), cv2.LINE_8, _SUBPIXEL_BITS)
    return np.asarray(cv2.GaussianBlur(veil, (3, 3), 0.6), np.float32)


def _n_streaks(size: tuple[int, int], rain: Rain, density: float) -> int:
    """Return how many streaks cover a share of a picture, those that lie about its edges counted."""
    margin = rain.length[1]
    area = (size[0] + margin) * (size[1] + margin)
    third = 1 / 3  # the mean of "near"
    length = rain.length[0] + third * (rain.length[1] - rain.length[0])
    width = rain.width[0] + third * (rain.width[1] - rain.width[0])
    return math.ceil(density * area / (length * max(1.0, width)))
