"""Movements of pixels that no single matrix describes: lines left out, random bending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, number
from watermarking.attacks.resampling import displace

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.attacks.attack import Matrix, Pixels, Size

    Field = npt.NDArray[np.float32]

__all__ = ["Bend", "MicroGeometry", "RemoveLines"]

_SEEN_AT = 64  # places along each edge at which a field's largest value is looked for


@dataclass(frozen=True)
class RemoveLines(Attack):
    """Leave out rows and columns at random places; at least one of each stays."""

    id = "remove_lines"
    family = "geometry"
    geometric = True
    rows: int = number(5, 0, 65500)
    columns: int = number(5, 0, 65500)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Choose the lines and delete them."""
        for axis, count in enumerate((self.rows, self.columns)):
            length = pixels.shape[axis]
            gone = rng.choice(length, size=min(count, length - 1), replace=False)
            pixels = np.delete(pixels, gone, axis=axis)
        return pixels

    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix | None, Size]:
        """Return the size alone: no matrix leaves lines out."""
        for length, count in zip(size, (self.rows, self.columns), strict=True):
            rng.choice(length, size=min(count, length - 1), replace=False)
        return None, (max(1, size[0] - self.rows), max(1, size[1] - self.columns))


@dataclass(frozen=True)
class Bend(Attack):
    """Bend the picture at random on the same canvas, as StirMark does.

    Three movements add up: the four corners go astray, the middle bulges, and a finer wave runs over the picture.
    Each is at most `amplitude`, a share of the shorter edge, in x and in y; the wave has a tenth of it. (Petitcolas,
    Anderson and Kuhn, "Attacks on copyright marking systems", Information Hiding 1998.)
    """

    id = "bend"
    family = "geometry"
    geometric = True
    amplitude: float = number(0.01, 0.0, 0.2)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw the three movements and resample, bicubic, the border repeated."""
        height, width = pixels.shape[:2]
        most = self.amplitude * min(height, width)
        corners = rng.uniform(-most, most, (2, 2, 2)).astype(np.float32)
        bulge = rng.uniform(-most, most, 2).astype(np.float32)
        waves = np.float32(most / 10) * rng.choice(np.array([-1, 1], dtype=np.float32), 2)
        cycles = rng.uniform(2.0, 6.0, 2)
        across = np.linspace(0, 1, width, dtype=np.float32)[None, :]

        def offsets(rows: slice) -> tuple[Field, Field]:
            down = (np.arange(rows.start, rows.stop, dtype=np.float32) / max(1, height - 1))[:, None]
            middle = np.sin(np.pi * across) * np.sin(np.pi * down)
            wave = np.sin(np.float32(2 * np.pi * cycles[0]) * across) * np.sin(np.float32(2 * np.pi * cycles[1]) * down)
            x, y = (_bilinear(corners[i], across, down) + bulge[i] * middle + waves[i] * wave for i in (0, 1))
            return x, y

        return displace(pixels, offsets)

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix | None, Size]:
        """Return the size alone: no matrix bends."""
        return None, size


@dataclass(frozen=True)
class MicroGeometry(Attack):
    """Move pixels by fractions of a pixel along smooth random ways, which nobody sees.

    A cubic B-spline over `points` x `points` places draws the offsets; in x and in y the largest is `amplitude` pixels.
    """

    id = "micro_geometry"
    family = "geometry"
    geometric = True
    amplitude: float = number(1.0, 0.0, 20.0)
    points: int = number(5, 2, 64)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw both fields and resample, bicubic, the border repeated."""
        height, width = pixels.shape[:2]
        grids = rng.uniform(-1, 1, (2, self.points + 2, self.points + 2))  # the spline needs one more on each side
        coarse = _spline(np.linspace(0, 1, _SEEN_AT), self.points)
        largest = np.abs(coarse @ grids @ coarse.T).max(axis=(1, 2), keepdims=True)
        grids *= self.amplitude / largest
        across = _spline(np.linspace(0, 1, width), self.points)

        def offsets(rows: slice) -> tuple[Field, Field]:
            down = _spline(np.arange(rows.start, rows.stop) / max(1, height - 1), self.points)
            x, y = (np.asarray((down @ grid) @ across.T, dtype=np.float32) for grid in grids)
            return x, y

        return displace(pixels, offsets)

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix | None, Size]:
        """Return the size alone: no matrix bends."""
        return None, size


def _spline(places: npt.NDArray[np.float64], points: int) -> npt.NDArray[np.float64]:
    """Return the weights (n, points + 2) of a uniform cubic B-spline's coefficients at places in 0 ... 1."""
    distance = np.abs(places[:, None] * (points - 1) + 1 - np.arange(points + 2))
    near = 2 / 3 - distance**2 + distance**3 / 2
    return np.where(distance < 1, near, np.maximum(2 - distance, 0) ** 3 / 6)


def _bilinear(corners: Field, across: Field, down: Field) -> Field:
    """Interpolate (2, 2) values over the unit square."""
    upper = corners[0, 0] * (1 - across) + corners[0, 1] * across
    lower = corners[1, 0] * (1 - across) + corners[1, 1] * across
    return np.asarray(upper * (1 - down) + lower * down, dtype=np.float32)
