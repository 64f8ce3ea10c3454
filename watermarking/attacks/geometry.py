"""Movements of pixels that one projective matrix describes.

Matrices map homogeneous (x, y, 1) of the input to the output; pixel centres are at integers, x right, y down.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from watermarking.attacks.attack import Attack, Matrix, Pixels, Size, choice, number
from watermarking.attacks.resampling import corner_map, move, resample, scaling

__all__ = [
    "Aspect",
    "Crop",
    "Flip",
    "GeometricAttack",
    "Perspective",
    "Resize",
    "ResizeTo",
    "Rotate",
    "Shear",
    "Shift",
    "Turn",
]


class GeometricAttack(Attack):
    """An attack that is one projective map onto a new canvas."""

    family = "geometry"
    geometric = True

    @abstractmethod
    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Return the matrix for a picture of `size` (rows, columns), and the (rows, columns) of the result."""

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Resample the picture, bicubic, black outside."""
        matrix, size = self.place((pixels.shape[0], pixels.shape[1]), rng)
        return move(pixels, matrix, size)


@dataclass(frozen=True)
class Crop(GeometricAttack):
    """Cut a rectangle of the picture's own aspect out.

    `keep` is the share that stays, of each edge (``of="edge"``) or of the area (``of="area"``); no edge is cut
    below `at_least` pixels. With `restore`, the rectangle is scaled to the first size afterwards.
    """

    id = "crop"
    keep: float = number(0.75, 0.001, 1.0)
    of: str = choice("edge", "area")
    where: str = choice("random", "centre")
    restore: bool = False
    at_least: int = number(1, 1, 65500)

    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Return the cut, and the scaling that may follow."""
        top, left, kept = self._rectangle(size, rng)
        cut = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
        return (scaling(kept, size) @ cut, size) if self.restore else (cut, kept)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Slice, and resample where asked to."""
        size = (pixels.shape[0], pixels.shape[1])
        top, left, (height, width) = self._rectangle(size, rng)
        part = np.ascontiguousarray(pixels[top : top + height, left : left + width])
        return resample(part, size, "auto") if self.restore else part

    def _rectangle(self, size: Size, rng: np.random.Generator) -> tuple[int, int, Size]:
        """Choose top, left and size; an offset is drawn from all that fit."""
        share = self.keep if self.of == "edge" else math.sqrt(self.keep)
        kept = tuple(min(edge, max(self.at_least, round(edge * share))) for edge in size)
        room = (size[0] - kept[0], size[1] - kept[1])
        central = self.where == "centre"
        top, left = (extra // 2 if central else int(rng.integers(extra + 1)) for extra in room)
        return top, left, (kept[0], kept[1])


@dataclass(frozen=True)
class Resize(GeometricAttack):
    """Scale both edges by `scale` (of the edge); with `restore`, scale back to the first size afterwards.

    ``method="auto"`` averages areas when it shrinks and is bicubic when it enlarges.
    """

    id = "resize"
    scale: float = number(0.5, 0.01, 16.0)
    restore: bool = False
    method: str = choice("auto", "area", "nearest", "linear", "cubic", "lanczos")

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Round the new edges."""
        new = _scaled(size, self.scale, self.scale)
        return (np.eye(3), size) if self.restore else (scaling(size, new), new)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Resample once, or there and back."""
        size = (pixels.shape[0], pixels.shape[1])
        resized = resample(pixels, _scaled(size, self.scale, self.scale), self.method)
        return resample(resized, size, self.method) if self.restore else resized


@dataclass(frozen=True)
class ResizeTo(GeometricAttack):
    """Shrink until the longer edge has `long_side` pixels; smaller pictures are never enlarged."""

    id = "resize_to"
    long_side: int = number(1600, 1, 65500)

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Round the new edges."""
        scale = min(1.0, self.long_side / max(size))
        new = _scaled(size, scale, scale)
        return scaling(size, new), new

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Average areas."""
        return resample(pixels, self.place((pixels.shape[0], pixels.shape[1]), rng)[1], "auto")


@dataclass(frozen=True)
class Aspect(GeometricAttack):
    """Scale the edges by two factors (of the edge); with `restore`, scale back to the first size afterwards."""

    id = "aspect"
    width: float = number(0.9, 0.01, 16.0)
    height: float = number(1.0, 0.01, 16.0)
    restore: bool = False

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Round the new edges."""
        new = _scaled(size, self.height, self.width)
        return (np.eye(3), size) if self.restore else (scaling(size, new), new)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Resample once, or there and back."""
        size = (pixels.shape[0], pixels.shape[1])
        resized = resample(pixels, _scaled(size, self.height, self.width), "auto")
        return resample(resized, size, "auto") if self.restore else resized


@dataclass(frozen=True)
class Rotate(GeometricAttack):
    """Turn the picture counter-clockwise about its centre.

    ``fit="cut"`` keeps the canvas and loses the corners, ``"grow"`` grows it until nothing is lost (both fill with
    black), ``"inside"`` keeps the largest upright rectangle that has no black in it.
    """

    id = "rotate"
    degrees: float = number(5.0, -360.0, 360.0)
    fit: str = choice("cut", "grow", "inside")

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Turn about the centre of the old canvas, onto the centre of the new one."""
        angle = math.radians(self.degrees)
        new = size if self.fit == "cut" else (_grown if self.fit == "grow" else _inside)(size, angle)
        linear = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        return _about_centre(linear, size, new), new


@dataclass(frozen=True)
class Turn(GeometricAttack):
    """Turn the picture counter-clockwise by quarter turns; no sample changes."""

    id = "turn"
    degrees: int = choice(90, 180, 270)

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Swap the edges for odd turns."""
        new = size if self.degrees == 180 else (size[1], size[0])
        cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[self.degrees]
        return _about_centre(np.array([[cosine, sine], [-sine, cosine]], dtype=np.float64), size, new), new

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Turn the array."""
        return np.ascontiguousarray(np.rot90(pixels, self.degrees // 90))


@dataclass(frozen=True)
class Flip(GeometricAttack):
    """Mirror the picture: ``"horizontal"`` swaps left and right, ``"vertical"`` top and bottom."""

    id = "flip"
    direction: str = choice("horizontal", "vertical")

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Mirror about the centre."""
        signs = (-1.0, 1.0) if self.direction == "horizontal" else (1.0, -1.0)
        return _about_centre(np.diag(signs), size, size), size

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Mirror the array."""
        return np.ascontiguousarray(np.flip(pixels, axis=1 if self.direction == "horizontal" else 0))


@dataclass(frozen=True)
class Shift(GeometricAttack):
    """Move the picture by `x` pixels to the right and `y` down on the same canvas, black where nothing is left."""

    id = "shift"
    x: float = number(5.0, -65500.0, 65500.0)
    y: float = number(5.0, -65500.0, 65500.0)

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Translate."""
        return np.array([[1.0, 0.0, self.x], [0.0, 1.0, self.y], [0.0, 0.0, 1.0]]), size


@dataclass(frozen=True)
class Shear(GeometricAttack):
    """Shear the picture about its centre on the same canvas, by an angle along each axis."""

    id = "shear"
    x: float = number(5.0, -80.0, 80.0)
    y: float = number(0.0, -80.0, 80.0)

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Shear about the centre."""
        linear = np.array([[1.0, math.tan(math.radians(self.x))], [math.tan(math.radians(self.y)), 1.0]])
        return _about_centre(linear, size, size), size


@dataclass(frozen=True)
class Perspective(GeometricAttack):
    """Move each corner inwards by up to `strength` of half the edge, at random, on the same canvas.

    As RandomPerspective of torchvision does with its ``distortion_scale``.
    """

    id = "perspective"
    strength: float = number(0.1, 0.0, 0.95)

    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Draw eight offsets and solve for the matrix."""
        right, bottom = max(size[1] - 1, 1), max(size[0] - 1, 1)
        corners = np.array([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]])
        inwards = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
        offsets = rng.random((4, 2)) * self.strength * 0.5 * np.array([right, bottom])
        return corner_map(corners, corners + inwards * offsets), size


def _scaled(size: Size, vertical: float, horizontal: float) -> Size:
    return max(1, round(size[0] * vertical)), max(1, round(size[1] * horizontal))


def _about_centre(linear: Matrix, old: Size, new: Size) -> Matrix:
    """Return the affine map with this linear part that takes the centre of one canvas to that of the other."""
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    centre = np.array([old[1] - 1, old[0] - 1]) / 2
    matrix[:2, 2] = np.array([new[1] - 1, new[0] - 1]) / 2 - linear @ centre
    return matrix


def _grown(size: Size, angle: float) -> Size:
    """Return the smallest canvas that holds the whole turned picture."""
    height, width = size
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    return math.ceil(height * cosine + width * sine - 1e-9), math.ceil(width * cosine + height * sine - 1e-9)


def _inside(size: Size, angle: float) -> Size:
    """Return the largest upright rectangle inside the turned picture: two of its corners touch, or all four."""
    height, width = size
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    long, short = max(size), min(size)
    if short <= 2.0 * sine * cosine * long or abs(sine - cosine) < 1e-10:
        half = 0.5 * short
        new_width, new_height = (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
    else:
        double = cosine * cosine - sine * sine
        new_width = (width * cosine - height * sine) / double
        new_height = (height * cosine - width * sine) / double
    return max(1, math.floor(new_height + 1e-9)), max(1, math.floor(new_width + 1e-9))
