"""Copies that compute the same with other weights: channels in a keyed order, with keyed factors.

Two copies' weights then have nothing to do with each other, place by place, and a merged copy computes nonsense. Who
brings the copies into one order first, by matching weights, can merge them as before; the fingerprints are for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.ownership.fingerprints.structure import Group, structure_of, tensors_in
from watermarking.ownership.fingerprints.weights import read_weights
from watermarking.ownership.learnable.streams import uniforms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

__all__ = ["invariant_groups", "moved", "reshaped"]

_FACTOR: Final = 2.0
"""Channels are multiplied by 1 / this to this."""


def reshaped(
    weights: Mapping[str, npt.NDArray[np.generic]], groups: Sequence[Group], *, key: Key, label: str = ""
) -> dict[str, npt.NDArray[np.generic]]:
    """Return weights that compute the same, in a keyed order and with keyed factors.

    Parameters
    ----------
    weights : mapping of names to arrays
    groups : sequence of Group
    key : Key
    label : str
        Of the copy: each has an order of its own.
    """
    found = dict(weights)
    for number, group in enumerate(groups):
        stream = f"fingerprints/shape/{number}/{label}"
        order = key.permutation(stream, group.n)
        factors = np.ones(group.n)
        if group.scalable:
            factors = np.exp(np.log(_FACTOR) * (2 * uniforms(key, f"{stream}/factors", group.n) - 1))
        for part in group.parts:
            if part.name in found:
                value = moved(found[part.name], part.axis, part.repeat, order)
                found[part.name] = _multiplied(value, part.axis, part.repeat, factors**part.power)
    return found


def moved(
    value: npt.NDArray[np.generic], axis: int, repeat: int, order: npt.NDArray[np.int64]
) -> npt.NDArray[np.generic]:
    """Return an array whose channel i along an axis is its channel ``order[i]``, each of so many entries."""
    places = (order[:, None] * repeat + np.arange(repeat)).ravel()
    return np.take(value, places, axis=axis)


def _multiplied(
    value: npt.NDArray[np.generic], axis: int, repeat: int, factors: npt.NDArray[np.float64]
) -> npt.NDArray[np.generic]:
    shape = [1] * value.ndim
    shape[axis] = -1
    exact = np.asarray(value, np.float64) * np.repeat(factors, repeat).reshape(shape)
    return exact.astype(value.dtype)


def invariant_groups(module: Any, example: Any = None) -> list[Group]:
    """Return the groups of a module's channels, after trying that it computes the same in another order.

    Where only its factors would change what it computes, there will be none.

    Raises
    ------
    WatermarkError
        If no channels can change places, or it computes something else in another order.
    """
    import torch
    from torch.func import functional_call

    groups = structure_of(module, example)
    if not groups:
        raise WatermarkError("no channels of this network can change places: issue its copies without reshaping")
    given = example if isinstance(example, torch.Tensor) else torch.zeros((1, *(example or module.shape)))
    tried = torch.rand(given.shape, generator=torch.Generator().manual_seed(0)).to(given.dtype)
    weights, key = read_weights(module), Key(bytes(16))
    for some in (groups, [Group(group.n, group.parts, False) for group in groups]):
        other = {
            name: torch.from_numpy(np.ascontiguousarray(v).reshape(v.shape))
            for name, v in reshaped(weights, some, key=key).items()
        }
        with torch.no_grad():
            before = _numbers(module(tried))
            after = _numbers(functional_call(module, other, (tried,)))
        if np.allclose(before, after, rtol=1e-3, atol=1e-3 * float(np.abs(before).max())):
            return some
    raise WatermarkError("this network computes something else in another order: issue its copies without reshaping")


def _numbers(answer: Any) -> npt.NDArray[np.float64]:
    return np.concatenate([one.detach().double().numpy().ravel() for one in tensors_in((answer,))])
