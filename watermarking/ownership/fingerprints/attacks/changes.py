"""What is done to one model's weights: noise, a second mark, another order; and removals of classifiers' marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves
from watermarking.ownership.classifiers.removal.registry import get_removal
from watermarking.ownership.classifiers.tasks.stack import Stack
from watermarking.ownership.fingerprints.carrier import Carrier
from watermarking.ownership.fingerprints.reshape import reshaped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from torch import Tensor, nn

    from watermarking.keys import Key
    from watermarking.ownership.fingerprints.mark import WeightMark
    from watermarking.ownership.fingerprints.structure import Group

    Array = npt.NDArray[np.generic]

__all__ = ["noisy", "overwritten", "removed", "reordered"]


def noisy(weights: Mapping[str, Array], share: float, *, rng: np.random.Generator) -> dict[str, Array]:
    """Return weights with normal noise of a share of each matrix's or filter's standard deviation.

    Raises
    ------
    WatermarkError
        If the share is negative.
    """
    if not share >= 0:
        raise WatermarkError(f"noise of {share:g} of the weights' spread: give 0 or more")
    found = dict(weights)
    for name, value in weights.items():
        if value.dtype.kind == "f" and value.ndim >= 2:
            exact = np.asarray(value, np.float64)
            found[name] = (exact + share * exact.std() * rng.normal(size=value.shape)).astype(value.dtype)
    return found


def overwritten(weights: Mapping[str, Array], mark: WeightMark, *, key: Key, customer: str = "") -> dict[str, Array]:
    """Return weights with a second mark, of the thief's key, put upon the first in the same way."""
    return Carrier(weights, mark, key=key).copy(mark.word(customer, key=key))


def reordered(weights: Mapping[str, Array], groups: Sequence[Group], *, key: Key) -> dict[str, Array]:
    """Return weights that compute the same, their channels in an order and with factors of the thief's."""
    return reshaped(weights, groups, key=key, label="thief")


def removed(
    modules: Sequence[nn.Module], removal: str | Mapping[str, Any], *, inputs: Tensor, labels: Tensor,
    seeds: Sequence[int] = (), flips: bool = False, network: str = "residual",
) -> list[nn.Module]:  # fmt: skip
    """Return what becomes of models, or of their answers, by a removal of classifiers' marks.

    Parameters
    ----------
    modules : sequence of modules of one architecture
        Each is stolen by a thief of its own.
    removal : str or mapping
        See :func:`watermarking.ownership.classifiers.removal.registry.get_removal`: fine-tuning, pruning,
        quantisation, overwriting in answers, distillation.
    inputs, labels : Tensor (n, ...), Tensor (n,)
        What thieves have: pictures of bytes, or features, and their classes.
    seeds : sequence of int
        Of the thieves, 1, 2, ... if left out.
    flips : bool
    network : str
        That those who distil train.

    Raises
    ------
    WatermarkError
        If there is no such removal, or it needs what a thief does not have here.
    """
    from watermarking.ownership.classifiers.tasks.training import log_answers

    stack, chosen = Stack.of(list(modules)), get_removal(removal)
    if chosen.steals:
        answers = log_answers(stack, inputs)
    else:  # those that change what was stolen ask for none
        answers = inputs.new_zeros((len(modules), len(inputs), 1)).float()
    loot = Loot(queries=inputs, answers=answers, labels=labels, flips=flips)
    numbers = tuple(seeds) or tuple(range(1, len(modules) + 1))
    thieves = Thieves(network=network, seeds=numbers, teachers=tuple(range(len(modules))))
    found = chosen.apply(loot, thieves, None if chosen.steals else Suspects(stacks=(stack,))).stack
    return [found.module(i) for i in range(len(found))]
