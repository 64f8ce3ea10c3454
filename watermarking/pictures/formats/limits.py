"""How many pixels are read: this package's limit, and Pillow's, which is another."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from PIL import Image as PilImage

from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_PIXELS", "PillowLimit", "TooManyPixelsError", "check_size", "pillow_limit", "pixel_limit"]

MAX_PIXELS: Final = 400_000_000
"""Pictures with more pixels are taken for decompression bombs; WATERMARKING_MAX_PIXELS sets another limit."""
_USUAL_CHANNELS: Final = 4


class TooManyPixelsError(FileFormatError):
    """The picture is taken for a decompression bomb; what its message says before the colon holds for every caller."""


def pixel_limit(max_pixels: int | None) -> int:
    """Return the limit in force: the one given, else that of ``WATERMARKING_MAX_PIXELS``, else :data:`MAX_PIXELS`."""
    if max_pixels is not None:
        return max_pixels
    text = os.environ.get("WATERMARKING_MAX_PIXELS", "")
    if text and not text.isdecimal():
        raise FileFormatError(f"WATERMARKING_MAX_PIXELS is {text!r}: set it to a whole number of pixels")
    return int(text) if text else MAX_PIXELS


def check_size(size: tuple[int, int], n_channels: int, limit: int) -> None:
    """Refuse a picture of more pixels than the limit, or of more samples than so many pixels have.

    Raises
    ------
    TooManyPixelsError
    """
    width, height = size
    if width * height * max(n_channels, _USUAL_CHANNELS) > limit * _USUAL_CHANNELS:
        channels = f" of {n_channels} channels" if n_channels > _USUAL_CHANNELS else ""
        raise TooManyPixelsError(
            f"the picture has {width}x{height} pixels{channels}, the limit is {limit}: scale it down, or set "
            f"WATERMARKING_MAX_PIXELS if you trust the file"
        )


class PillowLimit:
    """Pillow's process-wide limit of pixels: lifted while a picture above it is decoded, else left alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_users = 0
        self._limit: int | None = None

    @contextmanager
    def lifted_for(self, n_pixels: int) -> Iterator[None]:
        """Lift it if a picture of this many pixels needs that, until the last such picture is done."""
        with self._lock:
            limit = self._limit if self._n_users else PilImage.MAX_IMAGE_PIXELS
            if needed := limit is not None and n_pixels > limit:
                self._n_users, self._limit, PilImage.MAX_IMAGE_PIXELS = self._n_users + 1, limit, None
        try:
            yield
        finally:
            with self._lock:
                self._n_users -= needed
                if needed and not self._n_users:
                    PilImage.MAX_IMAGE_PIXELS = self._limit


pillow_limit: Final = PillowLimit()
