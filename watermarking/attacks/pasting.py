"""The picture inside something else: a window on a screen, a page, a slide, a story, a collage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.attacks.attack import Attack, choice, number
from watermarking.attacks.resampling import check_size, resample, scaling
from watermarking.attacks.textures import texture
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from watermarking.attacks.attack import Matrix, Pixels, Size

__all__ = ["Paste"]

_ASPECTS: Final = {"window": 16 / 9, "phone": 9 / 19.5, "page": 1 / 1.414, "slide": 16 / 9, "story": 9 / 16}
_COLLAGE: Final = 4 / 3
_WORDS: Final = ("mark", "of", "a", "picture", "where", "light", "on", "river", "stone", "and", "window", "north")
_LINES: Final = {"window": 0.018, "phone": 0.014, "page": 0.014, "slide": 0.05}
"""Height of a line's letters, of the canvas's height."""
_ROOM: Final = (0.92, 0.98)


@dataclass(frozen=True)
class Paste(Attack):
    """Scale the picture and put it into a canvas of which it covers `share`: what a screenshot of a place shows.

    The canvas is `long_side` pixels long: a browser's window, a phone's screen and a page with text around the picture,
    a slide with a title, a story on a blurred copy of the picture, a collage of four smooth random textures. The
    picture has a frame of up to 5 pixels. What does not fit at its share is made smaller, and covers less: a landscape
    0.3 of a phone's screen at most.
    """

    id = "paste"
    family = "occlusion"
    geometric = True
    into: str = choice("window", "phone", "page", "slide", "story", "collage")
    share: float = number(0.2, 0.01, 1.0)
    long_side: int = number(1920, 64, 20000)

    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix | None, Size]:
        """Return the scaling and the translation of the picture."""
        top, left, kept, canvas = self._layout(size, rng)
        matrix = scaling(size, kept)
        matrix[:2, 2] += (left, top)
        return matrix, canvas

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw the canvas and put the picture on it."""
        top, left, kept, canvas = self._layout((pixels.shape[0], pixels.shape[1]), rng)
        result = self._canvas(pixels, canvas, rng)
        frame = int(rng.integers(6))
        result[max(0, top - frame) : top + kept[0] + frame, max(0, left - frame) : left + kept[1] + frame] = 255
        result[top : top + kept[0], left : left + kept[1]] = resample(pixels, kept, "auto")
        return result

    def _layout(self, size: Size, rng: np.random.Generator) -> tuple[int, int, Size, Size]:
        """Return top and left of the picture, its size there, and the canvas."""
        aspect = _ASPECTS.get(self.into, _COLLAGE)
        canvas = tuple(max(1, round(self.long_side * min(1.0, edge))) for edge in (1 / aspect, aspect))
        check_size((canvas[0], canvas[1]))
        scale = math.sqrt(self.share * canvas[0] * canvas[1] / (size[0] * size[1]))
        scale *= min(1.0, *(room * c / (scale * n) for room, c, n in zip(_ROOM, canvas, size, strict=True)))
        kept = tuple(min(c, max(1, round(scale * n))) for c, n in zip(canvas, size, strict=True))
        top, left = (int(rng.integers(c - k + 1)) for c, k in zip(canvas, kept, strict=True))
        return top, left, (kept[0], kept[1]), (canvas[0], canvas[1])

    def _canvas(self, pixels: Pixels, size: Size, rng: np.random.Generator) -> Pixels:
        kind = pixels.shape[2:]
        if self.into == "story":
            return _blurred(resample(pixels, size, "auto"), max(size) / 80)
        if self.into == "collage":
            halves = [(size[0] // 2, size[0] - size[0] // 2), (size[1] // 2, size[1] - size[1] // 2)]
            rows = [np.hstack([texture((h, w, *kind), rng) for w in halves[1] if w]) for h in halves[0] if h]
            return np.vstack(rows)
        return _of_kind(_page(size, _LINES[self.into], rng), kind)


def _blurred(pixels: Pixels, sigma: float) -> Pixels:
    blurred = cv2_module().GaussianBlur(pixels, (0, 0), max(sigma, 0.5))
    return np.asarray(blurred, np.uint8).reshape(pixels.shape)


def _page(size: Size, height: float, rng: np.random.Generator) -> Pixels:
    """Draw a bar and lines of words, dark on light or light on dark, (rows, cols, 3)."""
    from PIL import Image, ImageDraw, ImageFont

    rows, cols = size
    light = bool(rng.random() < 0.7)
    ground, ink = (int(rng.integers(225, 256)), 30) if light else (int(rng.integers(15, 60)), 220)
    page = Image.new("RGB", (cols, rows), (ground,) * 3)
    draw: Any = ImageDraw.Draw(page)
    bar = tuple(int(value) for value in rng.integers(60, 220, 3))
    draw.rectangle((0, 0, cols, rows * 0.05), fill=bar)
    letters = max(4.0, height * rows)
    font: Any = ImageFont.load_default(letters)
    top = 0.08 * rows
    while top + letters < rows:
        wide = cols * rng.uniform(0.55, 0.94)
        line = " ".join(_WORDS[int(i)] for i in rng.integers(len(_WORDS), size=40))
        draw.text((cols * 0.03, top), line[: max(1, int(wide / (0.5 * letters)))], fill=(ink,) * 3, font=font)
        top += 1.5 * letters
    return np.array(page)


def _of_kind(page: Pixels, kind: tuple[int, ...]) -> Pixels:
    """Return a page in grey, in colour, or with an opaque alpha channel."""
    if not kind:
        return np.ascontiguousarray(page[..., 1])
    return page if kind == (3,) else np.dstack([page, np.full(page.shape[:2], 255, np.uint8)])
