"""The recursive Gaussian, rounding for rounding as libjxl computes it.

Charalampidis, "Recursive implementation of the Gaussian filter using truncated cosine functions", IEEE Trans. Signal
Processing 64(14), 2016: three resonators whose sum is a Gaussian of finite length. Their poles lie on the unit circle,
so that rounding errors are never forgotten: in float32 a long row ends with a relative error of 1e-5 or so, and
SSIMULACRA2 counts that noise. Whoever wants its figures has to take the same steps, four at a time along rows.

A tile is ``LANES`` rows, transposed: sample (row, x) lies at ``x * LANES + row``, with ``BEFORE`` columns of zeros
before the first and ``AFTER`` behind the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from watermarking.kernels.fused import fma
from watermarking.kernels.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]
    Four: TypeAlias = tuple[np.float32, np.float32, np.float32, np.float32]
    Section: TypeAlias = tuple[np.float32, ...]
    """Of four outputs n: the factors of the inputs n, n-1, n-2, n-3 (4), of the output before the four (4), and of
    the one before that (4)."""
    Sections: TypeAlias = tuple[Section, Section, Section]

__all__ = ["AFTER", "BEFORE", "LANES", "RADIUS", "STRIP", "along_columns", "along_rows"]

RADIUS: Final = 5
"""Of the filter for a standard deviation of 1.5: taps beyond +-4 are zero."""
LANES: Final = 16
STRIP: Final = 64
BEFORE: Final = 2 * RADIUS
AFTER: Final = 2 * RADIUS


@kernel
def _four(s: Four, p: np.float32, q: np.float32, c: Section) -> Four:
    """Return four outputs of a section from four inputs and the two outputs before."""
    s0, s1, s2, s3 = s
    y0 = fma(c[4], p, fma(c[8], q, c[0] * s0))
    y1 = fma(c[5], p, fma(c[9], q, fma(c[0], s1, c[1] * s0)))
    y2 = fma(c[6], p, fma(c[10], q, fma(c[0], s2, fma(c[1], s1, c[2] * s0))))
    y3 = fma(c[7], p, fma(c[11], q, fma(c[0], s3, fma(c[1], s2, fma(c[2], s1, c[3] * s0)))))
    return y0, y1, y2, y3


@kernel
def _single_steps(tile: F32, first: int, stop: int, sections: Sections, state: F32, out: F32) -> None:
    """Filter the columns first..stop - 1 one by one; outputs before column 0 only move the state."""
    a, b, c = sections
    for n in range(first, stop):
        window = tile[(n + BEFORE - RADIUS - 1) * LANES : (n + BEFORE + RADIUS) * LANES]
        to = out[max(n, 0) * LANES : (max(n, 0) + 1) * LANES]
        for j in range(LANES):
            s = window[j] + window[j + 2 * RADIUS * LANES]
            p0, p1, p2 = state[j], state[j + LANES], state[j + 2 * LANES]
            y0 = fma(a[4], p0, a[0] * s - state[j + 3 * LANES])
            y1 = fma(b[4], p1, b[0] * s - state[j + 4 * LANES])
            y2 = fma(c[4], p2, c[0] * s - state[j + 5 * LANES])
            state[j], state[j + LANES], state[j + 2 * LANES] = y0, y1, y2
            state[j + 3 * LANES], state[j + 4 * LANES], state[j + 5 * LANES] = p0, p1, p2
            to[j] = y0 + (y1 + y2)


@kernel
def along_rows(tile: F32, width: int, sections: Sections, state: F32, out: F32) -> None:
    """Filter a transposed tile along its rows; beyond them it is zero.

    Parameters
    ----------
    tile : ((BEFORE + width + AFTER) * LANES,) float32
    state : (6 * LANES,) float32 work space
    out : (width * LANES,) float32
    """
    state[:] = np.float32(0)
    a, b, c = sections
    head = min(8, width)  # libjxl takes single steps to the first multiple of four beyond the radius
    _single_steps(tile, 1 - RADIUS, head, sections, state, out)
    n = head
    while n < width - RADIUS - 2:
        window = tile[(n + BEFORE - RADIUS - 1) * LANES : (n + BEFORE + RADIUS + 3) * LANES]
        to = out[n * LANES : (n + 4) * LANES]
        for j in range(LANES):
            s = (
                window[j] + window[j + 10 * LANES],
                window[j + LANES] + window[j + 11 * LANES],
                window[j + 2 * LANES] + window[j + 12 * LANES],
                window[j + 3 * LANES] + window[j + 13 * LANES],
            )
            y = _four(s, state[j], state[j + 3 * LANES], a)
            z = _four(s, state[j + LANES], state[j + 4 * LANES], b)
            w = _four(s, state[j + 2 * LANES], state[j + 5 * LANES], c)
            state[j], state[j + LANES], state[j + 2 * LANES] = y[3], z[3], w[3]
            state[j + 3 * LANES], state[j + 4 * LANES], state[j + 5 * LANES] = y[2], z[2], w[2]
            to[j] = y[0] + (z[0] + w[0])
            to[j + LANES] = y[1] + (z[1] + w[1])
            to[j + 2 * LANES] = y[2] + (z[2] + w[2])
            to[j + 3 * LANES] = y[3] + (z[3] + w[3])
        n += 4
    _single_steps(tile, n, width, sections, state, out)


@kernel
def along_columns(upper: F32, lower: F32, sections: Sections, state: F32, out: F32) -> None:
    """Take one step down ``n <= STRIP`` columns.

    Parameters
    ----------
    upper, lower : (n,) float32, the rows RADIUS + 1 above and RADIUS - 1 below
    state : (6 * STRIP,) float32, carried from row to row, zeros before the first
    out : (STRIP,) float32
    """
    a, b, c = sections
    for j in range(upper.size):
        s = upper[j] + lower[j]
        p0, p1, p2 = state[j], state[j + STRIP], state[j + 2 * STRIP]
        y0 = fma(a[0], s, fma(a[4], p0, -state[j + 3 * STRIP]))
        y1 = fma(b[0], s, fma(b[4], p1, -state[j + 4 * STRIP]))
        y2 = fma(c[0], s, fma(c[4], p2, -state[j + 5 * STRIP]))
        state[j], state[j + STRIP], state[j + 2 * STRIP] = y0, y1, y2
        state[j + 3 * STRIP], state[j + 4 * STRIP], state[j + 5 * STRIP] = p0, p1, p2
        out[j] = y0 + (y1 + y2)
