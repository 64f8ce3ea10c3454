"""What lies in the folder that a page of the docs is run in: photographs, answers, vectors."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.pages import ROOT
from watermarking.keys import Key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["PLACES"]

FLOWER = ROOT / "benchmarks/photographs/flower.jpg"
TILES = sorted((ROOT / "tests/data/tiles").glob("*.jpg"))


def photo(place: Path) -> None:
    """Lay out the photograph that most pages mark."""
    shutil.copy(FLOWER, place / "photo.jpg")


def named(*names: str) -> Callable[[Path], None]:
    """Return what lays out that photograph and a folder ``photos`` of others, so named."""

    def lay_out(place: Path) -> None:
        photo(place)
        (place / "photos").mkdir()
        for name in names:
            shutil.copy(FLOWER, place / "photos" / name)

    return lay_out


def data_set(place: Path) -> None:
    """Lay out three photographs and their labels."""
    named(*(f"flower-{i}.jpg" for i in range(3)))(place)
    (place / "photos/labels.csv").write_text("file,label\n")


def clone(place: Path) -> None:
    """Lay out what a clone has, and two small photographs."""
    photo(place)
    (place / "benchmarks").symlink_to(ROOT / "benchmarks")
    (place / "photos").mkdir()
    for name in ("chelsea", "camera"):
        Image.open(ROOT / f"benchmarks/photographs/{name}.png").save(place / f"photos/{name}.png")


def keyed(place: Path) -> None:
    """Lay out the photograph, and a key that is always the same, where what is read hangs by a thread."""
    photo(place)
    Key(bytes(range(16))).save(place / "my.key")


def lossless(place: Path) -> None:
    """Lay out the photograph without JPEG."""
    Image.open(FLOWER).save(place / "photo.png")


def answers(place: Path) -> None:
    """Lay out a model's answers, to be marked, and what thieves and controls are made of."""
    for name in ("answers", "answers-test", "inputs", "inputs-test"):
        (place / name).mkdir()
        for path in TILES:
            shutil.copy(path, place / name / path.name)
    rng = np.random.default_rng(0)
    for i in range(19):
        (place / f"unmarked/{i}").mkdir(parents=True)
        for path in TILES[:4]:
            noise = rng.normal(0, 2, np.asarray(Image.open(path)).shape)
            answer = np.clip(np.asarray(Image.open(path)) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(answer).save(place / f"unmarked/{i}/{path.stem}.png")


def vectors(place: Path) -> None:
    """Lay out vectors that an MLP learns in seconds, in the place of drawn letters."""
    for seed, (n, names) in enumerate(
        [(2000, ("inputs", "answers", "labels")), (800, ("asked", "own", "asked-labels"))], 1
    ):
        for name, array in zip(names, _draw(n, seed), strict=True):
            np.save(place / f"{name}.npy", array)


def _draw(n: int, seed: int) -> tuple[Any, Any, Any]:
    """Return vectors, what a model that knows how they were drawn answers, and their classes."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(10, 12))
    labels = rng.integers(0, 10, n)
    drawn = centres[labels] + 0.6 * rng.normal(size=(n, 12))
    odds = -((drawn[:, None] - centres) ** 2).sum(2) / 0.72
    odds = np.exp(odds - odds.max(1, keepdims=True))
    return drawn, odds / odds.sum(1, keepdims=True), labels


def coded(place: Path) -> None:
    """Lay out the photograph without JPEG, and a key."""
    Key(bytes(range(16))).save(place / "my.key")
    lossless(place)


def photographs(place: Path) -> None:
    """Lay out what networks are trained on: drawn clouds, for photographs that are evaluated on train nothing."""
    photo(place)
    (place / "photographs").mkdir()
    rng = np.random.default_rng(0)
    for i in range(9):
        coarse = Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8))
        coarse.resize((640, 640), Image.Resampling.BICUBIC).save(place / f"photographs/{i}.png")


PLACES: dict[str, Callable[[Path], None]] = {
    "README.md": named("flower.jpg"),
    "benchmarks.md": clone,
    "choose.md": photo,
    "classifiers.md": vectors,
    "command-line.md": named("one.jpg", "two.jpg"),
    "data-flow.md": photo,
    "data-set-owner.md": data_set,
    "datasets.md": data_set,
    "deep.md": photographs,
    "files.md": photo,
    "index.md": photo,
    "ownership.md": answers,
    "p-values.md": keyed,
    "photographer.md": named("one.jpg", "two.jpg"),
    "plugins.md": photo,
    "python.md": named("one.jpg", "two.jpg"),
    "researcher.md": clone,
    "reversible.md": lossless,
    "schemes.md": photo,
    "security.md": photo,
    "where.md": photo,
}
"""Pages that need more than this have tests of their own, which call ``run_page`` with their names."""
