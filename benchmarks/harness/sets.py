"""Whole data sets to measure on, and the pipelines that marking is compared with."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from watermarking.datasets.manifest import Record
from watermarking.datasets.operator import Marked
from watermarking.datasets.sample import Placed, sha256_of
from watermarking.pictures.files import read_picture, write_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.datasets.sample import Sample

__all__ = ["Recode", "memory_of", "photographs_in", "tiles_in"]

_PHOTOGRAPHS = Path(__file__).parents[1] / "photographs"
_TILES = Path(__file__).parents[2] / "tests/data/tiles"
_MEGAPIXELS = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Recode:
    """Decodes and encodes, and decodes again if told, in the place of the operator that marks.

    Parameters
    ----------
    marker, wording, on_error, verify, keys_per_sample : as those of ``MarkSamples``, for the plan to describe
    """

    marker: Any
    wording: Any
    on_error: str = "copy"
    verify: bool = True
    keys_per_sample: bool = False

    def __call__(self, sample: Sample, *, shard: str, index: int, **_: Any) -> Marked:
        """Return the sample, coded anew."""
        assert isinstance(sample.content, bytes)
        picture = read_picture(sample.content)
        target = io.BytesIO()
        write_picture(picture.array, target, like=picture)
        content = target.getvalue()
        if self.verify:
            read_picture(content)
        before, after = sha256_of(sample.content), sha256_of(content)
        record = Record(sample.name, shard, index, "copied", None, None, None, None, None, None, None, before, after)
        return Marked(Placed(sample, content), record)


def photographs_in(folder: Path, n: int) -> None:
    """Write n JPEG files of the shipped photographs, of 0.2 to 2 megapixels, all of them different."""
    folder.mkdir(parents=True)
    sources = [Image.open(path).convert("RGB") for path in sorted(_PHOTOGRAPHS.glob("*.[jp][pn]g"))]
    rng = np.random.default_rng(12)
    for i in range(n):
        source = sources[i % len(sources)]
        scale = min(1.0, (_MEGAPIXELS[i // len(sources) % 4] * 1e6 / (source.width * source.height)) ** 0.5)
        left, top = (int(rng.integers(0, 9)) for _ in range(2))
        part = source.crop((left, top, source.width, source.height))
        size = (max(256, round(part.width * scale)), max(256, round(part.height * scale)))
        part.resize(size, Image.Resampling.LANCZOS).save(folder / f"{i:05d}.jpg", quality=90)


def tiles_in(folder: Path, n: int) -> None:
    """Link n names to the tiles of the tests, a thousand a folder."""
    tiles = sorted(_TILES.glob("*.jpg"))
    contents = [path.read_bytes() for path in tiles]
    for i in range(n):
        place = folder / f"{i // 1000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:06d}.jpg").write_bytes(contents[i % len(contents)])


def memory_of(pid: int) -> int:
    """Return the bytes of memory that a process and its children hold (Linux)."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) * page for one in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            yield int(stat.parent.name)
