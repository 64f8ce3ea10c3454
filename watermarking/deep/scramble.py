"""The key's part: payload blocks permuted and inverted, and the pilot's signs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from watermarking.interface import Detection
from watermarking.significance import rademacher_p_value

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["block_correlation", "pilot_detection", "pilot_signs", "scramble", "unscramble"]

F32 = npt.NDArray[np.float32]


def _to_blocks(payload: F32, block: int) -> F32:
    channels, height, width = payload.shape
    rows, columns = height // block, width // block
    split = payload.reshape(channels, rows, block, columns, block).transpose(1, 3, 0, 2, 4)
    return split.reshape(rows * columns, channels, block, block)


def _from_blocks(blocks: F32, shape: tuple[int, ...]) -> F32:
    channels, height, width = shape
    block = blocks.shape[-1]
    split = blocks.reshape(height // block, width // block, channels, block, block).transpose(2, 0, 3, 1, 4)
    return np.ascontiguousarray(split.reshape(channels, height, width))


def scramble(payload: F32, key: Key, block: int) -> F32:
    """Permute the blocks of a payload with the key and invert half of them.

    Parameters
    ----------
    payload : (C, h, w) float32 in [-1, 1], sides multiples of ``block``
    key : Key
        Labels ``"deep/blocks"`` and ``"deep/signs"``.
    block : int
        Side of a block in payload pixels.
    """
    blocks = _to_blocks(payload, block)
    n = len(blocks)
    mixed = blocks[key.permutation("deep/blocks", n)] * key.signs("deep/signs", n)[:, None, None, None]
    return _from_blocks(mixed.astype(np.float32), payload.shape)


def unscramble(payload: F32, key: Key, block: int) -> F32:
    """Undo :func:`scramble`; with another key the result is noise."""
    blocks = _to_blocks(payload, block)
    n = len(blocks)
    back = np.empty_like(blocks)
    back[key.permutation("deep/blocks", n)] = blocks * key.signs("deep/signs", n)[:, None, None, None]
    return _from_blocks(back, payload.shape)


def pilot_signs(key: Key, side: int) -> F32:
    """Draw the pilot, (1, side, side) float32 of -1 and +1, label ``"deep/pilot"``."""
    return key.signs("deep/pilot", side * side).reshape(1, side, side)


def pilot_detection(read: F32, key: Key) -> Detection:
    """Test the pilot that was read, (1, side, side), against the key's.

    The picture fixes what is read; only the signs are random, so the bound holds for every picture.
    """
    signs = pilot_signs(key, read.shape[-1])
    norm = float(np.sqrt(np.square(read, dtype=np.float64).sum()))
    score = float((signs * read).sum(dtype=np.float64)) / norm if norm > 0 and math.isfinite(norm) else 0.0
    return Detection(score, rademacher_p_value(score), "pilot")


def block_correlation(read: F32, wanted: F32, block: int, floor: float = 0.0) -> float:
    """Sum the blocks' correlations over their root sum of squares: a score for random signs, one a block.

    Parameters
    ----------
    read, wanted : (C, h, w) float32
        What was read and what it is compared with, in the order and with the signs of the picture that was shown.
    floor : float
        Amplitude of ``wanted`` below which an echo does not count.
    """
    blocks = _to_blocks(wanted - wanted.mean(dtype=np.float64).astype(np.float32), block).astype(np.float64)
    each = (_to_blocks(read, block) * blocks).sum((1, 2, 3))
    faint = floor * np.square(blocks).sum((1, 2, 3))
    norm = math.sqrt(float(np.square(each).sum() + np.square(faint).sum()))
    return float(each.sum()) / norm if norm > 0 and math.isfinite(norm) else 0.0
