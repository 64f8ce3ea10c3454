"""The owner's own models: networks trained on clean pairs by the recipe that thieves use on stolen ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watermarking.ownership.surrogates.thief import Thief
from watermarking.ownership.surrogates.train import Recipe, train_surrogate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from watermarking.ownership.surrogates.networks import Surrogate

__all__ = ["train_model"]

_AUGMENTED: Final = Thief(flips=True)


def train_model(
    pairs: Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]],
    *,
    network: str = "unet",
    preset: str = "thin",
    steps: int = 3000,
    seed: int = 1,
    thief: Thief = _AUGMENTED,
    recipe: Recipe | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[int, float], None] | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> Surrogate:
    """Train an owner's model on pairs (A, B): a network with the L1 loss, longer than thieves do.

    Parameters
    ----------
    pairs : sequence of (uint8 array, uint8 array)
        (H, W, 3) or (H, W), both of one size.
    thief : Thief
        Changes of the training pairs, the owner's own here.

    Others are those of :func:`watermarking.ownership.surrogates.train.train_surrogate`.

    Returns
    -------
    Surrogate
        In evaluation mode; :func:`watermarking.ownership.surrogates.train.answers` asks it.
    """
    inputs, outputs = [one for one, _ in pairs], [two for _, two in pairs]
    return train_surrogate(
        inputs, outputs, network=network, preset=preset, loss="l1", thief=thief, steps=steps, seed=seed, recipe=recipe,
        checkpoint=checkpoint, progress=progress, threads=threads, device=device,
    )  # fmt: skip
