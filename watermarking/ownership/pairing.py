"""Queries, the owner's answers and the suspect's, put together; whatever cannot be is counted with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.answers import (
    Answers,
    Side,
    check_depth,
    open_side,
    pictures_of,
    read_folder,
    to_levels,
)
from watermarking.ownership.likeness import matched, show_the_same, thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watermarking.interface import Image
    from watermarking.ownership.models import Conventions

__all__ = [
    "Answers", "Pair", "made_pair", "open_sides", "pair_up", "paired", "read_folder", "taken", "to_levels",
]  # fmt: skip

_OTHER = "the answer shows something else than the owner's"


@dataclass(frozen=True)
class Pair:
    """The suspect's answer to a query and the owner's own, both uint8 and of one shape; ``own`` is None if blind."""

    name: str
    suspect: Image
    own: Image | None
    query: Image | None = None


def open_sides(
    suspect: Answers, queries: Any, own: Answers, conventions: Conventions | None, own_conventions: Conventions | None
) -> tuple[dict[str, Image], dict[str, str], Side, Side]:
    """Return the queries by name, what of them could not be read, the suspect's side and the owner's.

    Raises
    ------
    FileFormatError, WatermarkError
        If one of them is not there, or is a model that there is nothing to ask.
    """
    asked, failures = pictures_of(queries)
    how = conventions if own_conventions is None else own_conventions
    theirs = open_side(suspect, conventions, "the suspect", has_queries=bool(asked))
    ours = open_side(own, how, "the owner's model", has_queries=bool(asked))
    for side in (theirs, ours):
        if side.ask is not None:
            check_depth(asked, side.peak, "the queries")
    return asked, failures, theirs, ours


def pair_up(
    suspect: Answers, queries: Any, own: Answers, *, conventions: Conventions | None = None,
    own_conventions: Conventions | None = None, tell: Callable[[int, int], object] | None = None,
) -> tuple[list[Pair], dict[str, str], int]:  # fmt: skip
    """Ask the suspect, or take its answers, and put each beside the owner's own answer.

    Answers in folders are paired by their names; those whose names do not fit, by what they show.

    Parameters
    ----------
    suspect, own : model, folder, or pictures by name or in order
    queries : folder, or pictures by name or in order; None where both have answered already
    conventions, own_conventions : Conventions, optional
        Of networks, and what white is in 16-bit pictures; the owner's are those of the suspect if left out.
    tell : callable, optional
        Called with the number of queries done and of all.

    Returns
    -------
    pairs : list of Pair
    failures : dict
        Names of queries and answers that are left out, with reasons: a model that failed, another size, no partner, a
        picture of something else, grey ones among colour.
    n : int
        How many queries there were.

    Raises
    ------
    WatermarkError
        If there is nothing to compare, or a model is given and no queries.
    """
    asked, failures, theirs, ours = open_sides(suspect, queries, own, conventions, own_conventions)
    pairs = paired(asked, theirs, ours, failures, tell)
    return pairs, failures, len(asked) or len(ours.found)


def paired(
    asked: Mapping[str, Image], theirs: Side, ours: Side, failures: dict[str, str],
    tell: Callable[[int, int], object] | None = None,
) -> list[Pair]:  # fmt: skip
    """Ask both sides all queries and return the pairs of :func:`pair_up`; what fails is added to ``failures``.

    Raises
    ------
    WatermarkError
        If there is nothing to compare.
    """
    answers = _ask_all(theirs, asked, failures, tell)
    owned = _ask_all(ours, asked, failures)
    partners = _partners(answers, owned, failures)
    pairs: list[Pair] = []
    for name, other in partners.items():
        try:
            pairs.append(made_pair(name, answers[other], owned[name], asked.get(name)))
        except WatermarkError as error:
            failures[name] = str(error)
    return _of_one_kind(pairs, failures)


def taken(
    suspect: Answers, queries: Any, *, conventions: Conventions | None = None,
    tell: Callable[[int, int], object] | None = None,
) -> tuple[list[Pair], dict[str, str], int]:  # fmt: skip
    """Ask the suspect, or take its answers, with nothing beside them: for marks that are read blind.

    Parameters, results and errors are those of :func:`pair_up`.
    """
    asked, failures = pictures_of(queries)
    side = open_side(suspect, conventions, "the suspect", has_queries=bool(asked))
    if side.ask is not None:
        check_depth(asked, side.peak, "the queries")
    answers = _ask_all(side, asked, failures, tell)
    pairs = [Pair(name, answer, None, asked.get(name)) for name, answer in answers.items()]
    return _of_one_kind(pairs, failures), failures, len(asked) or len(pairs)


def _ask_all(
    side: Side, asked: Mapping[str, Image], failures: dict[str, str], tell: Callable[[int, int], object] | None = None
) -> dict[str, Image]:
    """Return a side's answers by name, uint8: asked, each query for itself, or those that are there."""
    failures.update(side.failures)
    names = list(side.found) if side.ask is None else list(asked)
    found: dict[str, Image] = {}
    for number, name in enumerate(names, 1):
        try:
            found[name] = side.answer(name, asked.get(name))
        except WatermarkError as error:
            failures[name] = str(error)
        if tell is not None and side.ask is not None:
            tell(number, len(names))
    return found


def made_pair(name: str, answer: Image, own: Image, query: Image | None = None) -> Pair:
    """Put an answer beside the owner's own, both uint8; both grey if one is.

    Raises
    ------
    WatermarkError
        If they differ in size.
    """
    if answer.shape[:2] != own.shape[:2]:
        raise WatermarkError(f"the answer is {_size(answer)}, the owner's {_size(own)}: they must be of one size")
    if answer.ndim != own.ndim:
        answer, own = (one if one.ndim == 2 else _grey(one) for one in (answer, own))
    return Pair(name, answer, own, query)


def _grey(picture: Image) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def _size(picture: Image) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"


def _of_one_kind(pairs: list[Pair], failures: dict[str, str]) -> list[Pair]:
    """Keep the larger group where some are grey and some in colour: they are tested in different ways.

    Raises
    ------
    WatermarkError
        If nothing is left.
    """
    grey = [pair for pair in pairs if pair.suspect.ndim == 2]
    colour = [pair for pair in pairs if pair.suspect.ndim == 3]
    kept, left, kind = (colour, grey, "grey") if len(colour) >= len(grey) else (grey, colour, "in colour")
    failures.update({pair.name: f"it is {kind}, most answers are not" for pair in left})
    if not kept:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(failures.items())[:3])
        raise WatermarkError(f"no answer of the suspect can be compared with the owner's ({reasons or 'no pictures'})")
    return kept


def _partners(answers: Mapping[str, Image], owned: Mapping[str, Image], failures: dict[str, str]) -> dict[str, str]:
    """Return names of the owner's answers with those of the suspect's: equal ones, and for the rest by likeness.

    Answers under the right name that show something else may have been renamed, too.
    """
    theirs = {name: thumbnail(picture) for name, picture in answers.items()}
    ours = {name: thumbnail(picture) for name, picture in owned.items()}
    named = [name for name in owned if name in answers]
    found = {
        name: name for name in named
        if answers[name].shape[:2] != owned[name].shape[:2] or show_the_same(theirs[name], ours[name])
    }  # fmt: skip
    rest = {name: row for name, row in ours.items() if name not in found}
    found |= matched(rest, theirs, [name for name in answers if name not in found])
    used = set(found.values())
    for name in owned:
        if name not in found and name not in failures:
            failures[name] = _OTHER if name in answers and name not in used else "the suspect has no answer to it"
    for name in answers:
        if name not in used and name not in failures:
            failures[name] = "no query of the owner's fits it"
    return {name: found[name] for name in owned if name in found}
