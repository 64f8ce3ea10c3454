"""What the tests of the command line share: a key, pictures, and a way to call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from watermarking.cli import main
from watermarking.keys import Key

if TYPE_CHECKING:
    from pathlib import Path


class Run(Protocol):
    def __call__(self, *args: object, stdin: bytes | None = None) -> Result: ...


def texture(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Make a picture that is neither flat nor noise: smoothed noise over a ramp."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 215, (height // 16 + 2, width // 16 + 2, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("WATERMARKING_KEY", raising=False)

    def call(*args: object, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], input=stdin)

    return call


@pytest.fixture
def keyfile(tmp_path: Path) -> Path:
    file = tmp_path / "my.key"
    Key(bytes(range(32))).save(file)
    return file


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "picture.png"
    Image.fromarray(texture(256, 384)).save(file)
    return file


@pytest.fixture
def large(tmp_path: Path) -> Path:
    file = tmp_path / "large.png"
    Image.fromarray(texture(512, 768)).save(file)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "bilder"
    (place / "unter").mkdir(parents=True)
    for seed, name in enumerate(["a.png", "b.jpg", "unter/ç.png"]):
        Image.fromarray(texture(256, 256, seed)).save(place / name)
    (place / "notes.txt").write_text("no picture")
    return place
