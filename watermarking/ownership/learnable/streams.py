"""Numbers drawn from a key's SHAKE-256 stream: uniform and normal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key

    F64 = npt.NDArray[np.float64]

__all__ = ["normals", "sphere", "uniforms"]


def uniforms(key: Key, label: str, n: int) -> F64:
    """Draw n numbers in (0, 1), float64 (n,): the middles of 2^52 equal steps, so that neither end is ever met."""
    raw = np.frombuffer(key.stream(label, 8 * n), "<u8") >> np.uint64(12)
    return (raw.astype(np.float64) + 0.5) / 2.0**52


def normals(key: Key, label: str, n: int) -> F64:
    """Draw n standard normal numbers, float64 (n,), by the inverse of the distribution function."""
    return np.asarray(ndtri(uniforms(key, label, n)), np.float64)


def sphere(key: Key, label: str, shape: tuple[int, int]) -> F64:
    """Draw a matrix whose entries together are a uniform point of the unit sphere.

    Examples
    --------
    >>> from watermarking.keys import Key
    >>> direction = sphere(Key(bytes(16)), "example", (4, 2))
    >>> round(float((direction**2).sum()), 12)
    1.0
    """
    point = normals(key, label, shape[0] * shape[1]).reshape(shape)
    return np.asarray(point / np.linalg.norm(point), np.float64)
