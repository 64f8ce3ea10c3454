"""How strongly, and at which phase, each block of a plane holds each of several waves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["block_phasors"]


def block_phasors(plane: F32, side: int, frequencies: F64) -> npt.NDArray[np.complex128]:
    """Correlate every whole block with every wave: a product along columns, then sums down the rows.

    Parameters
    ----------
    plane : (h, w) float32
    side : int, pixels to a block's side
    frequencies : (n, 2), cycles a pixel, of rows and columns

    Returns
    -------
    (h // side, w // side, n) complex128, phases counted from the plane's first pixel
    """
    rows, cols = plane.shape[0] // side, plane.shape[1] // side
    v, u = -2 * np.pi * frequencies.T
    within = np.arange(side)[:, None] * u
    table = np.concatenate([np.cos(within), np.sin(within)], 1).astype(np.float32)
    along = np.ascontiguousarray(plane[: rows * side, : cols * side]).reshape(-1, side) @ table
    turned = (along[:, : u.size] + 1j * along[:, u.size :]).reshape(rows, side, cols, u.size)
    down = np.exp(1j * np.arange(rows * side)[:, None] * v).astype(np.complex64).reshape(rows, side, v.size)
    start = np.exp(1j * side * np.arange(cols)[:, None] * u)
    return np.asarray(np.einsum("rsck,rsk->rck", turned, down, optimize=True) * start, np.complex128)
