"""What H and R learn from: marked answers, imitated surrogates, real ones, and pictures that carry nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.hidden.networks import LUMA
from watermarking.ownership.surrogates.networks import to_tensor
from watermarking.ownership.surrogates.runs import digest
from watermarking.ownership.surrogates.thief import Pictures, as_rgb, check_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Batch", "Lessons", "disturbed", "luma_of", "smoothed", "strength_of"]

_STRENGTHS: Final = (42.0, 46.0)
_GREY_SHARE: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """The owner's own pictures.

    Attributes
    ----------
    inputs, answers : pictures
        Queries A and the owner's model's unmarked answers B, uint8, pair by pair of one shape.
    unmarked : sequence of pictures
        For each surrogate that was trained on unmarked answers, what it answers to ``inputs``.
    stolen : sequence of (pictures, (D,) array)
        For each surrogate that was trained on marked answers, what it answers to ``inputs``, and the direction.

    Raises
    ------
    WatermarkError
        If there is no unmarked surrogate: without one, R learns to recognise surrogates.
    UnsupportedImageError
        If pictures do not pair.
    """

    inputs: Pictures
    answers: Pictures
    unmarked: Sequence[Pictures]
    stolen: Sequence[tuple[Pictures, npt.NDArray[np.float32]]] = field(default=())

    def __post_init__(self) -> None:
        """Check that all is there."""
        if not self.unmarked:
            raise WatermarkError("without a surrogate of unmarked answers R learns what surrogates look like: give one")
        check_pairs(self.inputs, self.answers, 32)
        for others in (*self.unmarked, *(found for found, _ in self.stolen)):
            if len(others) != len(self.inputs):
                raise UnsupportedImageError(
                    f"a surrogate has {len(others)} answers, there are {len(self.inputs)} inputs: give one each"
                )
            for i, (one, query) in enumerate(zip(others, self.inputs, strict=True)):
                if one.shape[:2] != query.shape[:2]:
                    raise UnsupportedImageError(
                        f"answer {i} of a surrogate is {one.shape[0]}x{one.shape[1]}, its input is "
                        f"{query.shape[0]}x{query.shape[1]}: they must be of one size"
                    )

    def digest(self) -> str:
        """Return a hash of all pictures and directions."""
        surrogates: list[Any] = [*self.unmarked, *(part for found, point in self.stolen for part in (found, [point]))]
        return digest([(self.inputs, self.answers), *((one, ()) for one in surrogates)])

    def draw(self, rng: np.random.Generator, n: int, crop: int, *, directions: int) -> Batch:
        """Draw n pictures of ``crop`` pixels a side, with new directions."""
        drawn = [self._one(rng, crop) for _ in range(n)]
        cover, query, surrogate = (to_tensor(np.stack([one[i] for one in drawn])) for i in range(3))
        points = rng.standard_normal((n // 2, directions)).astype(np.float32).repeat(2, 0)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        grey = rng.random(n) < _GREY_SHARE
        taken = [self._stolen(rng, crop) for _ in range(n)] if self.stolen else []
        return Batch(
            cover, query, surrogate, torch.from_numpy(points), torch.from_numpy(grey),
            to_tensor(np.stack([one for one, _ in taken])) if taken else None,
            torch.from_numpy(np.stack([point for _, point in taken])).float() if taken else None,
        )  # fmt: skip

    def _one(self, rng: np.random.Generator, crop: int) -> list[npt.NDArray[np.uint8]]:
        which = int(rng.integers(len(self.inputs)))
        surrogate = self.unmarked[int(rng.integers(len(self.unmarked)))][which]
        return _cut([self.answers[which], self.inputs[which], surrogate], rng, crop)

    def _stolen(self, rng: np.random.Generator, crop: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        found, point = self.stolen[int(rng.integers(len(self.stolen)))]
        return _cut([found[int(rng.integers(len(found)))]], rng, crop)[0], point


@dataclass(frozen=True)
class Batch:
    """What one step sees: pictures (N, 3, H, W) in [0, 1], directions (N, D) that two neighbours share, grey or not."""

    cover: Tensor
    query: Tensor
    surrogate: Tensor
    direction: Tensor
    grey: Tensor
    stolen: Tensor | None
    stolen_direction: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """Return it on a device, with the pictures that are to be grey made grey."""
        grey = self.grey.to(device)
        cover, query, surrogate = (_greyed(one.to(device), grey) for one in (self.cover, self.query, self.surrogate))
        stolen, at = (None if one is None else one.to(device) for one in (self.stolen, self.stolen_direction))
        return Batch(cover, query, surrogate, self.direction.to(device), grey, stolen, at)


def strength_of(n: int, device: torch.device) -> Tensor:
    """Draw root mean squares of changes, (N, 1, 1, 1), of full scale 1."""
    low, high = _STRENGTHS
    psnr = low + (high - low) * torch.rand(n, 1, 1, 1, device=device)
    found: Tensor = 10 ** (-psnr / 20)
    return found


def disturbed(image: Tensor) -> Tensor:
    """Return pictures as they may arrive: brighter or darker, more or less contrast and colour, noise, rounding."""
    n, device = len(image), image.device

    def drawn(spread: float) -> Tensor:
        return 1 + spread * (2 * torch.rand(n, 1, 1, 1, device=device) - 1)

    changed = image.clamp(1e-4, 1) ** drawn(0.12)
    grey = changed.mean(1, keepdim=True)
    changed = grey + (changed - grey) * drawn(0.15)
    changed = 0.5 + (changed - 0.5) * drawn(0.12)
    changed = (changed * drawn(0.12)).clamp(0, 1)
    plain = (torch.rand(n, 1, 1, 1, device=device) < 0.5).float()
    changed = plain * image.clamp(0, 1) + (1 - plain) * changed
    noise = torch.rand(n, 1, 1, 1, device=device) * 1.5 / 255
    return changed + noise * (1 - plain) * torch.randn_like(image) + (torch.rand_like(image) - 0.5) / 255


def luma_of(image: Tensor) -> Tensor:
    """Return the luma of (N, 3, H, W), (N, 1, H, W)."""
    return (image * torch.tensor(LUMA, device=image.device).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def _greyed(image: Tensor, grey: Tensor) -> Tensor:
    luma = luma_of(image).expand_as(image)
    return torch.where(grey[:, None, None, None], luma, image)


def _cut(pictures: list[npt.NDArray[np.uint8]], rng: np.random.Generator, crop: int) -> list[npt.NDArray[np.uint8]]:
    """Cut one square out of several pictures; its corner is even, since the mark repeats with every second pixel."""
    rows, columns = (min(crop, length) // 4 * 4 for length in pictures[0].shape[:2])
    top, left = (
        2 * int(rng.integers((length - kept) // 2 + 1))
        for length, kept in zip(pictures[0].shape[:2], (rows, columns), strict=True)
    )
    return [as_rgb(one[top : top + rows, left : left + columns]) for one in pictures]


def smoothed(image: Tensor, width: float) -> Tensor:
    """Blur pictures by a Gaussian of ``width`` pixels."""
    radius = max(1, round(2.5 * width))
    places = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    window = torch.exp(-places.square() / (2 * width * width))
    window = window / window.sum()
    padded = functional.pad(image, (radius,) * 4, mode="reflect")
    down = functional.conv2d(padded, window.reshape(1, 1, -1, 1).expand(3, 1, -1, 1), groups=3)
    return functional.conv2d(down, window.reshape(1, 1, 1, -1).expand(3, 1, 1, -1), groups=3)
