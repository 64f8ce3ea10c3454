"""Chosen coefficients of the orthonormal DCT-II of 8x8 blocks, the transform of JPEG."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.transforms import blocks_forward, blocks_inverse

__all__ = ["block_dct", "block_idct"]

F32 = npt.NDArray[np.float32]
Modes = tuple[tuple[int, int], ...]


def _basis() -> F32:
    k, x = np.arange(8)[:, None], np.arange(8)[None]
    basis = 0.5 * np.cos(np.pi * (2 * x + 1) * k / 16)
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)


_BASIS: Final = _basis()


def block_dct(plane: F32, modes: Modes) -> F32:
    """Return chosen DCT coefficients of every whole 8x8 block.

    Parameters
    ----------
    plane : (H, W) float32
    modes : sequence of (vertical, horizontal) frequencies in 0..7

    Returns
    -------
    (H // 8, W // 8, len(modes)) float32
    """
    out = np.empty((plane.shape[0] // 8, plane.shape[1] // 8, len(modes)), np.float32)
    blocks_forward(plane, _BASIS, np.array(modes, np.int64), out)
    return out


def block_idct(bands: F32, modes: Modes, shape: tuple[int, int]) -> F32:
    """Return the (H, W) float32 plane that has these coefficients, and zeros everywhere else."""
    out = np.zeros(shape, np.float32)
    blocks_inverse(bands, _BASIS, np.array(modes, np.int64), out)
    return out
