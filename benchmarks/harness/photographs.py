"""The photographs that everything is measured on, and the rule for their size.

``shipped``: the ten of the repository. ``evaluation``: those and seven more that ``fetch_data.sh`` fetches. ``large``:
flower.png and held-out training photographs of 3 to 8 MP, at their own size. ``training-validation``: the held-out
ones at the standard size. ``pages``: what :mod:`watermarking.demo.pages` draws. Or any folder. Evaluation
photographs never tune anything, nor do these pages.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.demo.pages import PAGES, draw

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SETS", "Photograph", "PhotographsError", "data_folder", "find", "load"]

SHIPPED = Path(__file__).parents[1] / "photographs"
LONG_SIDE = 768
SETS = ("shipped", "evaluation", "large", "training-validation", "pages")
_SPORCO = "py/sporco/sporco/data"
_FLOWER = "x/libjxl-testdata/usr/share/libjxl-testdata/jxl/flower/flower.png"
_FETCHED = (
    *(f"{_SPORCO}/{name}.png" for name in ("kodim23", "barbara", "sail", "tulips", "monarch")),
    "py/scikit_image/skimage/data/motorcycle_left.png",
    _FLOWER,
)
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".edj"}


class PhotographsError(Exception):
    """There are no photographs where they should be; the message says how to get them."""


@dataclass(frozen=True)
class Photograph:
    """A file, the name that rows know it by, and the longest side that it is shrunk to (0: as it is).

    What has no file is drawn.
    """

    name: str
    path: Path | None
    long_side: int = LONG_SIDE


def data_folder() -> Path:
    """Return the folder that ``fetch_data.sh`` fills."""
    return Path(os.environ.get("DATA") or Path(__file__).parents[3] / "wm-data")


def find(chosen: str) -> list[Photograph]:
    """List the photographs of a set or a folder, in a fixed order.

    Raises
    ------
    PhotographsError
        If there are none.
    """
    if chosen in ("shipped", "evaluation"):
        found = [Photograph(path.stem, path) for path in _pictures(SHIPPED)]
        if chosen == "evaluation":
            found += _present([data_folder() / path for path in _FETCHED], LONG_SIDE)
    elif chosen in ("large", "training-validation"):
        held_out = [data_folder() / path for path in _held_out()]
        large = chosen == "large"
        found = _present([data_folder() / _FLOWER, *held_out] if large else held_out, 0 if large else LONG_SIDE)
    elif chosen == "pages":
        found = [Photograph(name, None, 0) for name in PAGES]
    elif Path(chosen).is_dir():
        found = [Photograph(f"{path.name}#{_digest(path)}", path) for path in _pictures(Path(chosen))]
    else:
        raise PhotographsError(f"{chosen!r} is no folder and no set of photographs: the sets are {', '.join(SETS)}")
    if not found:
        raise PhotographsError(f"there are no photographs in {chosen!r}: see benchmarks/fetch_data.sh")
    return found


@functools.lru_cache(maxsize=4)
def load(photograph: Photograph) -> npt.NDArray[np.uint8]:
    """Read a photograph as 8 bits, grey or RGB, shrunk by area averaging, never enlarged; read-only."""
    from watermarking.pictures.files import read_picture
    from watermarking.pictures.opencv import cv2_module

    if photograph.path is None:
        page = draw(photograph.name)
        page.flags.writeable = False
        return page
    source: Path | bytes = _embedded_jpeg(photograph.path) if photograph.path.suffix == ".edj" else photograph.path
    pixels: Any = read_picture(source).array
    if pixels.dtype != np.uint8:
        pixels = (pixels // 257).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = pixels[..., :3]
    height, width = pixels.shape[:2]
    factor = photograph.long_side / max(height, width)
    if 0 < factor < 1:
        size = (round(width * factor), round(height * factor))
        cv2 = cv2_module()
        pixels = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    ready: npt.NDArray[np.uint8] = np.ascontiguousarray(pixels)
    ready.flags.writeable = False
    return ready


def _present(paths: list[Path], long_side: int) -> list[Photograph]:
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        print(f"not there, so left out: {', '.join(missing)} (benchmarks/fetch_data.sh fetches them)", file=sys.stderr)
    return [Photograph(_name(path), path, long_side) for path in paths if path.exists()]


def _name(path: Path) -> str:
    return "flower-jxl" if path.name == "flower.png" else path.stem


def _held_out() -> list[str]:
    lines = (SHIPPED / "held-out.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _pictures(folder: Path) -> list[Path]:
    """List the pictures of a folder; what is none is said and left out."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    others = [path.name for path in files if path.suffix.lower() not in _SUFFIXES]
    if others and folder != SHIPPED:
        print(f"no pictures, so left out: {', '.join(others)}", file=sys.stderr)
    return [path for path in files if path.suffix.lower() in _SUFFIXES]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def _embedded_jpeg(path: Path) -> bytes:
    """Return the largest RGB JPEG inside an Enlightenment theme file."""
    from PIL import Image

    content, start = path.read_bytes(), -1
    best, best_pixels = b"", 0
    while (start := content.find(b"\xff\xd8\xff", start + 1)) >= 0:
        try:
            picture = Image.open(io.BytesIO(content[start:]))
        except OSError:
            continue
        if picture.format == "JPEG" and picture.mode == "RGB" and picture.width * picture.height > best_pixels:
            best, best_pixels = content[start:], picture.width * picture.height
    if not best:
        raise PhotographsError(f"{path} holds no photograph")
    return best
