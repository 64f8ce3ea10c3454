"""What a thief does to the pairs that he trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Pictures", "Thief", "as_rgb", "check_pairs"]

Pictures: TypeAlias = "Sequence[npt.NDArray[np.uint8]]"
_MOST_UNMARKED: Final = 0.5
_LEAST_CROP: Final = 16


def as_rgb(picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return a picture (H, W) or (H, W, 3) as (H, W, 3); a grey one gets three equal channels.

    Raises
    ------
    UnsupportedImageError
        If it is no such uint8 array.
    """
    found = np.asarray(picture)
    if (
        found.dtype != np.uint8
        or found.ndim not in (2, 3)
        or (found.ndim == 3 and found.shape[2] != 3)
        or not found.size
    ):
        raise UnsupportedImageError(
            f"a picture of {found.dtype} and shape {found.shape} cannot be used: give uint8 of (H, W) or (H, W, 3)"
        )
    return np.repeat(found[..., None], 3, axis=2) if found.ndim == 2 else found


def check_pairs(inputs: Pictures, outputs: Pictures, least: int) -> None:
    """Refuse inputs and outputs that are no pairs, or have a side below ``least``.

    Raises
    ------
    UnsupportedImageError
        It names the first pair that does not fit.
    """
    if len(inputs) != len(outputs) or not len(inputs):
        raise UnsupportedImageError(
            f"{len(inputs)} inputs and {len(outputs)} outputs are no pairs: give as many of both, at least one"
        )
    for i in range(len(inputs)):
        one, two = as_rgb(inputs[i]).shape, as_rgb(outputs[i]).shape
        if one != two:
            raise UnsupportedImageError(
                f"pair {i} has an input of {one} and an output of {two}: they must be of one size"
            )
        if min(one[:2]) < least:
            raise UnsupportedImageError(
                f"pair {i} is {one[0]}x{one[1]}, a side of {least} is needed: give larger pictures or a smaller crop"
            )


@dataclass(frozen=True, kw_only=True)
class Thief:
    """Choices of a thief for his training pairs.

    Attributes
    ----------
    crop : int
        Side of the squares that he trains on, in pixels, a multiple of 16.
    flips, turns : bool
        Mirror half of the pairs; turn them by 0, 90, 180 or 270 degrees.
    crops : bool
        Cut squares anywhere. Without, corners lie at multiples of ``crop``, so that pictures of that size are whole.
    resize : (float, float)
        Least and greatest factor, log-uniform; (1, 1) for none.
    jpeg : (int, int) or None
        Least and greatest quality of the JPEG files that he keeps the collected outputs in.
    unmarked : float
        Share of pairs with unmarked outputs, 0 to 0.5.

    Raises
    ------
    WatermarkError
        If a choice is out of its range.
    """

    crop: int = 64
    flips: bool = False
    turns: bool = False
    crops: bool = True
    resize: tuple[float, float] = (1.0, 1.0)
    jpeg: tuple[int, int] | None = None
    unmarked: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.crop < _LEAST_CROP or self.crop % _LEAST_CROP:
            raise WatermarkError(f"a crop of {self.crop} cannot be trained on: give a multiple of {_LEAST_CROP}")
        low, high = self.resize
        if not 0.25 <= low <= high <= 4:
            raise WatermarkError(
                f"resizing by {low:g} to {high:g} is out of range: give factors from 0.25 to 4, in order"
            )
        if self.jpeg is not None and not 1 <= self.jpeg[0] <= self.jpeg[1] <= 100:
            raise WatermarkError(
                f"JPEG of quality {self.jpeg} is out of range: give two qualities from 1 to 100, in order"
            )
        if not 0 <= self.unmarked <= _MOST_UNMARKED:
            raise WatermarkError(f"{self.unmarked:g} is no share of unmarked pairs: give 0 to {_MOST_UNMARKED:g}")

    def draw(
        self, inputs: Pictures, outputs: Pictures, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Draw one training pair, (crop, crop, 3) uint8 each, both changed in the same way."""
        i = int(rng.integers(len(inputs)))
        one, two = as_rgb(inputs[i]), as_rgb(outputs[i])
        if self.jpeg is not None:
            two = _through_jpeg(two, int(rng.integers(self.jpeg[0], self.jpeg[1] + 1)))
        return self._window(one, two, rng)

    def _window(
        self, one: npt.NDArray[np.uint8], two: npt.NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Cut, scale, mirror and turn both in the same way."""
        shape = one.shape[:2]
        factor = float(np.exp(rng.uniform(*np.log(self.resize))))
        side = min(round(self.crop / factor), *shape)
        if self.crops:
            top, left = (int(rng.integers(length - side + 1)) for length in shape)
        else:
            top, left = (self.crop * int(rng.integers((length - side) // self.crop + 1)) for length in shape)
        cut = np.concatenate([part[top : top + side, left : left + side] for part in (one, two)], axis=2)
        if side != self.crop:
            cv2 = cv2_module()
            how = cv2.INTER_AREA if side > self.crop else cv2.INTER_CUBIC
            halves = (np.ascontiguousarray(cut[..., part]) for part in (slice(0, 3), slice(3, 6)))
            cut = np.concatenate(
                [cv2.resize(half, (self.crop, self.crop), interpolation=how) for half in halves], axis=2
            )
        if self.flips and rng.random() < 0.5:
            cut = cut[:, ::-1]
        if self.turns:
            cut = np.rot90(cut, int(rng.integers(4)))
        return cut[..., :3], cut[..., 3:]


def _through_jpeg(picture: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    cv2 = cv2_module()
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
