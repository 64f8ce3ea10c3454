"""Queries, the owner's answers and the suspect's, put together; whatever cannot be is counted with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.models import as_function
from watermarking.pictures.arrays import check_image
from watermarking.pictures.files import SUFFIXES, read_picture
from watermarking.pictures.ranges import sample_peak

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image
    from watermarking.ownership.models import Conventions

__all__ = ["Answers", "Pair", "pair_up", "read_folder", "to_levels"]

Answers = Mapping[str, "Image"] | Sequence["Image"] | Callable[["Image"], "Image"] | str | Path | Any
"""A model, a folder of pictures, or pictures in memory."""
_THUMBNAIL: Final = 16
_ALIKE: Final = 0.9
"""Correlation of two thumbnails from which two pictures may be answers to one query."""
_RELATED: Final = 0.5
"""Correlation below which an answer under the right name is one to another query, or rubbish. Negatives are related."""
_CLEARER: Final = 0.02
"""By how much the best of them must lead."""


@dataclass(frozen=True)
class Pair:
    """The suspect's answer to a query and the owner's own, both uint8 and of one shape."""

    name: str
    suspect: Image
    own: Image
    query: Image | None = None


def read_folder(folder: Path) -> tuple[dict[str, Image], dict[str, str]]:
    """Read the pictures of a folder by their names without suffix, and say which could not be read and why.

    Raises
    ------
    FileFormatError
        If it is no folder, or holds no pictures.
    """
    if not folder.is_dir():
        raise FileFormatError(f"{folder} is no folder of pictures: name one")
    found: dict[str, Image] = {}
    failures: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        try:
            if path.stem in found:
                raise FileFormatError(f"there is another picture of the name {path.stem!r}: leave one out")
            found[path.stem] = read_picture(path).array
        except (WatermarkError, OSError) as error:
            failures[path.name] = str(error)
    if not found and not failures:
        raise FileFormatError(f"{folder} holds no pictures: name the folder with the answers")
    return found, failures


def to_levels(picture: Image) -> Image:
    """Return a picture as uint8 without alpha, which is what is compared."""
    colour = picture[..., :3] if picture.ndim == 3 else picture
    if colour.dtype == np.uint8:
        return np.ascontiguousarray(colour)
    levels = colour.astype(np.float32) * np.float32(255 / sample_peak(picture))
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


def pair_up(
    suspect: Answers, queries: Any, own: Answers, *, conventions: Conventions | None = None,
    tell: Callable[[int, int], object] | None = None,
) -> tuple[list[Pair], dict[str, str], int]:  # fmt: skip
    """Ask the suspect, or take its answers, and put each beside the owner's own answer.

    Answers in folders are paired by their names; where no name fits, by what they show.

    Parameters
    ----------
    suspect, own : model, folder, or pictures by name or in order
    queries : folder, or pictures by name or in order; None where both have answered already
    conventions : Conventions, optional
        Of models that are networks.
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
    asked, failures = _pictures(queries)
    answers, more = _answers(suspect, asked, conventions, "the suspect", tell)
    owned, others = _answers(own, asked, conventions, "the owner's model", None)
    failures = {**failures, **more, **others}
    partners = _partners(answers, owned, failures)
    pairs = []
    for name, other in partners.items():
        one, two = to_levels(answers[other]), to_levels(owned[name])
        if one.shape[:2] != two.shape[:2]:
            failures[name] = f"the answer is {_size(one)}, the owner's {_size(two)}: they must be of one size"
            continue
        if not _show_the_same(one, two):
            failures[name] = "the answer shows something else than the owner's"
            continue
        pairs.append(Pair(name, *_alike(one, two), asked.get(name)))
    pairs = _of_one_kind(pairs, failures)
    if not pairs:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(failures.items())[:3])
        raise WatermarkError(f"no answer of the suspect can be compared with the owner's ({reasons or 'no pictures'})")
    return pairs, failures, len(asked) or len(owned)


def _of_one_kind(pairs: list[Pair], failures: dict[str, str]) -> list[Pair]:
    """Keep the larger group where some are grey and some in colour: they are tested in different ways."""
    grey = [pair for pair in pairs if pair.own.ndim == 2]
    colour = [pair for pair in pairs if pair.own.ndim == 3]
    kept, left, kind = (colour, grey, "grey") if len(colour) >= len(grey) else (grey, colour, "in colour")
    failures.update({pair.name: f"it is {kind}, most answers are not" for pair in left})
    return kept


def _show_the_same(one: Image, two: Image) -> bool:
    """Say whether an answer may be one to the same query; flat pictures may be anything's.

    It looks at thumbnails, and at no key.
    """
    first, second = _thumbnail(one), _thumbnail(two)
    flat = min(float(np.linalg.norm(first)), float(np.linalg.norm(second))) < 0.5
    return flat or abs(float(first @ second)) >= _RELATED


def _alike(one: Image, two: Image) -> tuple[Image, Image]:
    """Make both grey where one is."""
    if one.ndim == two.ndim:
        return one, two
    grey = [picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (one, two)]
    return np.asarray(grey[0]), np.asarray(grey[1])


def _size(picture: Image) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"


def _pictures(source: Any) -> tuple[dict[str, Image], dict[str, str]]:
    if source is None:
        return {}, {}
    if isinstance(source, (str, Path)):
        return read_folder(Path(source))
    named = source.items() if isinstance(source, Mapping) else ((f"{i:06d}", one) for i, one in enumerate(source))
    return {name: check_image(np.asarray(picture)) for name, picture in named}, {}


def _answers(
    source: Answers, asked: Mapping[str, Image], conventions: Conventions | None, who: str,
    tell: Callable[[int, int], object] | None,
) -> tuple[dict[str, Image], dict[str, str]]:  # fmt: skip
    """Ask a model, each query for itself, or take the answers that are there."""
    given = isinstance(source, (Mapping, Sequence)) and not isinstance(source, str)
    if given or (isinstance(source, (str, Path)) and Path(source).is_dir()):
        return _pictures(source)
    if isinstance(source, (str, Path)) and not Path(source).exists():
        raise FileFormatError(f"there is no {str(source)!r}: name a folder of answers or an ONNX file")
    if not asked:
        raise WatermarkError(f"{who} is a model, and there are no queries to ask it: give queries")
    ask = as_function(source, conventions)
    found: dict[str, Image] = {}
    failures: dict[str, str] = {}
    for number, (name, query) in enumerate(asked.items(), 1):
        try:
            found[name] = ask(query.copy())  # a suspect may write into what it is given
        except Exception as error:  # noqa: BLE001  # what a remote model raises is its own; what came is kept
            failures[name] = f"{who} failed: {type(error).__name__}: {error}"
        if tell is not None:
            tell(number, len(asked))
    return found, failures


def _partners(answers: Mapping[str, Image], owned: Mapping[str, Image], failures: dict[str, str]) -> dict[str, str]:
    """Return names of the owner's answers with those of the suspect's: equal ones, or where none is, by likeness."""
    names = {name: name for name in owned if name in answers}
    if not names:
        names = _by_likeness(answers, owned)
    for name in owned:
        if name not in names and name not in failures:
            failures[name] = "the suspect has no answer to it"
    for name in answers:
        if name not in names.values() and name not in failures:
            failures[name] = "no query of the owner's fits it"
    return names


def _by_likeness(answers: Mapping[str, Image], owned: Mapping[str, Image]) -> dict[str, str]:
    """Pair renamed answers by what they show, where that is beyond doubt."""
    if not answers or not owned:
        return {}
    ours = np.stack([_thumbnail(picture) for picture in owned.values()])
    theirs = np.stack([_thumbnail(picture) for picture in answers.values()])
    alike = ours @ theirs.T
    found: dict[str, str] = {}
    for row, name in enumerate(owned):
        best = int(alike[row].argmax())
        second = np.partition(alike[row], -2)[-2] if len(answers) > 1 else -1.0
        if alike[row, best] >= _ALIKE and alike[row, best] - second >= _CLEARER and alike[:, best].argmax() == row:
            found[name] = list(answers)[best]
    return found


def _thumbnail(picture: Image) -> npt.NDArray[np.float32]:
    levels = to_levels(picture)
    grey = levels if levels.ndim == 2 else cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6), np.float32)
