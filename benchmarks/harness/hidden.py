"""Pictures to hide that no network has seen, and covers as they are hidden in."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from harness.photographs import Photograph, load
from watermarking.deep.training.payloads import synthetic_code

__all__ = ["colour", "unseen_logo", "unseen_picture"]


def colour(photograph: Photograph) -> np.ndarray:
    """Load a photograph as RGB."""
    pixels = load(photograph)
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def unseen_logo(i: int) -> np.ndarray:
    """Draw the i-th of the logos and codes, (64, 64) uint8: QR codes, text in another typeface, other codes."""
    import segno

    rng = np.random.default_rng([20, i])
    if i % 5 < 2:
        code = segno.make(f"https://example.org/{rng.integers(1 << 30)}", micro=False)
        modules = np.array([list(row) for row in code.matrix])
        grey = np.pad(np.where(modules, 0, 255).astype(np.uint8), 2, constant_values=255)
        return np.asarray(cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA))
    if i % 5 < 3:
        return np.asarray(cv2.resize(synthetic_code(rng)[..., 0], (64, 64), interpolation=cv2.INTER_AREA))
    ground, ink = (255, 0) if rng.random() < 0.5 else (int(rng.integers(0, 90)), 255)
    image = Pillow.new("L", (64, 64), ground)
    draw = ImageDraw.Draw(image)
    shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
    shape([int(v) for v in (*rng.integers(0, 28, 2), *rng.integers(36, 64, 2))], fill=int(rng.integers(90, 170)))
    text = "".join(rng.choice(list("ABCDEFGHJKLMNPRSTUVWXYZ0123456789&@"), 3))
    where = int(rng.integers(0, 8)), int(rng.integers(4, 24))
    draw.text(where, text, fill=ink, font=ImageFont.load_default(int(rng.integers(20, 34))))
    return np.asarray(image)


def unseen_picture(i: int, photographs: list[Photograph], cover: Photograph) -> np.ndarray:
    """Cut the i-th colour picture, (128, 128, 3) uint8, out of another evaluation photograph."""
    rng = np.random.default_rng([21, i])
    other = colour(photographs[int(rng.choice([k for k, p in enumerate(photographs) if p != cover]))])
    side = int(rng.integers(128, min(other.shape[:2]) + 1))
    y, x = (int(rng.integers(0, n - side + 1)) for n in other.shape[:2])
    window = np.ascontiguousarray(other[y : y + side, x : x + side])
    return np.asarray(cv2.resize(window, (128, 128), interpolation=cv2.INTER_AREA))
