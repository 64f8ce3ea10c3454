"""Attacks that need several marked pictures.

Two protocols: ``Collude()(copies, rng=rng)`` takes copies of one picture, ``EstimateAttack()(marked, target)`` takes
many pictures that carry one key's mark and changes another picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from watermarking.attacks.attack import as_uint8, from_uint8, round_pixels
from watermarking.attacks.residual import add_plane, luma_detail
from watermarking.errors import UnknownAttackError, UnsupportedImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels
    from watermarking.interface import Image

__all__ = ["RULES", "Collude", "EstimateAttack", "estimate_mark"]

RULES = ("mean", "median", "minimum", "maximum", "minmax", "random", "blocks")
_BAND_SAMPLES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Collude:
    """Merge copies of one picture that carry different messages or keys.

    Attributes
    ----------
    rule : str
        Sample by sample the ``mean``, ``median``, ``minimum``, ``maximum``, the mean of both (``minmax``) or a
        ``random`` copy's; or ``blocks`` of 32x32 pixels, each from a random copy.
    """

    rule: Literal["mean", "median", "minimum", "maximum", "minmax", "random", "blocks"] = "mean"

    def __post_init__(self) -> None:
        """Check the rule."""
        if self.rule not in RULES:
            raise UnknownAttackError(f"collusion has no rule {self.rule!r}: known are {', '.join(RULES)}")

    def __call__(self, copies: Sequence[Image], *, rng: np.random.Generator) -> Image:
        """Return the merged picture, of the kind of the first copy.

        Raises
        ------
        UnsupportedImageError
            If there are fewer than two copies, or they differ in shape.
        """
        pictures = [as_uint8(copy) for copy in copies]
        if len(pictures) < 2 or len({picture.shape for picture in pictures}) != 1:
            raise UnsupportedImageError("collusion needs at least two copies of one shape")
        merged = np.empty_like(pictures[0])
        band = max(32, _BAND_SAMPLES // (merged[0].size * len(pictures)) // 32 * 32)
        for top in range(0, merged.shape[0], band):
            rows = slice(top, top + band)
            merged[rows] = self._merge(np.stack([picture[rows] for picture in pictures]), rng)
        return from_uint8(merged, copies[0].dtype)

    def _merge(self, stack: Pixels, rng: np.random.Generator) -> Pixels:
        """Merge (n, rows, W) or (n, rows, W, C)."""
        if self.rule == "minmax":
            return round_pixels((stack.min(axis=0).astype(np.float32) + stack.max(axis=0)) / 2)
        if self.rule in ("minimum", "maximum"):
            return np.asarray(stack.min(axis=0) if self.rule == "minimum" else stack.max(axis=0), dtype=np.uint8)
        if self.rule in ("mean", "median"):
            return round_pixels(np.mean(stack, axis=0) if self.rule == "mean" else np.median(stack, axis=0))
        shape = stack.shape[1:3]
        if self.rule == "random":
            chosen = rng.integers(len(stack), size=shape)
        else:
            coarse = rng.integers(len(stack), size=(-(-shape[0] // 32), -(-shape[1] // 32)))
            chosen = coarse.repeat(32, axis=0).repeat(32, axis=1)[: shape[0], : shape[1]]
        index = chosen.reshape(1, *shape, *(1,) * (stack.ndim - 3))
        return np.asarray(np.take_along_axis(stack, index, axis=0)[0], dtype=np.uint8)


@dataclass(frozen=True, kw_only=True)
class EstimateAttack:
    """Estimate a mark from many marked pictures, and copy it onto another picture or subtract it from one.

    Attributes
    ----------
    strength : float
        What the estimate is multiplied with: positive forges (the copy attack), negative removes.
    sigma : float
        Standard deviation of the mark that the attacker assumes, in grey levels.
    """

    strength: float = 1.0
    sigma: float = 2.0

    def __call__(self, marked: Iterable[Image], target: Image) -> Image:
        """Return the changed target, of the target's kind.

        Raises
        ------
        UnsupportedImageError
            If no marked picture covers the target: estimates are aligned at the top left corner and never scaled.
        """
        pixels = as_uint8(target)
        estimate = estimate_mark(marked, (pixels.shape[0], pixels.shape[1]), self.sigma)
        colour = pixels[..., :3] if pixels.ndim == 3 else pixels
        changed = add_plane(colour, np.float32(self.strength) * estimate)
        alpha = [pixels[..., 3]] if pixels.ndim == 3 and pixels.shape[2] == 4 else []
        return from_uint8(np.dstack([changed, *alpha]) if alpha else changed, target.dtype)


def estimate_mark(marked: Iterable[Image], size: tuple[int, int], sigma: float) -> npt.NDArray[np.float32]:
    """Return the mean luma detail, weighted by trust, of the pictures of at least `size` (rows, columns), cut to it.

    Pictures are taken one at a time, so a generator over a folder of any length will do.
    """
    total, weight = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.float32)
    for picture in marked:
        if picture.shape[0] >= size[0] and picture.shape[1] >= size[1]:
            detail, trust = luma_detail(as_uint8(picture)[: size[0], : size[1]], sigma)
            total += detail * trust
            weight += trust
    if not weight.any():
        raise UnsupportedImageError(f"no marked picture has {size[1]}x{size[0]} pixels or more")
    return total / weight
