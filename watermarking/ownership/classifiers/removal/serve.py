"""What a thief does when a stolen model is asked: to inputs, to answers, or by asking two models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import torch
from torch.nn import functional

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.answers import Changes, class_floors
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves, needed
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

__all__ = ["Ensemble", "Serve", "filtered"]

FILTERS: Final = ("none", "blur", "jpeg", "noise")
PARTNERS: Final = ("seed", "client", "clean")
_BLUR: Final = (0.25, 0.5, 0.25)
_JPEG_QUALITY: Final = 50
_NOISE: Final = 12.0  # grey levels
_FLOOR_QUERIES: Final = 5000


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Change what a stolen model sees or says.

    Attributes
    ----------
    filter : {"none", "blur", "jpeg", "noise"}
        Of inputs: smoothed by (1, 2, 1) / 4 both ways; through JPEG of quality 50; with noise of 12 grey levels.
    changes : Changes
        Of answers.
    floors : bool
        What a class's answers hardly ever fall below, over the thief's queries, is taken off.
    """

    id: ClassVar[str] = "serve"
    steals: ClassVar[bool] = False
    filter: str = "none"
    changes: Changes = field(default_factory=Changes)
    floors: bool = False

    def __post_init__(self) -> None:
        """Check the filter."""
        if self.filter not in FILTERS:
            raise WatermarkError(f"there is no filter {self.filter!r}: choose one of {', '.join(FILTERS)}")

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Wrap the stolen models; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        before = needed(stolen, thieves)
        how = self.filter
        if how != "none" and loot.queries.ndim != 4:
            raise WatermarkError(f"the filter {how!r} is for pictures, the inputs are features: use 'none'")
        return Suspects(
            stacks=before.stacks,
            filter=None if how == "none" else lambda inputs: filtered(inputs, how),
            floors=class_floors(before.answer(loot.queries[:_FLOOR_QUERIES])) if self.floors else None,
            changes=self.changes,
        )


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Answer with the mean of two models.

    Attributes
    ----------
    partner : {"seed", "client", "clean"}
        Another model stolen from the same teacher; one stolen from another teacher, as two clients would do together;
        or an unmarked model.
    """

    id: ClassVar[str] = "ensemble"
    steals: ClassVar[bool] = False
    partner: str = "seed"

    def __post_init__(self) -> None:
        """Check the partner."""
        if self.partner not in PARTNERS:
            raise WatermarkError(f"there is no partner {self.partner!r}: choose one of {', '.join(PARTNERS)}")

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Pair the stolen models; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        stack = needed(stolen, thieves).stack
        if self.partner == "clean":
            if loot.clean is None:
                raise WatermarkError("an ensemble with a clean model needs one: give Loot(clean=...)")
            beside = loot.clean.take([i % len(loot.clean) for i in range(len(stack))]).to(stack.device)
        else:
            beside = stack.take([self._partner(i, thieves) for i in range(len(stack))])
        return Suspects(stacks=(stack, beside))

    def _partner(self, i: int, thieves: Thieves) -> int:
        """Return the next thief, in a circle, with the same teacher or with another."""
        n = len(thieves.seeds)
        for j in (*range(i + 1, n), *range(i)):
            if (thieves.teachers[j] == thieves.teachers[i]) == (self.partner == "seed"):
                return int(j)
        kind = "the same teacher" if self.partner == "seed" else "another teacher"
        raise WatermarkError(f"thief {i} finds nobody with {kind} to work with: give two thieves of that kind or more")


def filtered(pictures: Tensor, how: str) -> Tensor:
    """Return uint8 pictures (n, channels, H, W) after a filter of :class:`Serve`."""
    if how == "none":
        return pictures
    if how == "jpeg":
        return torch.from_numpy(np.stack([_through_jpeg(one) for one in pictures.cpu().numpy()])).to(pictures.device)
    if how == "noise":
        rng = torch.Generator().manual_seed(0)  # the same picture gets the same noise each time
        changed = pictures.float() + _NOISE * torch.randn(pictures.shape, generator=rng).to(pictures.device)
    else:
        channels = pictures.shape[1]
        line = torch.tensor(_BLUR, device=pictures.device)
        kernel = (line[:, None] * line).expand(channels, 1, 3, 3)
        padded = functional.pad(pictures.float(), (1, 1, 1, 1), mode="replicate")
        changed = functional.conv2d(padded, kernel, groups=channels)
    return changed.round().clamp(0, 255).to(torch.uint8)


def _through_jpeg(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    cv2 = cv2_module()
    rows = np.ascontiguousarray(picture.transpose(1, 2, 0)[..., ::-1])
    _, data = cv2.imencode(".jpg", rows, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    read = cv2.imdecode(data, cv2.IMREAD_UNCHANGED).reshape(rows.shape)
    return np.ascontiguousarray(read[..., ::-1].transpose(2, 0, 1))
