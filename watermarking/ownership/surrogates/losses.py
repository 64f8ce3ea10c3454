"""The five losses that surrogates are trained with.

The perceptual one needs a measure of what people see. Without weights of a trained network, which are too large to
ship, it is SSIMULACRA2's error, differentiable: its terms were fitted to what people see, and it pins colours and
brightness as well, which features alone do not. A trained network takes its place with ``features``: see
:func:`watermarking.ownership.surrogates.perceptual.edge_network`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor
from torch.nn import functional

from watermarking.deep.training.visibility.light import linear_light
from watermarking.deep.training.visibility.ssimulacra2 import ssimulacra2_error
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOSSES", "content_loss", "is_adversarial"]

LOSSES: Final = ("l1", "l2", "l1-adversarial", "l2-adversarial", "perceptual-adversarial")
_SEEN: Final = 0.05  # SSIMULACRA2's error at a score of 98: the logarithm's floor
_LOG_WEIGHT: Final = 0.02  # brings the logarithm's slope to the size of an L1 loss


def is_adversarial(loss: str) -> bool:
    """Say whether a critic takes part.

    Raises
    ------
    WatermarkError
        If there is no such loss.
    """
    if loss not in LOSSES:
        raise WatermarkError(f"there is no loss {loss!r}: the losses are {', '.join(LOSSES)}")
    return loss.endswith("-adversarial")


def content_loss(loss: str, out: Tensor, target: Tensor, features: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Return how far answers are from what they should be, the critic's part left out.

    Parameters
    ----------
    loss : str
        One of ``LOSSES``.
    out, target : Tensor (N, 3, H, W)
        In [0, 1], ``out`` not clipped.
    features : callable, optional
        Pictures (N, 3, H, W) in [0, 1] to features of any shape, for the perceptual loss.
    """
    kind = loss.partition("-")[0]
    if kind == "l1":
        return functional.l1_loss(out, target)
    if kind == "l2":
        return 10 * functional.mse_loss(out, target)  # of L1's size at errors of 25 grey levels
    if features is not None:
        with torch.no_grad():
            wanted = features(target)
        return functional.mse_loss(features(out.clamp(0, 1)), wanted)
    seen = ssimulacra2_error(linear_light(target), linear_light(out.clamp(0, 1)))
    return _LOG_WEIGHT * (seen + _SEEN).log().mean()
