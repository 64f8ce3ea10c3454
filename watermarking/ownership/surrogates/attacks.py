"""What a thief does to a trained surrogate, to what it answers, and to the outputs that he collected."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import torch
from torch import nn

from watermarking.attacks.registry import parse_attack
from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.surrogates.thief import Pictures, Thief, as_rgb
from watermarking.ownership.surrogates.train import Recipe, train_surrogate

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.ownership.surrogates.networks import Surrogate

    Answer = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]

__all__ = ["OUTPUT_ATTACKS", "Mark", "attack_answers", "fine_tune", "overwrite", "prune"]

OUTPUT_ATTACKS: Final = {
    "jpeg 75": "jpeg(quality=75)",
    "gamma -10 %": "gamma(power=0.9)",
    "gamma +10 %": "gamma(power=1.1)",
    "brightness -10 %": "brightness(factor=0.9)",
    "brightness +10 %": "brightness(factor=1.1)",
    "contrast -10 %": "contrast(factor=0.9)",
    "contrast +10 %": "contrast(factor=1.1)",
    "saturation -10 %": "saturation(factor=0.9)",
    "saturation +10 %": "saturation(factor=1.1)",
    "blur": "blur(sigma=1.0)",
    "median": "median(size=3)",
    "bilateral": "bilateral(space=3.0, value=25.0)",
}
"""Names and text forms of what is done to a surrogate's answers."""


class Mark(Protocol):
    """Anything that marks pictures with a key."""

    def mark(self, picture: npt.NDArray[np.uint8], /, *, key: Any) -> npt.NDArray[np.uint8]:
        """Return the marked picture, uint8 of (H, W, 3)."""


def fine_tune(
    model: Surrogate,
    inputs: Pictures,
    outputs: Pictures,
    *,
    steps: int,
    rate: float = 5e-4,
    loss: str = "l2",
    thief: Thief | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    threads: int = 1,
    device: str = "cpu",
) -> Surrogate:
    """Train a copy of a surrogate further, on pairs without a mark.

    Parameters
    ----------
    steps, rate : int, float
        The issue's setting is 15 % of the training's steps at a quarter of its rate: 5e-4 is a quarter of the default.
    recipe : Recipe, optional
        Its rate gives way to ``rate``.

    Others are those of :func:`watermarking.ownership.surrogates.train.train_surrogate`.

    Returns
    -------
    Surrogate
        In evaluation mode; the model given stays as it is.
    """
    return train_surrogate(
        inputs, outputs, network=copy.deepcopy(model), loss=loss, thief=thief, steps=steps, seed=seed,
        recipe=dataclasses.replace(recipe or Recipe(), rate=rate), threads=threads, device=device,
    )  # fmt: skip


def prune(model: Surrogate, share: float) -> Surrogate:
    """Set the smallest weights of all convolutions together to zero, in a copy.

    Parameters
    ----------
    share : float
        Of the weights, biases not counted, from 0 to below 1.

    Raises
    ------
    WatermarkError
        If the share is out of range.
    """
    if not 0 <= share < 1:
        raise WatermarkError(f"a share of {share:g} cannot be pruned: give 0 to below 1")
    pruned = copy.deepcopy(model)
    weights = [m.weight for m in pruned.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    sizes = torch.cat([weight.detach().abs().flatten() for weight in weights])
    n = int(share * sizes.numel())
    with torch.no_grad():
        if n:
            threshold = sizes.kthvalue(n).values
            for weight in weights:
                weight[weight.abs() <= threshold] = 0
    return pruned.eval()


def overwrite(outputs: Pictures, mark: Mark, *, key: Any) -> list[npt.NDArray[np.uint8]]:
    """Mark collected outputs once more, with the thief's own mark, before he trains on them or serves them.

    Raises
    ------
    UnsupportedImageError
        If the mark changes a picture's shape or type.
    """
    found = []
    for picture in outputs:
        rgb = as_rgb(picture)
        marked = np.asarray(mark.mark(rgb, key=key))
        if marked.shape != rgb.shape or marked.dtype != np.uint8:
            raise UnsupportedImageError(
                f"the mark made {marked.dtype} of {marked.shape} out of a picture of {rgb.shape}: it must keep both"
            )
        found.append(np.asarray(marked, np.uint8))
    return found


def attack_answers(answer: Answer, attack: str, *, seed: int = 0) -> Answer:
    """Put an attack of the toolkit behind a suspect.

    Parameters
    ----------
    answer : callable
        uint8 picture to uint8 picture.
    attack : str
        A name in ``OUTPUT_ATTACKS``, or a text form such as ``"jpeg(quality=50) | blur(sigma=0.8)"``.

    Returns
    -------
    callable
        The same picture gets the same randomness each time.

    Raises
    ------
    UnknownAttackError
        If there is no such attack.
    """
    done = parse_attack(OUTPUT_ATTACKS.get(attack, attack))

    def attacked(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        found = done(answer(picture), rng=np.random.default_rng(seed))
        return np.asarray(found, np.uint8)

    return attacked
