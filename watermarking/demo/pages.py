"""Pages, drawings, screenshots and smooth grounds, drawn here: what marks show on most, and no photograph is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

__all__ = ["PAGES", "draw"]

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FINER = 3  # pixels that a pixel of a drawing is drawn with
_SYLLABLES = [one + other for one in "bdfglmnprstvz" for other in "aeiou"]


def draw(name: str) -> Pixels:
    """Return a picture of :data:`PAGES`, (H, W, 3) uint8, always the same."""
    drawn = np.asarray(PAGES[name](np.random.default_rng([*name.encode()])), np.uint8)
    return np.ascontiguousarray(drawn)


def _sentence(rng: np.random.Generator, n_words: int) -> str:
    words = ("".join(rng.choice(_SYLLABLES, rng.integers(1, 4))) for _ in range(n_words))
    return " ".join(words).capitalize() + "."


def _column(
    canvas: Image.Image, rng: np.random.Generator, box: tuple[int, int, int, int], size: int, ink: tuple[int, int, int]
) -> None:
    """Fill a box (left, top, right, bottom) with lines of text, a paragraph here and there."""
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size)
    left, y, right, bottom = box
    while y + size < bottom:
        line = _sentence(rng, 30)
        while (excess := pen.textlength(line, font) / (right - left)) > 1:
            line = line[: int(len(line) / excess)]
        pen.text((left, y), line if rng.random() > 0.08 else line[: len(line) // 3], ink, font)
        y += round(1.4 * size)


def _page(rng: np.random.Generator, size: int, filled: float, columns: int = 1, scale: float = 1) -> Image.Image:
    width, height = round(850 * scale), round(1100 * scale)
    canvas = Image.new("RGB", (width, height), _WHITE)
    margin, gap = round(75 * scale), round(25 * scale)
    pen = ImageDraw.Draw(canvas)
    pen.text((margin, margin // 2), _sentence(rng, 3), _BLACK, ImageFont.load_default(round(24 * scale)))
    wide = (width - 2 * margin - (columns - 1) * gap) // columns
    for number in range(columns):
        left = margin + number * (wide + gap)
        bottom = round(margin * 1.4 + (height - 2.4 * margin) * filled)
        _column(canvas, rng, (left, round(margin * 1.4), left + wide, bottom), round(size * scale), _BLACK)
    return canvas


def _table(rng: np.random.Generator) -> Image.Image:
    canvas = _page(rng, 14, 0.12)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for row in range(18):
        y = 260 + 30 * row
        pen.line((75, y, 775, y), (120, 120, 120))
        if row < 17:
            for column in range(5):
                pen.text((85 + 140 * column, y + 7), f"{rng.integers(10, 99999) / 100:.2f}", _BLACK, font)
    return canvas


def _drawing(rng: np.random.Generator) -> Image.Image:
    width, height = 768 * _FINER, 576 * _FINER
    canvas = Image.new("RGB", (width, height), (238, 240, 228))
    pen = ImageDraw.Draw(canvas)
    for _ in range(14):
        x, y, r = (int(v) for v in rng.integers((0, 0, 20 * _FINER), (width, height, 130 * _FINER)))
        fill, box = tuple(int(v) for v in rng.integers(30, 250, 3)), (x - r, y - r, x + r, y + r)
        shape = rng.integers(3)
        if shape == 0:
            pen.ellipse(box, fill, (20, 20, 20), 2 * _FINER)
        elif shape == 1:
            pen.rounded_rectangle(box, r // 4, fill, (20, 20, 20), 2 * _FINER)
        else:
            pen.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill)
    return canvas.resize((768, 576), Image.Resampling.LANCZOS)


def _line_art(rng: np.random.Generator) -> Image.Image:
    canvas = Image.new("RGB", (768 * _FINER, 576 * _FINER), _WHITE)
    pen = ImageDraw.Draw(canvas)
    for _ in range(45):
        places = rng.normal(0, 55 * _FINER, (9, 2)).cumsum(0) + rng.random(2) * canvas.size
        pen.line([(float(x), float(y)) for x, y in places], _BLACK, 2 * _FINER, "curve")
    return canvas.resize((768, 576), Image.Resampling.LANCZOS)


def _screenshot(rng: np.random.Generator) -> Image.Image:
    canvas = Image.new("RGB", (1080, 720), (247, 248, 250))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((0, 0, 1080, 44), (32, 38, 46))
    pen.text((20, 12), _sentence(rng, 4), _WHITE, ImageFont.load_default(17))
    pen.rectangle((0, 44, 230, 720), (230, 233, 238))
    _column(canvas, rng, (18, 64, 210, 690), 14, (40, 60, 90))
    _column(canvas, rng, (255, 64, 1050, 690), 13, (30, 30, 30))
    pen.rounded_rectangle((820, 620, 1040, 690), 10, (44, 110, 200))
    return canvas


def _smooth(rng: np.random.Generator, low: tuple[int, int, int], high: tuple[int, int, int], noise: float) -> Pixels:
    """Return a gradient from one colour to another, bent, with a camera's faint noise."""
    y, x = np.mgrid[:512, :768] / 512
    part = np.clip(0.7 * y + 0.2 * np.sin(2 * x + rng.random()), 0, 1)[..., None]
    colour = np.array(low) * (1 - part) + np.array(high) * part
    return np.asarray(np.clip(np.rint(colour + rng.normal(0, noise, colour.shape)), 0, 255), np.uint8)


PAGES: dict[str, Callable[[np.random.Generator], Image.Image | Pixels]] = {
    "dense": lambda rng: _page(rng, 15, 1.0),
    "dense, small print": lambda rng: _page(rng, 11, 1.0, 2),
    "dense, 2 MP": lambda rng: _page(rng, 15, 1.0, 1, 1.5),
    "sparse": lambda rng: _page(rng, 15, 0.3),
    "sparse, letter": lambda rng: _page(rng, 18, 0.45),
    "sparse, 2 MP": lambda rng: _page(rng, 15, 0.3, 1, 1.5),
    "table": _table,
    "line art": _line_art,
    "drawing": _drawing,
    "drawing 2": _drawing,
    "screenshot": _screenshot,
    "sky": lambda rng: _smooth(rng, (112, 158, 224), (206, 222, 244), 0.7),
    "mist": lambda rng: _smooth(rng, (190, 192, 190), (226, 226, 222), 0.5),
    "skin": lambda rng: _smooth(rng, (186, 130, 108), (232, 190, 168), 1.2),
    "dark": lambda rng: _smooth(rng, (4, 5, 9), (34, 30, 40), 1.0),
}
"""Names that begin with ``dense`` and ``sparse`` are pages of text."""
