"""What the networks learn to hide: code cells, one fixed logo, or pictures of every kind cut into blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "BLOCK",
    "SIDE",
    "PictureBank",
    "draw_bits",
    "draw_pilot",
    "synthetic_code",
    "synthetic_text",
]

SIDE: Final = 128
"""Side of a payload picture in pixels."""
BLOCK: Final = 8
"""Side of the blocks that the key permutes and inverts, in payload pixels."""
_WORDS: Final = ["(c)", "Copyright", "Proof", "2026", "Studio", "Ada", "Owner", "No.", "& Co", "3.14", "@home", "Omega"]


def synthetic_code(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw a picture like a 2-D code, (128, 128, 3) uint8: random modules, finder squares, a quiet zone."""
    n = int(rng.choice([21, 25, 29, 33]))
    cells = np.where(rng.random((n, n)) < 0.5, 0, 255).astype(np.uint8)
    finder = np.full((8, 8), 255, np.uint8)
    finder[:7, :7] = 0
    finder[1:6, 1:6] = 255
    finder[2:5, 2:5] = 0
    cells[:8, :8], cells[:8, -8:], cells[-8:, :8] = finder, finder[:, ::-1], finder[::-1]
    cells = np.pad(cells, int(rng.integers(0, 4)), constant_values=255)
    big = cv2.resize(cells, (SIDE, SIDE), interpolation=cv2.INTER_AREA if rng.random() < 0.5 else cv2.INTER_NEAREST)
    return np.repeat(np.asarray(big, np.uint8)[..., None], 3, axis=2)


def synthetic_text(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw lines of text and a shape or two, (128, 128, 3) uint8, in random colours."""
    ground, ink = rng.integers(0, 256, (2, 3))
    if abs(int(ground.sum()) - int(ink.sum())) < 200:
        ground, ink = np.array([255, 255, 255]), np.array([0, 0, 0])
    image = np.full((SIDE, SIDE, 3), ground, np.uint8)
    for _ in range(int(rng.integers(0, 3))):
        corner, size = rng.integers(0, SIDE, 2), rng.integers(8, 50)
        tint = tuple(int(v) for v in rng.integers(0, 256, 3))
        if rng.random() < 0.5:
            cv2.circle(image, (int(corner[0]), int(corner[1])), int(size), tint, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(image, (int(corner[0]), int(corner[1]), int(size), int(size)), tint, -1)
    y = 0
    while y < SIDE:
        scale = float(rng.uniform(0.4, 2.0))
        y += int(30 * scale)
        text = " ".join(rng.choice(_WORDS, 3))
        font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
        thick = max(1, round(2 * scale))
        cv2.putText(image, text, (4, y), font, scale, tuple(int(v) for v in ink), thick, cv2.LINE_AA)
    return image


class PictureBank:
    """Pictures to hide, and random payload tiles drawn from them.

    A third of a drawn batch is grey at half the resolution (what a 64 x 64 grey picture becomes), a third grey or
    black and white, the rest colour. Blocks are permuted and inverted as a key does, so that R learns to read what it
    will be given: blocks that do not continue each other.

    Parameters
    ----------
    pictures : (K, 128, 128, 3) uint8
    device : torch.device
    """

    def __init__(self, pictures: npt.NDArray[np.uint8], device: torch.device) -> None:
        n, per_side = len(pictures), SIDE // BLOCK
        blocks = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        blocks = blocks.reshape(n, 3, per_side, BLOCK, per_side, BLOCK).permute(0, 2, 4, 1, 3, 5)
        self.blocks = blocks.reshape(n, per_side**2, 3, BLOCK, BLOCK).contiguous().to(device)

    @classmethod
    def build(
        cls, files: list[Path], icons: str | Path | None, seed: int, device: torch.device, n: int = 1200
    ) -> PictureBank:
        """Make a bank of n drawn codes and texts, every icon, and 2 n windows of photographs."""
        rng = np.random.default_rng(seed)
        drawn = [synthetic_code(rng) if i % 2 else synthetic_text(rng) for i in range(n)]
        for path in sorted(Path(icons).glob("*.png")) if icons else []:
            icon = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if icon is not None:
                large = cv2.resize(icon, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
                drawn.append(np.asarray(large[..., ::-1], np.uint8))
        per_file = max(1, 2 * n // len(files))
        for path in files:
            photograph = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if photograph is not None:
                rgb = np.asarray(photograph[..., ::-1], np.uint8)
                drawn += [_window(rgb, rng) for _ in range(per_file)]
        return cls(np.stack(drawn), device)

    def draw(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        """Draw (n, 3, side, side) payload tiles in [-1, 1]; the generator lives on the bank's device."""
        device, per_side = self.blocks.device, side // BLOCK
        picture = torch.randint(len(self.blocks), (n, 1), generator=generator, device=device)
        order = torch.rand((n, self.blocks.shape[1]), generator=generator, device=device).argsort(1)
        if per_side**2 > order.shape[1]:
            order = order.repeat(1, -(-(per_side**2) // order.shape[1]))
        tiles = self.blocks[picture, order[:, : per_side**2]].float().div(127.5).sub(1)
        kind = torch.rand((n, 1, 1, 1, 1), generator=generator, device=device)
        grey = tiles.mean(2, keepdim=True).expand_as(tiles)
        coarse = functional.avg_pool2d(grey.reshape(-1, 1, BLOCK, BLOCK), 2)
        coarse = functional.interpolate(coarse, scale_factor=2, mode="nearest").reshape(grey.shape)
        tiles = torch.where(kind < 0.33, coarse, torch.where(kind < 0.5, grey, tiles))
        sign = torch.randint(2, (n, per_side**2, 1, 1, 1), generator=generator, device=device) * 2.0 - 1
        tiles = (tiles * sign).reshape(n, per_side, per_side, 3, BLOCK, BLOCK)
        return tiles.permute(0, 3, 1, 4, 2, 5).reshape(n, 3, side, side)


def _window(photograph: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Cut a random square window, at any scale, and bring it to the payload's size."""
    short = min(photograph.shape[:2])
    side = int(short ** rng.uniform(0.8, 1.0))
    top, left = (int(rng.integers(0, length - side + 1)) for length in photograph.shape[:2])
    window = np.ascontiguousarray(photograph[top : top + side, left : left + side])
    return np.asarray(cv2.resize(window, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def draw_bits(n: int, rows: int, columns: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Draw code cells, (n, 1, rows, columns) of -1 and +1."""
    return torch.randint(2, (n, 1, rows, columns), generator=generator, device=device) * 2.0 - 1


def draw_pilot(n: int, side: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Draw pilot signs, (n, 1, side, side) of -1 and +1."""
    return draw_bits(n, side, side, generator, device)
