"""What is trained: groups of cells that differ in key and seed alone, in the order of their importance."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.distil import Distil
from watermarking.ownership.classifiers.removal.registry import REMOVALS, removal_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BASE", "CLEAN", "OWNER", "REFERENCES", "SMOOTHED", "Group", "groups_of"]

OWNER, REFERENCES, SMOOTHED, CLEAN = "owner", "references", "smoothed references", "clean"
"""Groups that nobody stole: the owner's model, clean models that he compares with, and clean ones that are judged."""
BASE: Final = "distilled, T = 1"
"""What stands for a stolen model where a removal changes one."""
_STARTS: Final = ("wrapper", "embedded", "unmarked", "nobody")
_MAIN: Final = tuple(f"distilled, T = {t}" for t in (1, 3, 10))
_FEWER: Final = ("distilled, 10k queries", "distilled, T = 3, 10k queries", "distilled, T = 10, 10k queries")
_HARD: Final = ("distilled, hard labels", "answers of the top 1")
_TYPICAL: Final = (
    "fine-tuned, all, 0.001", "fine-tuned, 30k labels", "fine-tuned, smoothed, 5k labels", "re-trained, all",
    "pruned 50 %", "fine-pruned 50 %", "4 bit", "overwritten", "reshaped", "stolen and clean",
)  # fmt: skip

_WEAKENING: Final = (
    "fine-tuned, 15 epochs", "fine-tuned, adversarial", "dehydrated", "own mark on the answers", "pruned 90 %, tuned",
    "answers squared", "answers below .05 zeroed",
)  # fmt: skip
"""What leaves little of the standard profile's mark: how much of the strong one's?"""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Models that are trained at once.

    Attributes
    ----------
    task, network : str
    start : {"wrapper", "embedded", "unmarked", "nobody"}
        Whose answers or weights are stolen: those behind a wrapper that marks, of a model with the mark in its weights,
        of the owner's unmarked model; or nothing is.
    removal : str
        A name in ``REMOVALS``, or one of the groups that nobody stole.
    profile : str
        Of the mark.
    keys, seeds : tuple of int
    """

    task: str
    start: str
    removal: str
    network: str = "c2"
    profile: str = "standard"
    keys: tuple[int, ...] = tuple(range(10))
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        """Check the names."""
        if self.start not in _STARTS or (self.start != "nobody" and self.removal not in REMOVALS):
            raise WatermarkError(f"there is no start {self.start!r} with {self.removal!r}")

    @property
    def config(self) -> dict[str, Any]:
        """What the removal is, all its choices; nothing for models that nobody stole."""
        return {} if self.start == "nobody" else removal_config(REMOVALS[self.removal])

    @property
    def name(self) -> str:
        """Sixteen digits that stand for all that is trained."""
        described = {**self.__dict__, "config": self.config}
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Key and seed of each model, in order."""
        return [(key, seed) for key in self.keys for seed in self.seeds]

    def cells(self) -> Iterator[dict[str, Any]]:
        """Yield the parameters of each model."""
        shared = {name: getattr(self, name) for name in ("task", "start", "removal", "network", "profile")}
        for key, seed in self.pairs:
            yield {**shared, "config": self.config, "key": key, "seed": seed}


def groups_of(task: str, *, small: bool = False, keys: range | None = None, seeds: range | None = None) -> list[Group]:
    """List the groups of a task, the most important first; the small list has one key and two seeds.

    Parameters
    ----------
    keys, seeds : range, optional
        Those of models that somebody stole; left out, ten and three. Groups without any are left out.
    """
    found = list(_nobody(task)) + (list(_few(task)) if small else list(_many(task)))
    thinned = [
        one if one.start in ("nobody", "unmarked")
        else replace(one, keys=_those(one.keys, keys), seeds=_those(one.seeds, seeds))
        for one in found
    ]  # fmt: skip
    unique = {group.name: group for group in thinned if group.pairs}
    return list(unique.values())


def _those(numbers: tuple[int, ...], asked: range | None) -> tuple[int, ...]:
    return tuple(number for number in numbers if asked is None or number in asked)


def _nobody(task: str) -> Iterator[Group]:
    usual: dict[str, Any] = {"task": task, "start": "nobody", "keys": (-1,)}
    yield Group(**usual, removal=OWNER, seeds=(0,))
    yield Group(**usual, removal=REFERENCES, seeds=(101, 102, 103))
    yield Group(**usual, removal=SMOOTHED, seeds=(111, 112))


def _few(task: str) -> Iterator[Group]:
    one: dict[str, Any] = {"task": task, "keys": (0,), "seeds": (0, 1)}
    yield Group(task=task, start="nobody", removal=CLEAN, keys=(-1,), seeds=(201, 202))
    yield Group(task=task, start="unmarked", removal=BASE, keys=(-1,), seeds=(301,))
    for name in (*_MAIN[:2], "distilled, hard labels", "fine-tuned, all, 0.001", "pruned 50 %", "4 bit"):
        yield Group(**one, start="wrapper", removal=name)
    yield Group(**one, start="wrapper", removal=BASE, network="mlp")
    yield Group(**one, start="embedded", removal="fine-tuned, all, 0.001")


def _many(task: str) -> Iterator[Group]:
    yield from _of(task, "wrapper", _MAIN, networks=("c2", "mlp"))
    yield from _nulls(task)
    yield from _of(task, "wrapper", _FEWER, networks=("c2", "mlp"))
    yield from _of(task, "wrapper", _TYPICAL)
    if task == "fashion":
        yield from _of(task, "wrapper", REMOVALS)
        yield from _of(task, "wrapper", _MAIN, networks=("residual",))
    yield from _of(task, "embedded", (*_MAIN[:2], *_TYPICAL))
    yield from _of(task, "embedded", _MAIN[:1], networks=("mlp",))
    if task == "fashion":
        yield from _of(task, "wrapper", _FEWER, networks=("residual",))
        for profile in ("strong", "light"):
            yield from _of(task, "wrapper", (*_MAIN[:2], *_TYPICAL, *_HARD), profile=profile, seeds=(0,))
        yield from _of(task, "wrapper", _TYPICAL, networks=("mlp",), seeds=(0,))
        yield from _of(task, "wrapper", _WEAKENING, profile="strong", seeds=(0,))


def _nulls(task: str) -> Iterator[Group]:
    """Yield 26 clean models, and 16 distilled from the unmarked model: more of those that train fast."""
    for i, (network, n, more) in enumerate((("c2", 8, 0), ("mlp", 14, 2), ("residual", 4, 0))):
        seeds = tuple(range(200 + 20 * i, 200 + 20 * i + n))
        yield Group(task=task, start="nobody", removal=CLEAN, network=network, keys=(-1,), seeds=seeds)
        for j, name in enumerate(_MAIN[:2]):
            first = 300 + 10 * i + 2 * j
            seeds = (first, first + 1, *range(first + 6, first + 6 + more))
            yield Group(task=task, start="unmarked", removal=name, network=network, keys=(-1,), seeds=seeds)


def _of(
    task: str, start: str, names: Iterable[str], *, networks: tuple[str, ...] = ("c2",), **more: Any
) -> Iterator[Group]:
    """Yield groups of named removals, but for those that the task has no data for.

    Of Fashion-MNIST three seeds, of other tasks one: answers of 26 classes fill what may be fetched from a lent GPU.
    """
    if task != "fashion":
        more.setdefault("seeds", (0,))
    for name in names:
        for network in networks:
            if task == "fashion" or not _needs_fashion(name):
                yield Group(task=task, start=start, removal=name, network=network, **more)


def _needs_fashion(name: str) -> bool:
    """Say whether a removal wants more queries than letters are drawn, or another domain or task."""
    removal = REMOVALS[name]
    n = getattr(removal, "n", 0)
    outside = isinstance(removal, Distil) and removal.queries != "own"
    return outside or removal.id == "transfer" or (n > 20_000 and name not in _MAIN)
