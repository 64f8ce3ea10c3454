"""Changes of pixel values that move nothing: light, colour, tone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, Pixels, number, round_pixels
from watermarking.metrics.picture import luma
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Brightness", "Contrast", "Dither", "Equalise", "Gamma", "Grey", "Hue", "Negative", "Posterise", "Saturation",
    "Sharpen",
]  # fmt: skip

_LEVELS = np.arange(256, dtype=np.float64)


@dataclass(frozen=True)
class Brightness(Attack):
    """Multiply every sample by a factor."""

    id = "brightness"
    family = "values"
    factor: float = number(1.2, 0.0, 10.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Look the product up."""
        return round_pixels(_LEVELS * self.factor)[pixels]


@dataclass(frozen=True)
class Contrast(Attack):
    """Multiply every sample's distance from 128 by a factor."""

    id = "contrast"
    family = "values"
    factor: float = number(1.5, 0.0, 10.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Look the result up."""
        return round_pixels((_LEVELS - 128) * self.factor + 128)[pixels]


@dataclass(frozen=True)
class Gamma(Attack):
    """Raise every sample, as a share of 255, to a power."""

    id = "gamma"
    family = "values"
    power: float = number(1.4, 0.05, 20.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Look the power up."""
        return round_pixels(255 * (_LEVELS / 255) ** self.power)[pixels]


@dataclass(frozen=True)
class Posterise(Attack):
    """Keep the upper bits of every sample."""

    id = "posterise"
    family = "values"
    bits: int = number(4, 1, 8)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call Pillow."""
        from PIL import Image, ImageOps

        return np.array(ImageOps.posterize(Image.fromarray(pixels), self.bits))


@dataclass(frozen=True)
class Grey(Attack):
    """Replace the colours by their Rec. 601 luma, in all three channels."""

    id = "grey"
    family = "values"

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Weight the channels; a grey picture stays as it is."""
        return pixels if pixels.ndim == 2 else np.repeat(_luma(pixels)[..., None], 3, axis=2)


@dataclass(frozen=True)
class Saturation(Attack):
    """Multiply every sample's distance from the pixel's Rec. 601 luma by a factor."""

    id = "saturation"
    family = "values"
    factor: float = number(1.5, 0.0, 10.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call Pillow; a grey picture stays as it is."""
        from PIL import Image, ImageEnhance

        return (
            pixels if pixels.ndim == 2 else np.array(ImageEnhance.Color(Image.fromarray(pixels)).enhance(self.factor))
        )


@dataclass(frozen=True)
class Hue(Attack):
    """Turn the hue of every pixel, in degrees on the HSV circle."""

    id = "hue"
    family = "values"
    degrees: float = number(30.0, -180.0, 180.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Turn in OpenCV's full-range HSV; a grey picture stays as it is."""
        cv2 = cv2_module()

        if pixels.ndim == 2:
            return pixels
        hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL)
        hsv[..., 0] += np.uint8(round(self.degrees / 360 * 256) % 256)  # wraps around, as a hue should
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL), dtype=np.uint8)


@dataclass(frozen=True)
class Sharpen(Attack):
    """Apply Pillow's unsharp mask; `radius` in pixels, `threshold` in grey levels."""

    id = "sharpen"
    family = "values"
    radius: float = number(2.0, 0.0, 50.0)
    percent: int = number(150, 0, 1000)
    threshold: int = number(3, 0, 255)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call Pillow."""
        from PIL import Image, ImageFilter

        mask = ImageFilter.UnsharpMask(self.radius, self.percent, self.threshold)
        return np.array(Image.fromarray(pixels).filter(mask))


@dataclass(frozen=True)
class Equalise(Attack):
    """Equalise the histogram of each channel."""

    id = "equalise"
    family = "values"

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call Pillow."""
        from PIL import Image, ImageOps

        return np.array(ImageOps.equalize(Image.fromarray(pixels)))


@dataclass(frozen=True)
class Negative(Attack):
    """Exchange light and dark: the picture's negative."""

    id = "negative"
    family = "values"

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Take every sample from white."""
        return np.asarray(255 - pixels, np.uint8)


@dataclass(frozen=True)
class Dither(Attack):
    """Reduce to a palette by median cut and Floyd-Steinberg dithering, as in a GIF."""

    id = "dither"
    family = "values"
    colours: int = number(256, 2, 256)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call Pillow."""
        from PIL import Image

        colour = Image.fromarray(pixels).convert("RGB")
        small = colour.copy()
        small.thumbnail((256, 256))  # the palette is the same to the eye, and takes a hundredth of the time
        palette = small.quantize(self.colours, method=Image.Quantize.MEDIANCUT)
        dithered = colour.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        return np.array(dithered.convert("L" if pixels.ndim == 2 else "RGB"))


def _luma(pixels: Pixels) -> npt.NDArray[np.uint8]:
    return round_pixels(luma(pixels))
