"""Lossy file formats: save with Pillow, read back."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.attacks.attack import Attack, Pixels, choice, number
from watermarking.errors import MissingExtraError, UnsupportedImageError

if TYPE_CHECKING:
    from typing import Final

__all__ = ["Avif", "DoubleJpeg", "Jpeg", "Jpeg2000", "Webp"]

_SUBSAMPLING: Final = {444: "4:4:4", 422: "4:2:2", 420: "4:2:0"}


@dataclass(frozen=True)
class Jpeg(Attack):
    """Save as JPEG of a libjpeg quality and a chroma subsampling; grey pictures become grey files."""

    id = "jpeg"
    family = "formats"
    quality: int = number(75, 1, 100)
    subsampling: int = choice(420, 422, 444)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Save and load."""
        return _through_file(pixels, "JPEG", quality=self.quality, subsampling=_SUBSAMPLING[self.subsampling])


@dataclass(frozen=True)
class DoubleJpeg(Attack):
    """Save as JPEG twice, with the second file's 8x8 grid moved by `shift` pixels down and right."""

    id = "double_jpeg"
    family = "formats"
    first: int = number(85, 1, 100)
    second: int = number(75, 1, 100)
    shift: int = number(0, 0, 7)
    subsampling: int = choice(420, 422, 444)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Save and load twice; the shift is undone, so no pixel moves."""
        pixels = Jpeg(self.first, self.subsampling).apply(pixels, rng)
        margin = ((self.shift, 0), (self.shift, 0)) + ((0, 0),) * (pixels.ndim - 2)
        pixels = Jpeg(self.second, self.subsampling).apply(np.pad(pixels, margin, mode="edge"), rng)
        return np.ascontiguousarray(pixels[self.shift :, self.shift :])


@dataclass(frozen=True)
class Webp(Attack):
    """Save as lossy WebP; `method` 0 to 6 trades time for size."""

    id = "webp"
    family = "formats"
    quality: int = number(75, 0, 100)
    method: int = number(4, 0, 6)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Save and load."""
        return _through_file(pixels, "WEBP", quality=self.quality, method=self.method)


@dataclass(frozen=True)
class Avif(Attack):
    """Save as AVIF; `speed` 0 to 10 trades time for size."""

    id = "avif"
    family = "formats"
    quality: int = number(50, 0, 100)
    subsampling: int = choice(420, 422, 444)
    speed: int = number(8, 0, 10)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Save and load; one thread, so that the file does not depend on the machine."""
        options = {"quality": self.quality, "speed": self.speed, "max_threads": 1}
        return _through_file(pixels, "AVIF", subsampling=_SUBSAMPLING[self.subsampling], **options)


@dataclass(frozen=True)
class Jpeg2000(Attack):
    """Save as JPEG 2000 (9/7 wavelet), `ratio` times smaller than the uncompressed picture."""

    id = "jpeg2000"
    family = "formats"
    ratio: float = number(20.0, 1.0, 1000.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Save and load; short sides get fewer wavelet levels, as OpenJPEG demands."""
        levels = max(1, min(6, min(pixels.shape[:2]).bit_length()))
        options = {"quality_mode": "rates", "quality_layers": [self.ratio], "num_resolutions": levels}
        return _through_file(pixels, "JPEG2000", irreversible=True, **options)


def _through_file(pixels: Pixels, file_format: str, **options: Any) -> Pixels:
    """Write a picture into memory and read it back as the same kind."""
    from PIL import Image, features

    if file_format in ("WEBP", "AVIF") and not features.check(file_format.lower()):
        raise MissingExtraError(f"this Pillow was built without {file_format}: install a newer wheel of Pillow")
    mode = "L" if pixels.ndim == 2 else "RGB"
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, file_format, **options)
        with Image.open(buffer) as picture:
            return np.array(picture.convert(mode))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        height, width = pixels.shape[:2]
        raise UnsupportedImageError(f"{file_format} cannot hold {width}x{height} pixels: {error}") from error
