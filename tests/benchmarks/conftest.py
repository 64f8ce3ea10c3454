"""The benchmark scripts live beside the package, in a folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FOLDERS = (Path(__file__).parents[2] / "benchmarks", Path(__file__).parent)
sys.path[:0] = [str(folder) for folder in FOLDERS if str(folder) not in sys.path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small pictures that can be marked."""
    place = tmp_path / "pictures"
    place.mkdir()
    rng = np.random.default_rng(5)
    for name in ("a", "b", "c"):
        coarse = Image.fromarray(rng.integers(40, 215, (24, 32, 3), np.uint8))
        coarse.resize((256, 192), Image.Resampling.BICUBIC).save(place / f"{name}.png")
    return place


@pytest.fixture
def grid(tmp_path: Path, folder: Path) -> Path:
    """A grid that takes seconds: two schemes, three pictures, one key, four attacks."""
    path = tmp_path / "tiny.toml"
    path.write_text(
        f'schemes = ["dwt", "additive_block"]\nphotographs = "{folder}"\nkeys = 1\n'
        '[[rows]]\nattacks = ["none", "noise(5)", "salt_pepper(0.01)", "jpeg(80)"]\nbytes = [4]\nat_least = 0.5\n',
        "utf-8",
    )
    return path
