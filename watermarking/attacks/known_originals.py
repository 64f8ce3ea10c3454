"""An attacker who holds pictures both as they were and marked: the difference is the mark itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from watermarking.attacks.attack import as_uint8, from_uint8, round_pixels
from watermarking.attacks.residual import luma_detail
from watermarking.errors import UnknownAttackError, UnsupportedImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels
    from watermarking.interface import Image

    Values = npt.NDArray[np.float32]

__all__ = ["TEMPLATES", "KnownOriginals"]

TEMPLATES = ("flat", "texture")
_LEAST_ACTIVITY: Final = 1.0
"""Grey levels: where a picture is smoother than this, its mark is no fainter."""


@dataclass(frozen=True, kw_only=True)
class KnownOriginals:
    """Estimate a key's mark from pairs of originals and marked pictures, and copy it or subtract it.

    Unlike :class:`watermarking.attacks.collusion.EstimateAttack`, which has to tell the mark from the picture, this
    attacker sees marks without pictures; what is left to average away is what differs from picture to picture.

    Attributes
    ----------
    strength : float
        What the estimate is multiplied with: positive forges (the copy attack), negative removes.
    template : str
        ``flat`` averages the differences. ``texture`` takes them for one template times each picture's local standard
        deviation, fits the template by least squares, and gives the target as much of it as its own texture says.
    """

    strength: float = 1.0
    template: Literal["flat", "texture"] = "flat"

    def __post_init__(self) -> None:
        """Check the template's name."""
        if self.template not in TEMPLATES:
            raise UnknownAttackError(f"there is no template {self.template!r}: known are {', '.join(TEMPLATES)}")

    def __call__(self, pairs: Iterable[tuple[Image, Image]], target: Image) -> Image:
        """Return the changed target, of the target's kind; its alpha stays.

        Parameters
        ----------
        pairs : of original and marked pictures, taken one at a time
            Each at least as large as the target, to which they are cut at the top left corner and never scaled.
        target : the picture to put the mark on, or to take it from

        Raises
        ------
        UnsupportedImageError
            If the two pictures of a pair differ in size, or no pair covers the target.
        """
        pixels = as_uint8(target)
        colour = pixels[..., :3] if pixels.ndim == 3 else pixels
        mark = self._estimate(pairs, (colour.shape[0], colour.shape[1]), colour.ndim == 3)
        weight = self._weight(colour).reshape(*colour.shape[:2], *(1,) * (colour.ndim - 2))
        changed = round_pixels(colour + np.float32(self.strength) * weight * mark)
        has_alpha = pixels.ndim == 3 and pixels.shape[2] == 4
        return from_uint8(np.dstack([changed, pixels[..., 3]]) if has_alpha else changed, target.dtype)

    def _estimate(self, pairs: Iterable[tuple[Image, Image]], size: tuple[int, int], in_colour: bool) -> Values:
        """Return the mark in each channel, (H, W, 3) or (H, W), for a weight of 1."""
        total, power = np.zeros((*size, 3), np.float32), np.zeros((*size, 1), np.float32)
        for pair in pairs:
            before, after = (_rgb(as_uint8(picture)) for picture in pair)
            if before.shape != after.shape:
                raise UnsupportedImageError(
                    f"the two pictures of a pair have one size, not {before.shape[:2]} and {after.shape[:2]}"
                )
            if before.shape[0] < size[0] or before.shape[1] < size[1]:
                continue
            before, after = (picture[: size[0], : size[1]] for picture in (before, after))
            weight = self._weight(before)[..., None]
            total += weight * (after.astype(np.float32) - before)
            power += weight * weight
        if not power.any():
            raise UnsupportedImageError(f"no pair of pictures has {size[1]}x{size[0]} pixels or more")
        mark = total / power
        return np.asarray(mark if in_colour else mark.mean(axis=2), dtype=np.float32)

    def _weight(self, pixels: Pixels) -> Values:
        """Return how much of the template a picture is taken to get at each place, (H, W)."""
        if self.template == "flat":
            return np.ones(pixels.shape[:2], np.float32)
        _, trust = luma_detail(pixels, _LEAST_ACTIVITY)
        return np.asarray(_LEAST_ACTIVITY / np.sqrt(trust), dtype=np.float32)


def _rgb(pixels: Pixels) -> Pixels:
    return pixels[..., :3] if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
