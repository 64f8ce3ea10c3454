"""What the kernels of SSIMULACRA2 and Butteraugli do, in plain loops and double precision: the specification."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


# Linear light and XYB: planes are (3, rows, width).


def linear(v: float) -> float:
    """Undo the transfer function of sRGB."""
    return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4


def linear_rows(rows: Array, width: int, background: float) -> Array:
    """Lay pixels over a background and undo the transfer function."""
    n, channels = rows.shape[0], rows.shape[1] // width
    out = np.zeros((3, n, width))
    for i in range(n):
        for x in range(width):
            pixel = [float(v) for v in rows[i, x * channels : (x + 1) * channels]]
            alpha = pixel[3] if channels == 4 else 1.0
            for c in range(3):
                value = pixel[c if channels > 1 else 0]
                out[c, i, x] = linear(alpha * value + (1 - alpha) * background)
    return out


def xyb(r: float, g: float, b: float) -> tuple[float, float, float]:
    """Return X, Y and B - Y of linear light, in the ranges of SSIMULACRA2."""
    bias = 0.0037930732552754493
    rows = [(0.3, 0.622, 0.078), (0.23, 0.692, 0.078)]
    rows.append((0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821))
    long, medium, short = (max(0.0, p * r + q * g + s * b + bias) ** (1 / 3) - bias ** (1 / 3) for p, q, s in rows)
    x, y = (long - medium) / 2, (long + medium) / 2
    return 14 * x + 0.42, y + 0.01, short - y + 0.55


def halve(plane: Array) -> Array:
    """Average 2 x 2 squares; an odd last row or column counts twice."""
    height, width = plane.shape
    out = np.zeros(((height + 1) // 2, (width + 1) // 2))
    for i in range(out.shape[0]):
        for x in range(out.shape[1]):
            for y2 in (2 * i, min(2 * i + 1, height - 1)):
                for x2 in (2 * x, min(2 * x + 1, width - 1)):
                    out[i, x] += float(plane[y2, x2]) / 4
    return out


# The recursive Gaussian.


def taps_of(sections: tuple[tuple[Any, ...], ...], radius: int = 5) -> list[float]:
    """Return the response to a single sample: each section is n x - d y[-1] - y[-2] of two samples 2 radius apart."""
    response = []
    length = 2 * radius - 1
    total = [0.0] * length
    for section in sections:
        n, minus_d = float(section[0]), float(section[4])
        last = before = 0.0
        response = []
        for _ in range(length):
            new = (n if not response else 0.0) + minus_d * last - before
            before, last = last, new
            response.append(new)
        total = [a + b for a, b in zip(total, response, strict=True)]
    return total


def smoothed(plane: Array, taps: list[float]) -> Array:
    """Filter along rows and columns; outside everything is zero."""
    reach = len(taps) // 2
    for _ in range(2):
        out = np.zeros(plane.shape)
        for i in range(plane.shape[0]):
            for x in range(plane.shape[1]):
                for k, tap in enumerate(taps):
                    if 0 <= x + k - reach < plane.shape[1]:
                        out[i, x] += tap * float(plane[i, x + k - reach])
        plane = out.T
    return plane


def by_fours(row: Array, sections: tuple[tuple[Any, ...], ...], radius: int = 5) -> Array:
    """Filter a row in float32, each product and sum rounded as the reference does, four outputs at a time."""
    f32 = np.float32

    def fused(a: Any, b: Any, c: Any) -> Any:
        return f32(float(a) * float(b) + float(c))  # the product is exact in double precision

    def sample(i: int) -> Any:
        return row[i] if 0 <= i < row.size else f32(0)

    out = np.zeros(row.size, f32)
    last, before = [f32(0)] * 3, [f32(0)] * 3
    n = 1 - radius
    while n < row.size:
        fours = 8 <= n < row.size - radius - 2
        s = [sample(n + k - radius - 1) + sample(n + k + radius - 1) for k in range(4 if fours else 1)]
        outputs = np.zeros((3, len(s)), f32)
        for band, c in enumerate(sections):
            for k in range(len(s)):
                value = c[k] * s[0]
                for j in range(1, k + 1):
                    value = fused(c[k - j], s[j], value)
                value = fused(c[8 + k], before[band], value)
                outputs[band, k] = fused(c[4 + k], last[band], value)
            before[band] = outputs[band, -2] if fours else last[band]
            last[band] = outputs[band, -1]
        for k in range(len(s)):
            if n + k >= 0:
                out[n + k] = outputs[0, k] + (outputs[1, k] + outputs[2, k])
        n += len(s)
    return out


# SSIMULACRA2.


def plane_errors(first: Array, second: Array, taps: list[float]) -> Array:
    """Add up the three errors and their fourth powers."""
    one, two = first.astype(float), second.astype(float)
    m1, m2, s11, s22, s12 = (smoothed(p, taps) for p in (one, two, one * one, two * two, one * two))
    sums = np.zeros(6)
    for i in range(one.shape[0]):
        for x in range(one.shape[1]):
            a, b = m1[i, x], m2[i, x]
            spread = s11[i, x] - a * a + s22[i, x] - b * b + 0.0009
            structure = 1 - (1 - (a - b) ** 2) * (2 * (s12[i, x] - a * b) + 0.0009) / spread
            edge = (1 + abs(two[i, x] - b)) / (1 + abs(one[i, x] - a)) - 1
            for k, error in enumerate((structure, edge, -edge)):
                sums[2 * k] += max(error, 0)
                sums[2 * k + 1] += max(error, 0) ** 4
    return sums


# Butteraugli: one sample at a time.

MIX = np.array(
    [
        [0.29956550340058319, 0.63373087833825936, 0.077705617820981968],
        [0.22158691104574774, 0.69391388044116142, 0.0987313588422],
        [0.02, 0.02, 0.20480129041026129],
    ]
)
REST = (1.7557483643287353, 1.7557483643287353, 12.226454707163354)


def opsin(light: Array, around: Array, nits: float) -> tuple[float, float, float]:
    """Return X, Y and B of linear light, whose surroundings set the sensitivity."""
    cones = []
    for c in range(3):
        seen = max(float(MIX[c] @ around) * nits + REST[c], REST[c])
        sensitivity = (19.245013259874995 * math.log(seen + 9.9710635769299145) - 23.16046239805755) / seen
        cones.append(max((float(MIX[c] @ light) * nits + REST[c]) * max(sensitivity, 1e-4), REST[c]))
    return cones[0] - cones[1], cones[0] + cones[1], cones[2]


def without(v: float, dead: float) -> float:
    """Remove the range around zero."""
    return v - dead if v > dead else v + dead if v < -dead else 0.0


def boosted(v: float, boost: float) -> float:
    """Double the range around zero."""
    return v + boost if v > boost else v - boost if v < -boost else 2 * v


def limited(v: float, limit: float) -> float:
    """Compress what is beyond the limit."""
    slope = 0.724216145665
    return limit + slope * (v - limit) if v > limit else -limit + slope * (v + limit) if v < -limit else v


def weighted_difference(a: float, b: float, level: float, both: float, one_sided: float) -> float:
    """Weigh the symmetric difference and what leaves the range from 0.55 a to 1.05 a."""
    share = 1 / (level + (abs(a) + abs(b)) / 2)
    low, high = sorted((0.55 * a, 1.05 * a))
    outside = max(low - b, b - high, 0)
    return share * (both * (a - b) + one_sided * outside * (-1 if a < b else 1))


def one_sided(a: float, b: float, both: float, extra: float) -> float:
    """Weigh the squared difference and the squared distance to the range from 0.4 a to a."""
    low, high = sorted((0.4 * a, a))
    return 0.8 * (both * (a - b) ** 2 + extra * max(low - b, b - high, 0) ** 2)


def activity(fine_x: float, high_x: float, fine_y: float, high_y: float) -> float:
    """Return the root of the activity."""
    gain, bias = 6.19424080439, 6.19424080439 * 12.61050594197
    size = math.hypot(2.5 * (fine_x + high_x), 0.4 * (fine_y + high_y))
    return math.sqrt(gain * size + bias) - math.sqrt(bias)


def error(mask: float, first: float, second: float, ac: float, dc: float) -> float:
    """Combine the errors behind their masks."""
    scale = 1 / (17.8 * math.log(80) / math.log(255))
    seen = scale * (1 + 2.5485944793 / (0.451936922203 * mask + 0.829591754942))
    seen_low = scale * (1 + 0.505054525019 / (3.87449418804 * mask + 0.20025578522))
    return math.sqrt((ac + 10 * (first - second) ** 2) * seen**2 + dc * seen_low**2)


def erode(plane: Array) -> Array:
    """Average the three least of a sample, twice itself, and its neighbours three away."""
    out = np.zeros(plane.shape)
    for i in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            own = float(plane[i, x])
            values = [own, 2 * own, 2 * own]
            for y2 in (i - 3, i, i + 3):
                for x2 in (x - 3, x, x + 3):
                    inside = 0 <= y2 < plane.shape[0] and 0 <= x2 < plane.shape[1]
                    if inside and (y2, x2) != (i, x):
                        values.append(float(plane[y2, x2]))
            values.sort()
            out[i, x] = 0.45 * values[0] + 0.3 * values[1] + 0.25 * values[2]
    return out


HALF_LINES_FINE = """
0,1 0,2 0,3 0,4; 1,0 2,0 3,0 4,0; 1,1 2,2 3,3; 1,-1 2,-2 3,-3
1,1 2,1 3,2; 1,-1 2,-1 3,-2; 1,1 1,2 2,3; 1,-1 1,-2 2,-3
1,0 2,1 3,1 4,1; 1,0 2,1 3,1 4,1; 1,0 2,-1 3,-1 4,-1; 1,0 2,-1 3,-1 4,-1
0,1 1,2 1,3 1,4; 0,1 1,2 1,3 1,4; 0,1 -1,2 -1,3 -1,4; 0,1 -1,2 -1,3 -1,4
"""
HALF_LINES_SPARSE = """
0,2 0,4; 2,0 4,0; 2,2 3,3; 2,-2 3,-3
2,1 4,1; 2,-1 4,-1; 1,2 1,4; -1,2 -1,4
2,1 3,2; 2,-1 3,-2; 1,2 2,3; -1,2 -2,3
2,1 4,2; 2,-1 4,-2; 1,2 2,4; -1,2 -2,4
"""


def lines(plane: Array, drawing: str) -> Array:
    """Add the squared sums along lines, of which half is drawn: (down, across) from the middle."""
    out = np.zeros(plane.shape)
    for line in drawing.strip().replace("\n", ";").split(";"):
        steps = [tuple(int(n) for n in step.split(",")) for step in line.split()]
        for i in range(plane.shape[0]):
            for x in range(plane.shape[1]):
                total = float(plane[i, x])
                for down, across in [*steps, *((-a, -b) for a, b in steps)]:
                    if 0 <= i + down < plane.shape[0] and 0 <= x + across < plane.shape[1]:
                        total += float(plane[i + down, x + across])
                out[i, x] += total * total
    return out
