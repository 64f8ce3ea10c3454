"""What every kernel does, in plain loops and double precision: the specification.

Kernels work in single precision, so they agree with these to a relative 1e-4 or so; where a test makes all sums exact
(small whole numbers, scales that are powers of two) they agree to the last bit, ties in rounding included.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]


# Pixels: rows are (n, width * channels).


def luma_box(rows: Array, channels: int, scale: int, weights: Array, shape: tuple[int, int]) -> Array:
    """Average the weighted channels over scale x scale boxes."""
    out = np.zeros(shape)
    for i in range(shape[0]):
        for x in range(shape[1]):
            for row in rows[i * scale : (i + 1) * scale]:
                for j in range(x * scale * channels, (x + 1) * scale * channels):
                    out[i, x] += float(weights[j % channels]) * float(row[j]) / scale**2
    return out


def colour_boxes(rows: Array, channels: int, scale: int, shape: tuple[int, int, int]) -> Array:
    """Average each of the first channels over scale x scale boxes."""
    out = np.zeros(shape)
    for c, i, x in np.ndindex(shape):
        box = rows[i * scale : (i + 1) * scale, x * scale * channels : (x + 1) * scale * channels]
        out[c, i, x] = box[:, c::channels].astype(np.float64).mean()
    return out


def luma_box_alpha(rows: Array, scale: int, weights: Array, neutral: float, shape: tuple[int, int]) -> Array:
    """Do the same for RGBA; pixels whose alpha is 0 count as ``neutral``, every other alpha is ignored."""
    out = np.zeros(shape)
    for i in range(shape[0]):
        for x in range(shape[1]):
            for row in rows[i * scale : (i + 1) * scale]:
                for j in range(4 * x * scale, 4 * (x + 1) * scale, 4):
                    luma = sum(float(weights[c]) * float(row[j + c]) for c in range(3))
                    out[i, x] += (luma if row[j + 3] else neutral) / scale**2
    return out


def sample(source: Array, y: int, x: int, scale: int) -> float:
    """Interpolate linearly between the centres of working pixels; outside the outermost centres, their values."""
    value = 0.0
    down, across = (y + 0.5) / scale - 0.5, (x + 0.5) / scale - 0.5
    top, left = math.floor(down), math.floor(across)
    for row, v in ((top, top + 1 - down), (top + 1, down - top)):
        for col, u in ((left, left + 1 - across), (left + 1, across - left)):
            inside = min(max(row, 0), source.shape[0] - 1), min(max(col, 0), source.shape[1] - 1)
            value += v * u * float(source[inside])
    return value


def interpolate(source: Array, scale: int, shape: tuple[int, int]) -> Array:
    """Sample everywhere."""
    return np.array([[sample(source, y, x, scale) for x in range(shape[1])] for y in range(shape[0])])


def add_residual(
    rows: Array, first: int, residual: Array, channels: int, scale: int, weights: Array, step: float, masked: bool
) -> tuple[Array, float]:
    """Add the interpolated residual, round (halves upwards, before clipping) if ``step`` is 1, clip to 0..255."""
    out, energy = rows.astype(np.float64), 0.0
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            pixel, channel = divmod(j, channels)
            if masked and rows[i, pixel * channels + channels - 1] == 0:
                continue
            new = float(rows[i, j]) + float(weights[channel]) * sample(residual, first + i, pixel, scale)
            if step:
                new = math.floor(new + 0.5)
            out[i, j] = min(max(new, 0.0), 255.0)
            energy += (out[i, j] - float(rows[i, j])) ** 2
    return out, energy


def energy(values: Array) -> float:
    """Add up squares."""
    return sum(float(value) ** 2 for value in values)


# Chips and transforms.


def box_mean(plane: Array, side: int, shape: tuple[int, int]) -> Array:
    """Average side x side squares."""
    return luma_box(plane, 1, side, np.ones(1), shape)


def subtract_surroundings(source: Array, taps: Array) -> Array:
    """Subtract the mean of the neighbours, weighted by the outer product of the taps, edges repeated."""
    reach = len(taps) // 2
    padded = np.pad(source.astype(np.float64), reach, mode="edge")
    out = source.astype(np.float64)
    for r in range(source.shape[0]):
        for c in range(source.shape[1]):
            for y, down in enumerate(taps):
                for x, across in enumerate(taps):
                    out[r, c] -= float(down) * float(across) * padded[r + y, c + x]
    return out


def busyness(plane: Array, side: int, shape: tuple[int, int]) -> Array:
    """Average the magnitudes of the differences to the right and below in squares, then over 3x3 squares."""
    own, out = np.zeros(shape), np.zeros(shape)
    for y, x in np.ndindex(plane.shape):
        if y < shape[0] * side and x < shape[1] * side:
            for near in ((y, x + 1), (y + 1, x)):
                if near[0] < plane.shape[0] and near[1] < plane.shape[1]:
                    own[y // side, x // side] += abs(float(plane[near]) - float(plane[y, x])) / 2 / side**2
    for r, c in np.ndindex(shape):
        out[r, c] = own[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].mean()
    return out


def blocks_forward(plane: Array, basis: Array, modes: Array) -> Array:
    """Correlate each whole 8x8 block with the outer product of two basis vectors."""
    out = np.zeros((plane.shape[0] // 8, plane.shape[1] // 8, len(modes)))
    for r, c, i in np.ndindex(out.shape):
        for y, x in np.ndindex(8, 8):
            out[r, c, i] += float(basis[modes[i][0], y]) * float(basis[modes[i][1], x]) * plane[8 * r + y, 8 * c + x]
    return out


def blocks_inverse(bands: Array, basis: Array, modes: Array, shape: tuple[int, int]) -> Array:
    """Add up the outer products, zeros where there is no whole block."""
    out = np.zeros(shape)
    for r, c, i in np.ndindex(bands.shape):
        for y, x in np.ndindex(8, 8):
            out[8 * r + y, 8 * c + x] += float(basis[modes[i][0], y]) * float(basis[modes[i][1], x]) * bands[r, c, i]
    return out


def filter_rows(source: Array, taps: Array, shift: int) -> Array:
    """Convolve every row with the taps, periodically, and keep every second sample from ``shift`` on."""
    rows, n = source.shape
    out = np.zeros((rows, n // 2))
    for r, i in np.ndindex(out.shape):
        for k, tap in enumerate(taps):
            out[r, i] += float(tap) * float(source[r, (2 * i + shift - k) % n])
    return out


def filter_columns(source: Array, taps: Array, shift: int) -> Array:
    """Do it to the columns."""
    return filter_rows(source.T, taps, shift).T


def upsample_rows(source: Array, taps: Array, shift: int) -> Array:
    """Put a zero after each sample of every row, convolve periodically, advance by ``shift``."""
    rows, half = source.shape
    out = np.zeros((rows, 2 * half))
    for r, i in np.ndindex(source.shape):
        for k, tap in enumerate(taps):
            out[r, (2 * i + k - shift) % (2 * half)] += float(tap) * float(source[r, i])
    return out


def upsample_columns(source: Array, taps: Array, shift: int) -> Array:
    """Do it to the columns."""
    return upsample_rows(source.T, taps, shift).T


# Spread spectrum over bands (rows, cols, n_bands).


def activity(bands: Array) -> tuple[Array, Array, Array]:
    """Return each band's mean magnitude plus 0.001, each cell's, and each cell's after division by the bands'."""
    magnitude = np.abs(bands.astype(np.float64))
    level = np.array([np.mean(magnitude[..., b]) for b in range(bands.shape[2])]) + 1e-3
    raw, relative = np.zeros(bands.shape[:2]), np.zeros(bands.shape[:2])
    for r, c in np.ndindex(raw.shape):
        raw[r, c] = np.mean(magnitude[r, c])
        relative[r, c] = np.mean(magnitude[r, c] / level)
    return level, raw, relative


def shape_weights(
    bands: Array, activities: tuple[Array, Array, Array], shape: Array, floor: float, exponent: float, noises: Array
) -> tuple[Array, Array]:
    """Return the mask and, a noise variance, the matched filter's weights; neighbours outside the picture are left out.

    ``a`` is half the mean activity of the 3x3 cells around plus half the least of that mean and the cell's own. The
    deviation of a coefficient is 0.625 (mean magnitude of its band in the 3x3 cells + relative activity times level).
    """
    level, raw, relative = activities
    mask, weights = np.zeros(bands.shape), np.zeros((len(noises), *bands.shape))
    for r, c in np.ndindex(bands.shape[:2]):
        near = np.s_[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2]
        around = float(np.mean(raw[near]))
        base = (floor + 0.5 * (around + min(around, float(raw[r, c])))) ** exponent
        for b in range(bands.shape[2]):
            local = float(np.mean(np.abs(bands[near][..., b].astype(np.float64))))
            variance = (0.625 * (local + float(np.mean(relative[near])) * float(level[b]))) ** 2
            variance += 0.25 * max(float(bands[r, c, b]) ** 2 - variance, 0.0)
            mask[r, c, b] = base * float(shape[b])
            weights[:, r, c, b] = mask[r, c, b] / (noises.astype(np.float64) + variance)
    return mask, weights


class Tiles:
    """Which slot a place belongs to, and with which sign."""

    def __init__(self, slots: Array, offsets: Array, signs: Array, tile: tuple[int, int], across: int) -> None:
        self.slots, self.offsets, self.signs, self.tile, self.across = slots, offsets, signs, tile, across

    def slot(self, row: int, col: int, band: int, n_bands: int) -> tuple[int, float]:
        down, right = row // self.tile[0], col // self.tile[1]
        number = down * self.across + right
        place = ((row % self.tile[0]) * self.tile[1] + col % self.tile[1]) * n_bands + band
        turned = (place + int(self.offsets[number])) % len(self.slots)
        return int(self.slots[turned]), float(self.signs[number, place])


def despread(bands: Array, weights: Array, tiles: Tiles, origin: tuple[int, int]) -> tuple[Array, Array]:
    """Return each slot's sum of sign times weight times coefficient, and the sum of the squares of these products."""
    sums, energies = np.zeros(len(tiles.slots)), np.zeros(len(tiles.slots))
    for r, c, b in np.ndindex(bands.shape):
        slot, sign = tiles.slot(origin[0] + r, origin[1] + c, b, bands.shape[2])
        value = float(weights[r, c, b]) * float(bands[r, c, b])
        sums[slot] += sign * value
        energies[slot] += value**2
    return sums, energies


def agreement(
    bands: Array, weights: Array, mask: Array, tiles: Tiles, origin: tuple[int, int], chips: Array
) -> tuple[Array, Array, Array]:
    """Return of each cell: the sum with the signs it should have, what a unit of amplitude adds, the squares' sum."""
    agreed, expected, variance = (np.zeros(bands.shape[:2]) for _ in range(3))
    for r, c, b in np.ndindex(bands.shape):
        slot, sign = tiles.slot(origin[0] + r, origin[1] + c, b, bands.shape[2])
        value = float(weights[r, c, b]) * float(bands[r, c, b])
        agreed[r, c] += sign * float(chips[slot]) * value
        expected[r, c] += float(weights[r, c, b]) * float(mask[r, c, b])
        variance[r, c] += value**2
    return agreed, expected, variance


def gather_groups(
    bands: Array, mask: Array, weights: Array, tiles: Tiles, chips: Array, groups: Array
) -> tuple[Array, Array, Array]:
    """Return, a group of slots: what the host adds to the wanted sign, what a unit of amplitude adds and costs."""
    host, gain, power = (np.zeros(int(groups.max()) + 1) for _ in range(3))
    for r, c, b in np.ndindex(bands.shape):
        slot, sign = tiles.slot(r, c, b, bands.shape[2])
        weight, shape = float(weights[r, c, b]), float(mask[r, c, b])
        host[groups[slot]] += sign * float(chips[slot]) * weight * float(bands[r, c, b])
        gain[groups[slot]] += weight * shape
        power[groups[slot]] += shape**2
    return host, gain, power


def spread(mask: Array, tiles: Tiles, amplitudes: Array) -> Array:
    """Return the change of each coefficient: mask times sign times its slot's amplitude."""
    out = np.zeros(mask.shape)
    for r, c, b in np.ndindex(mask.shape):
        slot, sign = tiles.slot(r, c, b, mask.shape[2])
        out[r, c, b] = float(mask[r, c, b]) * sign * float(amplitudes[slot])
    return out


def wave_power(power: Array, width: int, frequencies: Array, matrix: Array) -> float:
    """Sum the half spectrum's nearest bins at ``matrix @ f``, of all waves f; nothing beyond Nyquist's bin."""
    total, height = 0.0, power.shape[0]
    for frequency in frequencies:
        v, u = matrix @ frequency
        if u < 0:
            v, u = -v, -u
        row, col = math.floor(v * height + 0.5), math.floor(u * width + 0.5)
        if col <= width // 2 and -(height // 2) <= row <= (height + 1) // 2:
            total += float(power[row % height, col])
    return total


def similarity(scale: float, angle: float, flip: float) -> Array:
    """Return R(angle) diag(1, flip) / scale."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]]) @ np.diag([1.0, flip]) / scale
