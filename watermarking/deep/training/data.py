"""Photographs in one flat tensor, and random tiles cut out of it on any device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor

from watermarking.deep.training.prepare import shrink_to
from watermarking.errors import WatermarkError

__all__ = ["Photographs", "TileDraw", "photograph_files", "split_by_photograph"]

MIN_PHOTOGRAPHS: Final = 8
_SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}


def photograph_files(folder: str | Path) -> list[Path]:
    """List the pictures of a folder in a fixed order.

    Raises
    ------
    WatermarkError
        If there is no such folder, or it holds fewer than 8: with so few nothing can be held out, and a network only
        learns them by heart.
    """
    if not Path(folder).is_dir():
        raise WatermarkError(f"there is no folder {folder}: name one with photographs")
    found = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in _SUFFIXES)
    if len(found) < MIN_PHOTOGRAPHS:
        raise WatermarkError(
            f"{folder} holds {len(found)} photographs, training needs at least {MIN_PHOTOGRAPHS} (60 or more to be of "
            "use): add photographs"
        )
    return found


def split_by_photograph(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Split into training and validation, one photograph in ten (at least one) held out, chosen by its name's hash."""
    ranked = sorted(files, key=lambda p: hashlib.sha256(p.stem.encode()).hexdigest())
    held = set(ranked[: max(1, round(len(ranked) / 10))])
    return [p for p in files if p not in held], [p for p in files if p in held]


@dataclass(frozen=True)
class TileDraw:
    """Where one step's tiles come from: (B,) int64 each, so that ranks can share one draw."""

    photograph: Tensor
    top: Tensor
    left: Tensor
    turn: Tensor


class Photographs:
    """Photographs at one or several sizes, uint8, on one device.

    Parameters
    ----------
    files : list of Path
    shrink : tuple of float
        Each photograph is used at each of these sizes.
    least, most : int
        Copies with a side below ``least`` are left out; one copy at least must have both sides of ``most`` or more.
    device : torch.device

    Raises
    ------
    WatermarkError
        If no photograph is large enough, or a file cannot be read as a picture.
    """

    def __init__(
        self, files: list[Path], shrink: tuple[float, ...], least: int, most: int, device: torch.device
    ) -> None:
        rows: list[tuple[int, int, int]] = []
        parts: list[np.ndarray] = []
        offset = 0
        for file in files:
            full = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if full is None:
                raise WatermarkError(f"{file} cannot be read as a picture: remove it from the training folder")
            rgb = np.asarray(full[..., ::-1], np.uint8)
            for factor in shrink:
                image = np.ascontiguousarray(shrink_to(np.ascontiguousarray(rgb), factor) if factor < 1 else rgb)
                if min(image.shape[:2]) < least:
                    continue
                rows.append((offset, image.shape[0], image.shape[1]))
                parts.append(image.reshape(-1, 3))
                offset += parts[-1].shape[0]
        if not any(min(height, width) >= most for _, height, width in rows):
            raise WatermarkError(
                f"none of {len(files)} photographs has {most}x{most} pixels after shrinking by {max(shrink):g}: use "
                "larger ones, or a configuration with a smaller reach or tile"
            )
        self.device = device
        self.table = torch.tensor(rows, dtype=torch.int64)
        self.pixels = torch.from_numpy(np.concatenate(parts)).to(device)

    def draw(self, groups: int, group: int, size: tuple[int, int], generator: torch.Generator) -> TileDraw:
        """Choose tiles, ``group`` from each of ``groups`` photographs; the generator is a CPU one."""
        longest = max(size)
        fits = ((self.table[:, 1] >= longest) & (self.table[:, 2] >= longest)).float()
        chosen = torch.multinomial(fits, groups, replacement=True, generator=generator).repeat_interleave(group)
        where = torch.rand((2, groups * group), generator=generator, dtype=torch.float64)
        turn = torch.randint(8, (groups * group,), generator=generator)
        top = (where[0] * (self.table[chosen, 1] - longest + 1)).long()
        left = (where[1] * (self.table[chosen, 2] - longest + 1)).long()
        return TileDraw(chosen, top, left, turn)

    def cut(self, draw: TileDraw, size: tuple[int, int]) -> Tensor:
        """Return the tiles as (B, 3, rows, columns) float32 in [0, 1], flipped and turned as drawn."""
        offset, width = self.table[draw.photograph, 0], self.table[draw.photograph, 2]
        corner = (offset + draw.top * width + draw.left).to(self.device).reshape(-1, 1, 1)
        stride = width.to(self.device).reshape(-1, 1, 1)
        turn = draw.turn.to(self.device).reshape(-1, 1, 1)
        y = torch.arange(size[0], device=self.device).reshape(1, -1, 1)
        x = torch.arange(size[1], device=self.device).reshape(1, 1, -1)
        y = torch.where(turn & 1 > 0, size[0] - 1 - y, y)
        x = torch.where(turn & 2 > 0, size[1] - 1 - x, x)
        index = corner + torch.where(turn & 4 > 0, x * stride + y, y * stride + x)
        return self.pixels[index].permute(0, 3, 1, 2).float().div(255)
