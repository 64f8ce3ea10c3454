"""Where in a plane a picture lies that is known to be in it: there the waves keep their phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.sync.phasors import block_phasors

if TYPE_CHECKING:
    from watermarking.sync.template import Template
    from watermarking.sync.warp import Warp

__all__ = ["block_coherence", "bounds_of", "largest_sum"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_BLOCK: Final = 32
_INSIDE: Final = 0.2
"""Of what the best tenth of the blocks show, what a block must show to be more likely in the picture than not."""


def block_coherence(clean: F32, waves: Template, warp: Warp) -> F64:
    """Return how well each block of a whitened plane keeps the phases that a warp foretells, (rows, cols) float64.

    In standard deviations of a block without the waves; the warp's bend is left out.
    """
    at_hand, phases = waves.seen_through(warp.matrix)
    rows, cols = (n // _BLOCK for n in clean.shape)
    sums = block_phasors(clean, _BLOCK, at_hand)
    coherent = (sums @ np.exp(-1j * phases)).real
    used = clean[: rows * _BLOCK, : cols * _BLOCK]
    energy = np.square(used, dtype=np.float64).reshape(rows, _BLOCK, cols, _BLOCK).sum((1, 3))
    return np.asarray(coherent / np.sqrt(np.maximum(energy, 1e-9) * len(phases) / 2), np.float64)


def bounds_of(clean: F32, waves: Template, warp: Warp) -> tuple[int, int, int, int]:
    """Return the rectangle (top, left, rows, cols) of a whitened plane that shows the marked picture.

    Blocks of it show more than a fifth of what the best tenth of all blocks show on average: of all rectangles the one
    is taken whose blocks exceed that by most in sum (Kadane's algorithm over rows, for each pair of first and last
    columns), and one block more on each side.
    """
    shown = np.clip(block_coherence(clean, waves, warp), -3.0, 8.0)
    level = _INSIDE * float(np.mean(shown[shown >= np.quantile(shown, 0.9)]))
    top, bottom, left, right = largest_sum(shown - level)
    rows, cols = clean.shape
    top, left = max(0, (top - 1) * _BLOCK), max(0, (left - 1) * _BLOCK)
    bottom, right = min(rows, (bottom + 2) * _BLOCK), min(cols, (right + 2) * _BLOCK)
    return top, left, bottom - top, right - left


def largest_sum(values: F64) -> tuple[int, int, int, int]:
    """Return first and last row, first and last column of the rectangle with the largest sum."""
    sums = np.concatenate([np.zeros((values.shape[0], 1)), values.cumsum(1)], 1)
    first, last = np.triu_indices(values.shape[1])
    strips = sums[:, last + 1] - sums[:, first]
    best, begun = np.full(len(first), -np.inf), np.zeros(len(first), int)
    running, start = np.zeros(len(first)), np.zeros(len(first), int)
    ended = np.zeros(len(first), int)
    for row, strip in enumerate(strips):
        fresh = running <= 0
        running = np.where(fresh, strip, running + strip)
        start = np.where(fresh, row, start)
        better = running > best
        best, begun = np.where(better, running, best), np.where(better, start, begun)
        ended = np.where(better, row, ended)
    chosen = int(best.argmax())
    return int(begun[chosen]), int(ended[chosen]), int(first[chosen]), int(last[chosen])
