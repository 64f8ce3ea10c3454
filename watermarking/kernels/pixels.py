"""Full-resolution passes: pixels to working-scale luma, working-scale residual to pixels.

Every array is C-contiguous; rows of pixels are given flattened, ``(rows, width * channels)``, so that the inner
loops run over samples and vectorise. Samples are uint8 grey levels, or float32 on the same 0..255 scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import kernel, reduction

__all__ = ["add_residual", "colour_boxes", "interpolate", "luma_box", "luma_box_alpha"]

F32 = npt.NDArray[np.float32]


@kernel
def _sum_rows(rows: Any, first: int, n: int, total: F32) -> None:
    """Write the sum of n rows, before samples are told apart: these loops are all SIMD."""
    row = rows[first]
    for j in range(total.shape[0]):
        total[j] = row[j]
    for k in range(1, n):
        row = rows[first + k]
        for j in range(total.shape[0]):
            total[j] += row[j]


@kernel
def _luma_row(row: Any, weights: F32, out: F32) -> None:
    """Write the luma of a row of RGB pixels: written out, the loop is SIMD."""
    red, green, blue = weights[0], weights[1], weights[2]
    for x in range(out.shape[0]):
        out[x] = red * row[3 * x] + green * row[3 * x + 1] + blue * row[3 * x + 2]


@kernel
def luma_box(rows: Any, channels: int, scale: int, weights: F32, out: F32) -> None:
    """Write the luma of ``rows`` averaged over ``scale`` x ``scale`` boxes.

    rows (out.shape[0] * scale, width * channels); weights (channels,), zero for alpha; out (h, w).
    """
    height, width = out.shape
    if scale == 1 and channels == 3:
        for i in range(height):
            _luma_row(rows[i], weights, out[i])
        return
    total = np.empty(width * scale * channels, np.float32)
    norm = np.float32(1.0 / (scale * scale))
    for i in range(height):
        _sum_rows(rows, i * scale, scale, total)
        for x in range(width):
            value = np.float32(0)
            start = x * scale * channels
            for c in range(channels):
                part = np.float32(0)
                for k in range(scale):
                    part += total[start + k * channels + c]
                value += weights[c] * part
            out[i, x] = value * norm


@kernel
def colour_boxes(rows: Any, channels: int, scale: int, out: F32) -> None:
    """Write the means of ``scale`` x ``scale`` boxes of each of the first channels: rows as above, out (n, h, w)."""
    n_colours, height, width = out.shape
    total = np.empty(width * scale * channels, np.float32)
    norm = np.float32(1.0 / (scale * scale))
    for i in range(height):
        _sum_rows(rows, i * scale, scale, total)
        for x in range(width):
            start = x * scale * channels
            for c in range(n_colours):
                value = np.float32(0)
                for k in range(scale):
                    value += total[start + k * channels + c]
                out[c, i, x] = value * norm


@kernel
def luma_box_alpha(rows: Any, scale: int, weights: F32, neutral: float, out: F32) -> None:
    """Like :func:`luma_box` for RGBA, with fully transparent pixels read as ``neutral`` grey."""
    height, width = out.shape
    norm = np.float32(1.0 / (scale * scale))
    grey = np.float32(neutral)
    for i in range(height):
        for x in range(width):
            value = np.float32(0)
            for k in range(scale):
                row = rows[i * scale + k]
                for j in range(4 * x * scale, 4 * (x + 1) * scale, 4):
                    if row[j + 3] == 0:
                        value += grey
                    else:
                        value += weights[0] * row[j] + weights[1] * row[j + 1] + weights[2] * row[j + 2]
            out[i, x] = value * norm


@kernel
def _expand(residual: F32, channels: int, scale: int, weights: F32, out: F32) -> None:
    """Interpolate one working row linearly to full width and spread it over the channels.

    Between any two working pixels the fractions are the same: they are worked out once, not for each sample.
    """
    span, last = scale * channels, residual.shape[0] - 1
    fractions, shares = np.empty(span, np.float32), np.empty(span, np.float32)
    for k in range(span):
        fractions[k] = (scale // 2 + k // channels + 0.5) / scale - 0.5
        shares[k] = weights[k % channels]
    start = scale // 2 * channels
    for j in range(min(start, out.shape[0])):
        out[j] = residual[0] * weights[j % channels]
    for i in range((out.shape[0] - start + span - 1) // span):
        value = residual[min(i, last)]
        change = residual[min(i + 1, last)] - value
        target = out[start + i * span : min(start + (i + 1) * span, out.shape[0])]
        for k in range(target.shape[0]):
            target[k] = (value + fractions[k] * change) * shares[k]


@reduction
def _energy(values: F32) -> float:
    total = np.float32(0)
    for j in range(values.shape[0]):
        total += values[j] * values[j]
    return float(total)


@kernel
def add_residual(
    rows: Any, first: int, residual: F32, channels: int, scale: int, weights: F32, step: float, masked: bool, out: Any
) -> float:
    """Add a residual, interpolated to full resolution, to a band of rows; return the sum of squared changes.

    Parameters
    ----------
    rows, out : (n, width * channels); may be of the same memory
    first : index of ``rows[0]`` in the picture
    residual : (h, w) float32 at the working scale, grey levels
    weights : (channels,) how much of the residual each channel takes
    step : quantisation step of the output; 1 rounds to integers (ties upwards), 0 leaves floats
    masked : whether the last channel is alpha and pixels with alpha 0 stay untouched
    """
    n, samples = rows.shape
    last = residual.shape[0] - 1
    upper = np.empty(samples, np.float32)
    lower = np.empty(samples, np.float32)
    change = np.empty(samples, np.float32)
    loaded = -9  # no row: the first is -1
    energy = 0.0
    for i in range(n):
        position = (first + i + 0.5) / scale - 0.5
        top = int(np.floor(position))
        t = np.float32(position - top)
        if top != loaded:
            if top == loaded + 1:
                upper, lower = lower, upper
            else:
                _expand(residual[min(max(top, 0), last)], channels, scale, weights, upper)
            _expand(residual[min(max(top + 1, 0), last)], channels, scale, weights, lower)
            loaded = top
        row, target = rows[i], out[i]
        for j in range(samples):
            old = np.float32(row[j])
            new = old + (upper[j] + t * (lower[j] - upper[j]))
            if step > 0:
                new = np.floor(new + np.float32(0.5))
            change[j] = min(max(new, np.float32(0)), np.float32(255)) - old
        if masked:
            for j in range(0, samples, channels):
                if row[j + channels - 1] == 0:
                    change[j : j + channels] = 0
        for j in range(samples):
            target[j] = row[j] + change[j]
        energy += _energy(change)
    return energy


@kernel
def interpolate(source: F32, scale: int, out: F32) -> None:
    """Interpolate linearly by a whole factor; ``out`` may be larger than ``source`` times ``scale``: edges continue."""
    rows = source.shape[0]
    one = np.ones(1, np.float32)
    upper, lower = np.empty(out.shape[1], np.float32), np.empty(out.shape[1], np.float32)
    loaded = -2
    for i in range(out.shape[0]):
        position = (i + 0.5) / scale - 0.5
        top = int(np.floor(position))
        t = np.float32(position - top)
        if top != loaded:
            _expand(source[min(max(top, 0), rows - 1)], 1, scale, one, upper)
            _expand(source[min(max(top + 1, 0), rows - 1)], 1, scale, one, lower)
            loaded = top
        for j in range(out.shape[1]):
            out[i, j] = upper[j] + t * (lower[j] - upper[j])
