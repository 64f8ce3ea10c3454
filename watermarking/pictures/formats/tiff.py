"""TIFF samples through Pillow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as PilImage

__all__ = ["save_tiff"]


def save_tiff(image: PilImage.Image, compression: str) -> bytes:
    """Encode a PIL image as TIFF without metadata; the compression is one of Pillow's names."""
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", compression=compression)
    return buffer.getvalue()
