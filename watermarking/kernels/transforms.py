"""Transforms of the working plane into bands of coefficients, (rows, columns, bands) float32, and back.

A cell is the square of working pixels that one coefficient of every band belongs to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import kernel

__all__ = ["blocks_forward", "blocks_inverse", "filter_columns", "filter_rows", "upsample_columns", "upsample_rows"]

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


@kernel
def blocks_forward(plane: F32, basis: F32, modes: I64, out: F32) -> None:
    """Project every 8x8 block on chosen separable basis pictures.

    basis (8, 8), one basis vector a row; modes (n, 2), vertical and horizontal index; out (rows, cols, n).
    """
    rows, cols, n = out.shape
    half = np.empty((8, 8), np.float32)
    highest = modes[:, 1].max() + 1
    for r in range(rows):
        for c in range(cols):
            for y in range(8):
                for v in range(highest):
                    value = np.float32(0)
                    for x in range(8):
                        value += plane[8 * r + y, 8 * c + x] * basis[v, x]
                    half[v, y] = value
            for i in range(n):
                value = np.float32(0)
                for y in range(8):
                    value += half[modes[i, 1], y] * basis[modes[i, 0], y]
                out[r, c, i] = value


@kernel
def blocks_inverse(bands: F32, basis: F32, modes: I64, out: F32) -> None:
    """Write the blocks that have the given coefficients and zeros elsewhere: the transpose of ``blocks_forward``."""
    rows, cols, n = bands.shape
    half = np.empty((8, 8), np.float32)
    highest = modes[:, 1].max() + 1
    for r in range(rows):
        for c in range(cols):
            half[:] = 0
            for i in range(n):
                for y in range(8):
                    half[modes[i, 1], y] += bands[r, c, i] * basis[modes[i, 0], y]
            for y in range(8):
                for x in range(8):
                    value = np.float32(0)
                    for v in range(highest):
                        value += half[v, y] * basis[v, x]
                    out[8 * r + y, 8 * c + x] = value


@kernel
def _continue(row: F32, margin: int, n: int) -> None:
    """Continue the n samples that begin at ``margin`` periodically to both ends of the row."""
    for j in range(margin):
        row[j] = row[margin + (j - margin) % n]
    for j in range(margin + n, row.shape[0]):
        row[j] = row[margin + (j - margin) % n]


@kernel
def _add_scaled(value: np.float32, source: F32, target: F32) -> None:
    for i in range(target.shape[0]):
        target[i] += value * source[i]


@kernel
def filter_rows(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Filter along the columns of every row and keep every second sample, the row continued periodically.

    out[r, i] = sum_k taps[k] source[r, (2 i + shift - k) mod n]; source (r, n), out (r, n / 2).
    Even and odd samples are told apart first: every tap then adds a run of one of them, in SIMD.
    """
    rows, half = out.shape
    margin = (taps.shape[0] + abs(shift)) // 2 + 1
    phases = np.empty((2, half + 2 * margin), np.float32)
    for r in range(rows):
        row, target = source[r], out[r]
        for i in range(half):
            phases[0, margin + i] = row[2 * i]
            phases[1, margin + i] = row[2 * i + 1]
        _continue(phases[0], margin, half)
        _continue(phases[1], margin, half)
        target[:] = 0
        for k in range(taps.shape[0]):
            if taps[k] != 0:
                start = margin + ((shift - k) >> 1)
                _add_scaled(taps[k], phases[(shift - k) & 1, start : start + half], target)


@kernel
def filter_columns(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Do what :func:`filter_rows` does along the other axis; source (n, c), out (n / 2, c)."""
    n = source.shape[0]
    for i in range(n // 2):
        out[i] = 0
        for k in range(taps.shape[0]):
            if taps[k] != 0:
                _add_scaled(taps[k], source[(2 * i + shift - k) % n], out[i])


@kernel
def upsample_rows(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Put zeros between the samples of every row, filter, and add to ``out``: the inverse's half of a band.

    out[r, (2 i + k - shift) mod n] += taps[k] source[r, i]; source (r, n / 2), out (r, n).
    """
    rows, half = source.shape
    length, margin = taps.shape[0], (taps.shape[0] + abs(shift)) // 2 + 1
    continued = np.empty(half + 2 * margin, np.float32)
    phases = np.empty((2, half), np.float32)
    for r in range(rows):
        target = out[r]
        for i in range(half):
            continued[margin + i] = source[r, i]
            phases[0, i] = target[2 * i]
            phases[1, i] = target[2 * i + 1]
        _continue(continued, margin, half)
        for k in range(length - 1, -1, -1):  # in the order of the samples, as the sum above has it
            if taps[k] != 0:
                start = margin + ((shift - k + 1) >> 1)
                _add_scaled(taps[k], continued[start : start + half], phases[(k - shift) & 1])
        for i in range(half):
            target[2 * i] = phases[0, i]
            target[2 * i + 1] = phases[1, i]


@kernel
def upsample_columns(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Do what :func:`upsample_rows` does along the other axis; source (n / 2, c), out (n, c)."""
    n = out.shape[0]
    for i in range(n // 2):
        for k in range(taps.shape[0]):
            if taps[k] != 0:
                _add_scaled(taps[k], source[i], out[(2 * i + k - shift) % n])
