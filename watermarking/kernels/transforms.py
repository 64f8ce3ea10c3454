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
def filter_rows(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Filter along the columns of every row and keep every second sample, the row continued periodically.

    out[r, i] = sum_k taps[k] source[r, (2 i + shift - k) mod n]; source (r, n), out (r, n / 2).
    """
    rows, n = source.shape
    length = taps.shape[0]
    for r in range(rows):
        for i in range(n // 2):
            value = np.float32(0)
            place = 2 * i + shift
            if place >= length and place < n:
                for k in range(length):
                    value += taps[k] * source[r, place - k]
            else:
                for k in range(length):
                    value += taps[k] * source[r, (place - k) % n]
            out[r, i] = value


@kernel
def filter_columns(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Do what :func:`filter_rows` does along the other axis; source (n, c), out (n / 2, c)."""
    n, cols = source.shape
    for i in range(n // 2):
        out[i] = 0
        for k in range(taps.shape[0]):
            row = source[(2 * i + shift - k) % n]
            for c in range(cols):
                out[i, c] += taps[k] * row[c]


@kernel
def upsample_rows(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Put zeros between the samples of every row, filter, and add to ``out``: the inverse's half of a band.

    out[r, (2 i + k - shift) mod n] += taps[k] source[r, i]; source (r, n / 2), out (r, n).
    """
    rows, n = out.shape
    length = taps.shape[0]
    for r in range(rows):
        for i in range(n // 2):
            place = 2 * i - shift
            value = source[r, i]
            if place >= 0 and place + length <= n:
                for k in range(length):
                    out[r, place + k] += taps[k] * value
            else:
                for k in range(length):
                    out[r, (place + k) % n] += taps[k] * value


@kernel
def upsample_columns(source: F32, taps: F32, shift: int, out: F32) -> None:
    """Do what :func:`upsample_rows` does along the other axis; source (n / 2, c), out (n, c)."""
    n, cols = out.shape
    for i in range(n // 2):
        for k in range(taps.shape[0]):
            row = out[(2 * i + k - shift) % n]
            for c in range(cols):
                row[c] += taps[k] * source[i, c]
