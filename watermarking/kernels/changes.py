"""Changes of a picture, small whole numbers, into few bytes and back: linear prediction and a binary arithmetic coder.

A mark that is drawn at a coarse scale is smooth, and what rounding adds is not: a change is predicted from 25 before
it, with weights that the writer fits and the reader is told. What is left is coded bit by bit with probabilities that
adapt, each for how large the errors around are and where between two whole numbers the prediction lies. All values are
whole numbers, so a reader on any machine finds the same.

Planes are (h, w) int16; the first carries the mark, others are told as differences from it. ``taps`` are (n, 2) rows
and columns back, ``weights`` (n,) int64 in 4096ths. ``odds`` (contexts,) int64 are chances of a one in 65536ths,
``state`` (4,) int64: the ends of the coder's interval, the place in the bytes, and what the reader has read of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.kernels.jit import inlined, kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    U8 = npt.NDArray[np.uint8]
    I16 = npt.NDArray[np.int16]
    I64 = npt.NDArray[np.int64]

__all__ = ["N_CONTEXTS", "pack_plane", "unpack_plane"]

_signed: Any = np.int64
_LEVELS: Final = 8  # of the errors around
_PARTS: Final = 8  # between two whole numbers
_LONGEST: Final = 18  # of a size that is told one by one; larger ones follow as 16 bits
_A_CONTEXT: Final = 2 + _LONGEST
N_CONTEXTS: Final = _LEVELS * _PARTS * _A_CONTEXT
_ALL: Final = 0xFFFFFFFF


@inlined
def _middle(state: I64, odds: I64, at: int) -> int:
    """Return where the interval is cut: below it lie ones."""
    p = max(odds[at] >> 4, 1)
    middle: int = state[0] + ((state[1] - state[0]) >> 12) * p
    return middle


@inlined
def _learn(odds: I64, at: int, bit: int) -> None:
    odds[at] += (65535 - odds[at]) >> 5 if bit else -(odds[at] >> 5)


@inlined
def _put(bit: int, odds: I64, at: int, state: I64, out: U8) -> None:
    """Write a bit; where there is no room for its bytes, count them alone."""
    middle = _middle(state, odds, at)
    if bit:
        state[1] = middle
    else:
        state[0] = middle + 1
    _learn(odds, at, bit)
    while (state[0] ^ state[1]) >> 24 == 0:
        if state[2] < out.size:
            out[state[2]] = state[1] >> 24
        state[2] += 1
        state[0] = (state[0] << 8) & _ALL
        state[1] = ((state[1] << 8) & _ALL) | 255


@inlined
def _get(odds: I64, at: int, state: I64, data: U8) -> int:
    """Read a bit; behind the end there are zeros."""
    middle = _middle(state, odds, at)
    bit = 1 if state[3] <= middle else 0
    if bit:
        state[1] = middle
    else:
        state[0] = middle + 1
    _learn(odds, at, bit)
    while (state[0] ^ state[1]) >> 24 == 0:
        state[0] = (state[0] << 8) & _ALL
        state[1] = ((state[1] << 8) & _ALL) | 255
        following = _signed(data[state[2]]) if state[2] < data.size else 0
        state[3] = ((state[3] << 8) & _ALL) | following
        state[2] += 1
    return bit


@inlined
def _predicted(plane: I16, first: I16, is_first: bool, i: int, j: int, taps: I64, weights: I64) -> int:
    """Return the prediction in sixteenths."""
    total: int = _signed(0)
    if not is_first:
        total = 4096 * _signed(first[i, j])
        return total >> 8
    for k in range(weights.size):
        y, x = i - taps[k, 0], j - taps[k, 1]
        if y >= 0 and 0 <= x < plane.shape[1]:
            total += weights[k] * _signed(plane[y, x])
    return (total + 128) >> 8


@inlined
def _context(errors: I16, i: int, j: int, part: int) -> int:
    """Return where the odds of a change begin, from the sizes of four errors before it."""
    near = 0
    if j > 0:
        near += 2 * abs(_signed(errors[i & 1, j - 1]))
    above = (i + 1) & 1
    near += 2 * abs(_signed(errors[above, j]))
    if j > 0:
        near += abs(_signed(errors[above, j - 1]))
    if j + 1 < errors.shape[1]:
        near += abs(_signed(errors[above, j + 1]))
    level = min(near, 4) if near < 5 else min(5 + (near - 5) // 4, _LEVELS - 1)
    return int((level * _PARTS + part) * _A_CONTEXT)


@kernel
def pack_plane(plane: I16, first: I16, is_first: bool, taps: I64, weights: I64, odds: I64, state: I64, out: U8) -> None:
    """Append a plane to what was written."""
    errors = np.zeros((2, plane.shape[1]), np.int16)
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            predicted = _predicted(plane, first, is_first, i, j, taps, weights) + 8
            error = _signed(plane[i, j]) - (predicted >> 4)
            at = _context(errors, i, j, (predicted & 15) >> 1)
            errors[i & 1, j] = error
            _put(1 if error != 0 else 0, odds, at, state, out)
            if error == 0:
                continue
            _put(1 if error < 0 else 0, odds, at + 1, state, out)
            size = abs(error) - 1
            for k in range(min(size, _LONGEST)):
                _put(1, odds, at + 2 + k, state, out)
            if size < _LONGEST:
                _put(0, odds, at + 2 + size, state, out)
                continue
            for k in range(16):
                _put((size >> k) & 1, odds, N_CONTEXTS + k, state, out)


@kernel
def unpack_plane(
    plane: I16, first: I16, is_first: bool, taps: I64, weights: I64, odds: I64, state: I64, data: U8
) -> None:
    """Read the next plane into ``plane``."""
    errors = np.zeros((2, plane.shape[1]), np.int16)
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            predicted = _predicted(plane, first, is_first, i, j, taps, weights) + 8
            at = _context(errors, i, j, (predicted & 15) >> 1)
            error = 0
            if _get(odds, at, state, data):
                negative, size = _get(odds, at + 1, state, data), 0
                while size < _LONGEST and _get(odds, at + 2 + size, state, data):
                    size += 1
                if size == _LONGEST:
                    size = 0
                    for k in range(16):
                        size |= _get(odds, N_CONTEXTS + k, state, data) << k
                error = -size - 1 if negative else size + 1
            errors[i & 1, j] = error
            plane[i, j] = error + (predicted >> 4)
