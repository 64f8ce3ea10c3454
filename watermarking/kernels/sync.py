"""Looking for keyed waves: sums over spectra for many linear maps.

What is summed is a table of the power at each frequency, made by :func:`level_spectrum`: half a spectrum, its rows in
the order of their frequencies, with a border of zeros. The innermost loop then has no case to tell apart: a frequency
is mirrored into the half, and one beyond the spectrum is moved onto the border. Loops of that kind vectorise, and take
a fifth of the time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import ieee_kernel, inlined, kernel, reduction

__all__ = ["level_spectrum", "score_maps", "score_similarities", "score_turned", "sum_surfaces"]

C64 = npt.NDArray[np.complex64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@ieee_kernel
def level_spectrum(values: C64, level: F32, cap: float, table: F32) -> None:
    """Divide a half spectrum by the root of what is usual near each bin, in place, and tabulate its power.

    Parameters
    ----------
    values : (h, w // 2 + 1) complex64, w even
    level : the same shape, the mean power near each bin
    cap : larger powers count as this
    table : (h + 3, w // 2 + 2), filled. Row 1 is at frequency -1/2, row h // 2 + 1 at 0, row h + 1 at 1/2; the last
        column and the rows outside are zero.
    """
    height, columns = values.shape
    low = height // 2
    table[0], table[height + 2], table[:, columns] = 0, 0, 0
    most, one = np.float32(cap), np.float32(1)
    for row in range(height):
        target = table[row + low + 1 if row < height - low else row - (height - low) + 1]
        for col in range(columns):
            part = values[row, col] * (one / np.sqrt(level[row, col]))
            values[row, col] = part
            target[col] = min(part.real * part.real + part.imag * part.imag, most)
    table[height + 1] = table[1]


@inlined
def _bin(row: np.float32, col: np.float32, size: tuple[int, int]) -> np.int32:
    """Return the place of the bin nearest to a frequency, in bins, in a flat table of a spectrum of this height."""
    height, columns = size
    sign = np.float32(1) if col >= np.float32(0) else np.float32(-1)
    row = np.float32(height // 2 + 1.5) + sign * row
    row = min(max(row, np.float32(0)), np.float32(height + 2))
    col = min(sign * col + np.float32(0.5), np.float32(columns - 1))
    return np.int32(row) * np.int32(columns) + np.int32(col)


@inlined
def _sum(flat: F32, places: I32) -> np.float32:
    total = np.float32(0)
    for k in range(places.size):
        total += flat[places[k]]
    return total


@reduction
def score_similarities(table: F32, frequencies: F64, scales: F64, n_angles: I64, flip: float, out: F32) -> None:
    """Sum the power of all waves for every scale and rotation by less than half a turn.

    A wave f is looked for at R(angle) diag(1, flip) f / scale, the angle counted from rows to columns. The angles of
    ``scales[i]`` are pi j / n_angles[i], j = 0, 1, ...; ``out`` holds them scale after scale.
    """
    flat, size = table.ravel(), (table.shape[0] - 3, table.shape[1])
    rows, cols = frequencies[:, 0].astype(np.float32), (flip * frequencies[:, 1]).astype(np.float32)
    tall, wide = np.float32(size[0]), np.float32(2 * (size[1] - 2))
    places = np.empty(rows.size, np.int32)
    place = 0
    for i in range(scales.shape[0]):
        for j in range(n_angles[i]):
            angle = np.pi * j / n_angles[i]
            c, s = np.float32(np.cos(angle) / scales[i]), np.float32(np.sin(angle) / scales[i])
            for k in range(rows.size):
                places[k] = _bin(tall * (c * rows[k] - s * cols[k]), wide * (s * rows[k] + c * cols[k]), size)
            out[place] = _sum(flat, places)
            place += 1


@reduction
def score_turned(table: F32, frequencies: F64, scales: F64, angles: F64, aspects: F64, first: bool, out: F32) -> None:
    """Sum the power of all waves for upright pictures whose edges were scaled apart, and that were turned.

    A wave f is looked for at R(angle) D f / scale with D = diag(exp(aspect / 2), exp(-aspect / 2)), or at
    D R(angle) f / scale where the turn was ``first``.

    Parameters
    ----------
    angles : (n,) radians, counted from rows to columns
    aspects : (m,) natural logarithms of one edge's scale by the other's
    out : (len(scales), n, m)
    """
    flat, size = table.ravel(), (table.shape[0] - 3, table.shape[1])
    rows, cols = frequencies[:, 0].astype(np.float32), frequencies[:, 1].astype(np.float32)
    tall, wide = np.float32(size[0]), np.float32(2 * (size[1] - 2))
    places = np.empty(rows.size, np.int32)
    for i in range(scales.size):
        for j in range(angles.size):
            c, s = np.cos(angles[j]) / scales[i], np.sin(angles[j]) / scales[i]
            for n in range(aspects.size):
                longer, shorter = np.exp(aspects[n] / 2), np.exp(-aspects[n] / 2)
                a, b = tall * np.float32(c * longer), tall * np.float32(-s * (longer if first else shorter))
                d, e = wide * np.float32(s * (shorter if first else longer)), wide * np.float32(c * shorter)
                for k in range(rows.size):
                    places[k] = _bin(a * rows[k] + b * cols[k], d * rows[k] + e * cols[k], size)
                out[i, j, n] = _sum(flat, places)


@reduction
def score_maps(table: F32, frequencies: F64, maps: F64, out: F32) -> None:
    """Sum the power of all waves for every linear map (m, 2, 2): a wave f is looked for at map @ f."""
    flat, size = table.ravel(), (table.shape[0] - 3, table.shape[1])
    rows, cols = frequencies[:, 0].astype(np.float32), frequencies[:, 1].astype(np.float32)
    tall, wide = np.float32(size[0]), np.float32(2 * (size[1] - 2))
    places = np.empty(rows.size, np.int32)
    for m in range(maps.shape[0]):
        a, b = tall * np.float32(maps[m, 0, 0]), tall * np.float32(maps[m, 0, 1])
        c, d = wide * np.float32(maps[m, 1, 0]), wide * np.float32(maps[m, 1, 1])
        for k in range(rows.size):
            places[k] = _bin(a * rows[k] + b * cols[k], c * rows[k] + d * cols[k], size)
        out[m] = _sum(flat, places)


@kernel
def sum_surfaces(surfaces: F64, first: float, step: float, fields: F64, out: F64) -> None:
    """Add up one value of every block's surface, for several fields of displacement.

    Parameters
    ----------
    surfaces : (n, m, m), values at displacements (rows, columns) of ``first + step * i``
    first, step : pixels
    fields : (k, 2, n), pixels; a surface is interpolated linearly, and is zero beyond its grid
    out : (k,)
    """
    n, size = surfaces.shape[:2]
    highest = size - 1.001
    for k in range(fields.shape[0]):
        total = 0.0
        for block in range(n):
            row, col = (fields[k, 0, block] - first) / step, (fields[k, 1, block] - first) / step
            if 0 <= row <= highest and 0 <= col <= highest:
                i, j = int(row), int(col)
                r, c = row - i, col - j
                here, below = surfaces[block, i], surfaces[block, i + 1]
                total += (1 - r) * ((1 - c) * here[j] + c * here[j + 1]) + r * ((1 - c) * below[j] + c * below[j + 1])
        out[k] = total
