"""What thieves have, who they are, and the models that they end up with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

import torch
from torch import Tensor

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.answers import LEAST, Changes, without_floors
from watermarking.ownership.classifiers.tasks.engine import Engine
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.classifiers.tasks.stack import Stack
from watermarking.ownership.classifiers.tasks.training import log_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Loot", "Removal", "Suspects", "Thieves", "log_probabilities"]

_TOLERANCE: Final = 1e-2


def log_probabilities(p: Tensor) -> Tensor:
    """Return float32 logarithms of probabilities (..., n_classes); zeros become the least that is told apart.

    Raises
    ------
    WatermarkError
        If a row does not sum to one, or holds NaN or what is negative.
    """
    found = p.float()
    if not bool(torch.isfinite(found).all()) or bool((found < 0).any()):
        raise WatermarkError("the answers hold NaN, infinity or negative numbers: give probabilities")
    worst = float((found.sum(-1) - 1).abs().max()) if found.numel() else 0.0
    if worst > _TOLERANCE:
        raise WatermarkError(f"a row of answers is {worst:.3g} away from a sum of 1: give probabilities, not logits")
    return found.clamp(min=LEAST).log()


@dataclass(frozen=True, eq=False, kw_only=True)
class Loot:
    """What thieves start from.

    Attributes
    ----------
    queries : Tensor (n, ...)
        Their own inputs: uint8 pictures (channels, H, W), or features.
    answers : Tensor (t, n, n_classes)
        Log-probabilities that t models answered with.
    labels : Tensor (n,) int64
        True classes of the queries; removals say how many of them they use.
    outside : (Tensor (m, ...), Tensor (t, m, n_classes)) or None
        Inputs of another domain, and what was answered.
    clean : Stack or None
        Unmarked models of the same architecture as the thieves'.
    other : (Tensor (m, ...), Tensor (m,)) or None
        Another task's inputs and labels, of as many classes or fewer.
    flips : bool
        Mirrored inputs keep their class.

    Raises
    ------
    WatermarkError
        If the parts do not go together.
    """

    queries: Tensor
    answers: Tensor
    labels: Tensor
    outside: tuple[Tensor, Tensor] | None = None
    clean: Stack | None = None
    other: tuple[Tensor, Tensor] | None = None
    flips: bool = False

    def __post_init__(self) -> None:
        """Check the shapes."""
        n = len(self.queries)
        if self.answers.ndim != 3 or self.answers.shape[1] != n or self.labels.shape != (n,):
            raise WatermarkError(
                f"{n} queries, answers of {tuple(self.answers.shape)} and labels of {tuple(self.labels.shape)} do not "
                "go together: give (n, ...), (models, n, classes) and (n,)"
            )
        if self.outside is not None and self.outside[1].shape != (
            len(self.answers), len(self.outside[0]), self.n_classes
        ):  # fmt: skip
            raise WatermarkError(f"answers of {tuple(self.outside[1].shape)} do not go with the outside inputs")
        if self.other is not None and int(self.other[1].max()) >= self.n_classes:
            raise WatermarkError(f"the other task has more than {self.n_classes} classes: leave some out")

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.answers.shape[2])

    def labelled(self, n: int) -> tuple[Tensor, Tensor]:
        """Return n of the queries and their true classes.

        Raises
        ------
        WatermarkError
            If there are not as many.
        """
        if not 2 <= n <= len(self.queries):
            raise WatermarkError(f"{n} labelled inputs are asked for, there are {len(self.queries)}: ask for fewer")
        return self.queries[:n], self.labels[:n]


@dataclass(frozen=True, kw_only=True)
class Thieves:
    """Who steals.

    Attributes
    ----------
    network : str
        Their architecture, one of ``CLASSIFIERS``.
    seeds : tuple of int
        One a thief.
    teachers : tuple of int
        Whose answers each has, by their place in ``Loot.answers``.
    engine : Engine
    """

    network: str
    seeds: tuple[int, ...]
    teachers: tuple[int, ...]
    engine: Engine = dataclasses.field(default_factory=Engine)

    def __post_init__(self) -> None:
        """Check that there is a teacher for each."""
        if not self.seeds or len(self.seeds) != len(self.teachers):
            raise WatermarkError(f"{len(self.seeds)} seeds and {len(self.teachers)} teachers: give one of both a thief")

    def untrained(self, n_classes: int, shape: Sequence[int]) -> Stack:
        """Return a new network for each."""
        return Stack.of([build_classifier(self.network, n_classes, shape, seed=seed) for seed in self.seeds])


@dataclass(frozen=True, eq=False, kw_only=True)
class Suspects:
    """k models as they are served.

    Attributes
    ----------
    stacks : tuple of Stack
        The mean of their probabilities is answered; usually one.
    filter : callable or None
        What is done to inputs first.
    floors : Tensor (k, n_classes, n_classes) or None
        What is taken off answers.
    changes : Changes
        What is done to answers last.
    """

    stacks: tuple[Stack, ...]
    filter: Callable[[Tensor], Tensor] | None = None
    floors: Tensor | None = None
    changes: Changes = dataclasses.field(default_factory=Changes)

    def __len__(self) -> int:
        return len(self.stacks[0])

    @property
    def stack(self) -> Stack:
        """The networks, of models that are one each.

        Raises
        ------
        WatermarkError
            If they are ensembles.
        """
        if len(self.stacks) > 1:
            raise WatermarkError("ensembles have no weights of their own to change: give models that are one network")
        return self.stacks[0]

    def answer(self, inputs: Tensor) -> Tensor:
        """Return log-probabilities (k, n, n_classes) for inputs (n, ...)."""
        seen = inputs if self.filter is None else self.filter(inputs)
        found = [log_answers(stack, seen) for stack in self.stacks]
        mean = found[0] if len(found) == 1 else torch.stack(found).exp().mean(0).clamp(min=LEAST).log()
        if self.floors is not None:
            mean = without_floors(mean, self.floors.to(mean.device))
        return self.changes.apply(mean)


class Removal(Protocol):
    """A frozen dataclass of JSON-able fields that steals, or that changes what was stolen."""

    id: ClassVar[str]
    steals: ClassVar[bool]
    """Whether it starts from answers alone; others start from stolen models."""

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Return the thieves' models.

        Parameters
        ----------
        loot, thieves : Loot, Thieves
        stolen : Suspects
            As many as thieves; not needed by those that steal.

        Raises
        ------
        WatermarkError
            If the loot lacks what is needed.
        """
        ...


def needed(stolen: Suspects | None, thieves: Thieves) -> Suspects:
    """Return the stolen models, one a thief.

    Raises
    ------
    WatermarkError
        If there are none, or not as many as thieves.
    """
    if stolen is None or len(stolen) != len(thieves.seeds):
        n = 0 if stolen is None else len(stolen)
        raise WatermarkError(f"{len(thieves.seeds)} thieves have {n} stolen models: give one each")
    return stolen
