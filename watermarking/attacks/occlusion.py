"""Parts of the picture covered by something else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, choice, number, round_pixels
from watermarking.attacks.resampling import check_size
from watermarking.attacks.textures import texture

if TYPE_CHECKING:
    from watermarking.attacks.attack import Matrix, Pixels, Size

__all__ = ["Collage", "Erase", "Logo", "OverlayText"]

_LONGEST_TEXT = 200


@dataclass(frozen=True)
class Erase(Attack):
    """Cover one rectangle, `area` of the picture's area and of its aspect, at a random place."""

    id = "erase"
    family = "occlusion"
    area: float = number(0.1, 0.0, 1.0)
    fill: str = choice("black", "mean", "noise")

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw the place and fill it."""
        edges = [min(side, round(side * math.sqrt(self.area))) for side in pixels.shape[:2]]
        top, left = (int(rng.integers(side - edge + 1)) for side, edge in zip(pixels.shape, edges, strict=False))
        erased = pixels.copy()
        hole = erased[top : top + edges[0], left : left + edges[1]]
        if self.fill == "noise":
            hole[...] = rng.integers(0, 256, hole.shape, dtype=np.uint8)
        else:
            hole[...] = 0 if self.fill == "black" else round_pixels(pixels.mean(axis=(0, 1)))
        return erased


@dataclass(frozen=True)
class OverlayText(Attack):
    """Write a red line of text in the middle; `size` is its height as a share of the picture's height."""

    id = "overlay_text"
    family = "occlusion"
    text: str = "Lorem Ipsum"
    size: float = number(0.15, 0.0, 1.0)
    opacity: float = number(1.0, 0.0, 1.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Draw with Pillow's own font."""
        from PIL import Image, ImageDraw, ImageFont

        height, width = pixels.shape[:2]
        mask = Image.new("L", (width, height))
        font = ImageFont.load_default(max(1.0, height * self.size))
        place = (width / 2, height / 2)
        ImageDraw.Draw(mask).text(place, self.text[:_LONGEST_TEXT], fill=255, font=font, anchor="mm")
        return _blend(pixels, np.array(mask), self.opacity, (255.0, 0.0, 0.0))


@dataclass(frozen=True)
class Logo(Attack):
    """Put a white disc with a dark ring into a random corner; `area` is the share of the picture that it covers."""

    id = "logo"
    family = "occlusion"
    area: float = number(0.05, 0.0, 0.5)
    opacity: float = number(1.0, 0.0, 1.0)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw disc and ring with Pillow."""
        from PIL import Image, ImageDraw

        height, width = pixels.shape[:2]
        radius = min(math.sqrt(self.area * height * width / math.pi), min(height, width) / 2)
        right, low = rng.integers(0, 2, 2)
        x = width - radius if right else radius
        y = height - radius if low else radius
        for share, level in ((1.0, 255.0), (0.8, 40.0), (0.6, 255.0)):
            mask = Image.new("L", (width, height))
            reach = radius * share
            ImageDraw.Draw(mask).ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
            pixels = _blend(pixels, np.array(mask), self.opacity, (level, level, level))
        return pixels


@dataclass(frozen=True)
class Collage(Attack):
    """Put the picture into another one, a smooth random texture.

    Without `grow`, a rectangle of `area` of the picture's area stays where it is and the texture replaces the rest.
    With `grow`, the whole picture is pasted at a random place of a canvas of its aspect, and covers `area` of that.
    """

    id = "collage"
    family = "occlusion"
    geometric = True
    area: float = number(0.5, 0.01, 1.0)
    grow: bool = False

    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix | None, Size]:
        """Return the paste's translation; nothing moves without `grow`."""
        if not self.grow:
            return np.eye(3), size
        top, left, canvas, _ = self._layout(size, rng)
        return np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]]), canvas

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Make the texture and paste."""
        top, left, canvas, (height, width) = self._layout((pixels.shape[0], pixels.shape[1]), rng)
        result = texture((*canvas, *pixels.shape[2:]), rng)
        here = (slice(top, top + height), slice(left, left + width))
        result[here] = pixels if self.grow else pixels[here]
        return result

    def _layout(self, size: Size, rng: np.random.Generator) -> tuple[int, int, Size, Size]:
        """Return top and left of what stays, the canvas, and the size of what stays."""
        share = math.sqrt(self.area)
        if self.grow:
            canvas, kept = (max(size[0], round(size[0] / share)), max(size[1], round(size[1] / share))), size
        else:
            canvas, kept = size, (max(1, round(size[0] * share)), max(1, round(size[1] * share)))
        check_size(canvas)
        top, left = (int(rng.integers(outer - inner + 1)) for outer, inner in zip(canvas, kept, strict=True))
        return top, left, canvas, kept


def _blend(pixels: Pixels, mask: Pixels, opacity: float, colour: tuple[float, float, float]) -> Pixels:
    """Lay a colour over a picture where the mask says; a grey picture gets the colour's luma."""
    weight = mask.astype(np.float32) * np.float32(opacity / 255)
    values = pixels.astype(np.float32)
    if pixels.ndim == 2:
        return round_pixels(values + weight * (np.float32(np.dot(colour, (0.299, 0.587, 0.114))) - values))
    return round_pixels(values + weight[..., None] * (np.array(colour, dtype=np.float32) - values))
