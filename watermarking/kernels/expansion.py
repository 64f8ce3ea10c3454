"""Prediction-error expansion over the samples of half a channel, the squares of one colour of a chess board.

A sample is predicted from its four neighbours, squares of the other colour, which a layer does not change: so a layer
is undone sample by sample in any order. All values here are whole numbers; a reader finds the same to the last bit.

``work`` is (H, W, channels) uint8 or uint16 with sides of 5 at least; ``skip`` (H, W) uint8 has bit c set where
channel c is not to be touched. ``how`` holds, as int64: channel, colour of the squares, the channel whose error helps
to predict (-1 for none) and its weight in sixteenths, the shift that brings samples to eight bits, the peak.
``ladder`` maps a roughness to a class, ``begin`` and ``width`` (classes,) int64 say what is done in each: errors of
``begin`` to ``begin + width - 1`` are expanded and carry a bit, larger ones move by ``width``; a width of 0 leaves a
class alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.kernels.jit import inlined, kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    U8 = npt.NDArray[np.uint8]
    I64 = npt.NDArray[np.int64]
    Samples = npt.NDArray[Any]

__all__ = ["count_errors", "expand", "find_doubtful", "gather", "undo"]

_signed: Any = np.int64  # int() of an unsigned sample stays unsigned when compiled, and differences would wrap around


@inlined
def _inside(i: int, n: int) -> int:
    """Mirror an index about the outermost sample, so that squares keep their colour."""
    if i < 0:
        return -i
    return i if i < n else 2 * n - 2 - i


@inlined
def _rows(work: Samples, i: int, channel: int) -> tuple[int, int, int, int, int]:
    """Return where rows i - 2 to i + 2 of a channel begin among the samples as one row."""
    h, pitch = work.shape[0], work.shape[1] * work.shape[2]
    above, top = _inside(i - 2, h) * pitch, _inside(i - 1, h) * pitch
    bottom, below = _inside(i + 1, h) * pitch, _inside(i + 2, h) * pitch
    return above + channel, top + channel, i * pitch + channel, bottom + channel, below + channel


@inlined
def _context(
    flat: Samples, rows: tuple[int, int, int, int, int], w: int, n: int, j: int, how: I64, ladder: U8
) -> tuple[int, int]:
    """Return a sample's prediction and its class, from squares of the other colour and from the helping channel."""
    above, top, here, bottom, below = rows
    x = n * j
    before2, before, after, after2 = x - 2 * n, x - n, x + n, x + 2 * n
    if j < 2 or j >= w - 2:
        before2, before, after, after2 = (
            n * _inside(j - 2, w), n * _inside(j - 1, w), n * _inside(j + 1, w), n * _inside(j + 2, w),
        )  # fmt: skip
    u, d = _signed(flat[top + x]), _signed(flat[bottom + x])
    l, r = _signed(flat[here + before]), _signed(flat[here + after])  # noqa: E741 - left, as u, d, r are up, down, right
    rough = abs(u - l) + abs(u - r) + abs(d - l) + abs(d - r) + 2 * abs(u - d) + 2 * abs(l - r)
    rough += abs(u - _signed(flat[top + before2])) + abs(u - _signed(flat[top + after2]))
    rough += abs(d - _signed(flat[bottom + before2])) + abs(d - _signed(flat[bottom + after2]))
    rough += abs(l - _signed(flat[above + before])) + abs(l - _signed(flat[below + before]))
    rough += abs(r - _signed(flat[above + after])) + abs(r - _signed(flat[below + after]))
    total = 16 * (u + d + l + r)
    if how[2] >= 0:
        c = how[2] - how[0]
        others = _signed(flat[top + x + c]) + _signed(flat[bottom + x + c])
        others += _signed(flat[here + before + c]) + _signed(flat[here + after + c])
        total += how[3] * (4 * _signed(flat[here + x + c]) - others)
    predicted = min(max((total + 32) >> 6, 0), how[5])
    return predicted, _signed(ladder[min(rough >> how[4], ladder.size - 1)])


@inlined
def _error(value: int, predicted: int, peak: int) -> tuple[int, int]:
    """Return how far a sample lies from its prediction, from 0, and the way it moves: 1 up, -1 down.

    A sample that was predicted rightly moves towards the middle of the range: flat white and flat black have room.
    """
    error = value - predicted
    if 2 * predicted > peak:
        return (error - 1, 1) if error > 0 else (-error, -1)
    return (error, 1) if error >= 0 else (-1 - error, -1)


@inlined
def _doubtful(value: int, way: int, width: int, peak: int) -> bool:
    """Say whether a sample lies so near to the end of the range that it may have stayed or have moved there."""
    return value > peak - width if way > 0 else value < width


@kernel
def count_errors(work: Samples, skip: U8, how: I64, ladder: U8, every: int, counts: I64) -> None:
    """Add each class's errors to counts (classes, errors), the last column all that are larger; of every n-th row."""
    last, flat, w, n_channels = counts.shape[1] - 1, work.reshape(-1), work.shape[1], work.shape[2]
    for i in range(0, work.shape[0], every):
        rows = _rows(work, i, how[0])
        for j in range((i + how[1]) & 1, w, 2):
            if _signed(skip[i, j]) >> how[0] & 1:
                continue
            predicted, kind = _context(flat, rows, w, n_channels, j, how, ladder)
            size, _ = _error(_signed(flat[rows[2] + n_channels * j]), predicted, how[5])
            counts[kind, min(size, last)] += 1


@kernel
def find_doubtful(work: Samples, skip: U8, how: I64, ladder: U8, begin: I64, width: I64, moved: U8) -> tuple[int, int]:
    """Say of each sample that will be doubtful whether it will have moved, in ``moved``, eight to a byte.

    Returns the number of such samples, and of those that carry a bit. What the bits are makes no difference.
    """
    n, n_bits, peak = 0, 0, how[5]
    flat, w, n_channels = work.reshape(-1), work.shape[1], work.shape[2]
    for i in range(work.shape[0]):
        rows = _rows(work, i, how[0])
        for j in range((i + how[1]) & 1, w, 2):
            if _signed(skip[i, j]) >> how[0] & 1:
                continue
            predicted, kind = _context(flat, rows, w, n_channels, j, how, ladder)
            value, t = _signed(flat[rows[2] + n_channels * j]), width[kind]
            size, way = _error(value, predicted, peak)
            if t == 0 or size < begin[kind]:
                continue
            if _doubtful(value, way, t, peak):
                n += 1
                continue
            carries = size < begin[kind] + t
            farthest = value + way * (size - begin[kind] + 1 if carries else t)
            if _doubtful(farthest, way, t, peak):
                moved[n >> 3] |= 1 << (n & 7)
                n += 1
            elif carries:
                n_bits += 1
    return n, n_bits


@kernel
def expand(work: Samples, skip: U8, how: I64, ladder: U8, begin: I64, width: I64, bits: U8) -> tuple[int, int, int]:
    """Write bits (n,) of 0 and 1 into a layer until they end.

    Returns how many were written, how many samples of the layer were looked at, and the sum of squared changes.
    """
    n, seen, energy, peak = 0, 0, 0, how[5]
    flat, w, n_channels = work.reshape(-1), work.shape[1], work.shape[2]
    for i in range(work.shape[0]):
        rows = _rows(work, i, how[0])
        for j in range((i + how[1]) & 1, w, 2):
            if _signed(skip[i, j]) >> how[0] & 1:
                continue
            if n == bits.size:
                return n, seen, energy
            seen += 1
            predicted, kind = _context(flat, rows, w, n_channels, j, how, ladder)
            value, t = _signed(flat[rows[2] + n_channels * j]), width[kind]
            size, way = _error(value, predicted, peak)
            if t == 0 or size < begin[kind] or _doubtful(value, way, t, peak):
                continue
            change, beyond = t, size - begin[kind]
            if beyond < t and not _doubtful(value + way * (beyond + 1), way, t, peak):
                change = beyond + _signed(bits[n])
                n += 1
            flat[rows[2] + n_channels * j] = value + way * change
            energy += change * change
    return n, seen, energy


@kernel
def gather(work: Samples, skip: U8, how: I64, ladder: U8, begin: I64, width: I64, seen: int, bits: U8) -> int:
    """Read the bits of the first ``seen`` samples of a layer; return how many there are, ``bits`` ends before them."""
    n, left, peak = 0, seen, how[5]
    flat, w, n_channels = work.reshape(-1), work.shape[1], work.shape[2]
    for i in range(work.shape[0]):
        rows = _rows(work, i, how[0])
        for j in range((i + how[1]) & 1, w, 2):
            if _signed(skip[i, j]) >> how[0] & 1:
                continue
            if left == 0:
                return n
            left -= 1
            predicted, kind = _context(flat, rows, w, n_channels, j, how, ladder)
            value, t = _signed(flat[rows[2] + n_channels * j]), width[kind]
            size, way = _error(value, predicted, peak)
            beyond = size - begin[kind]
            if t == 0 or beyond < 0 or beyond >= 2 * t or _doubtful(value, way, t, peak):
                continue
            if n < bits.size:
                bits[n] = beyond & 1
            n += 1
    return n


@kernel
def undo(work: Samples, skip: U8, how: I64, ladder: U8, begin: I64, width: I64, seen: int, moved: U8) -> int:
    """Put the first ``seen`` samples of a layer back; return how many of them were doubtful."""
    n, left, peak = 0, seen, how[5]
    flat, w, n_channels = work.reshape(-1), work.shape[1], work.shape[2]
    for i in range(work.shape[0]):
        rows = _rows(work, i, how[0])
        for j in range((i + how[1]) & 1, w, 2):
            if _signed(skip[i, j]) >> how[0] & 1:
                continue
            if left == 0:
                return n
            left -= 1
            predicted, kind = _context(flat, rows, w, n_channels, j, how, ladder)
            value, t = _signed(flat[rows[2] + n_channels * j]), width[kind]
            size, way = _error(value, predicted, peak)
            beyond = size - begin[kind]
            if t == 0 or beyond < 0:
                continue
            change = t if beyond >= 2 * t else (beyond + 1) >> 1
            if _doubtful(value, way, t, peak):
                change = t if (n >> 3) < moved.size and moved[n >> 3] >> (n & 7) & 1 else 0
                n += 1
            flat[rows[2] + n_channels * j] = min(max(value - way * change, 0), peak)
    return n
