"""What the tests of data sets share: small pictures that hold a message, a key, and the command line."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from watermarking.cli import main
from watermarking.keys import Key

if TYPE_CHECKING:
    from pathlib import Path

KEY = Key(bytes(range(32)))


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Make a picture that is neither flat nor noise: smoothed noise over a ramp."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 215, (height // 16 + 2, width // 16 + 2, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)


def encoded(seed: int, file_format: str = "JPEG", side: int = 192) -> bytes:
    """Return a picture file's content."""
    stream = io.BytesIO()
    options = {"quality": 92, "subsampling": 0} if file_format == "JPEG" else {}
    Image.fromarray(texture(side, side, seed)).save(stream, file_format, **options)
    return stream.getvalue()


def contents(place: Path) -> dict[str, bytes]:
    """Return all files below a folder but those of the manifest."""
    files = (path for path in place.rglob("*") if path.is_file())
    found = {str(path.relative_to(place)): path.read_bytes() for path in files}
    return {name: data for name, data in found.items() if not name.startswith(".watermarking")}


class Run:
    """Calls ``watermarking dataset``."""

    def __init__(self, keyfile: Path) -> None:
        self.keyfile = keyfile

    def __call__(self, command: str, *args: Any, key: bool = True) -> Result:
        more = ("-k", str(self.keyfile)) if key else ()
        return CliRunner().invoke(main, ["dataset", command, *map(str, args), *more])

    def embed(self, source: Path, target: Path, *args: Any, message: tuple[str, ...] = ("-m", "Ada")) -> Result:
        """Mark with one worker, in this process, to 40 dB, which takes least time."""
        return self("embed", source, "-o", target, "--workers", 1, "--psnr", 40, *message, *args)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("WATERMARKING_KEY", raising=False)
    file = tmp_path / "my.key"
    KEY.save(file)
    return Run(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of pictures, nested, of two formats, with labels beside them."""
    place = tmp_path / "source"
    (place / "cats").mkdir(parents=True)
    for seed in range(3):
        (place / f"cats/{seed}.jpg").write_bytes(encoded(seed))
    (place / "dog.png").write_bytes(encoded(7, "PNG"))
    (place / "labels.csv").write_text("file,label\ndog.png,dog\n")
    return place
