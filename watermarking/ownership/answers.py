"""Answers to queries: of a model, which is asked one by one, and those that are there, in folders or in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.models import as_function, white_of
from watermarking.pictures.arrays import check_image
from watermarking.pictures.files import SUFFIXES, read_picture
from watermarking.pictures.folders import survey

if TYPE_CHECKING:
    from watermarking.interface import Image
    from watermarking.ownership.models import Conventions

__all__ = ["Answers", "Side", "check_depth", "open_side", "pictures_of", "read_folder", "to_levels"]

Answers = Mapping[str, "Image"] | Sequence["Image"] | Callable[["Image"], "Image"] | str | Path | Any
"""A model, a folder of pictures, or pictures in memory."""
_FULL: Final = 65535
_SHALLOW: Final = 2**14
"""16-bit pictures of cameras and scanners with fewer bits hold 10, 12 or 14."""


def read_folder(folder: Path) -> tuple[dict[str, Image], dict[str, str]]:
    """Read the pictures in and under a folder by their names without suffix, and say which could not be read and why.

    Names are relative to the folder: ``day/003`` for ``folder/day/003.png``. Where a file says itself what white is in
    its 16-bit samples (PNG's sBIT, TIFF's MaxSampleValue), they come with 65535 for white.

    Raises
    ------
    FileFormatError
        If it is no folder, or holds no pictures.
    """
    if not folder.is_dir():
        raise FileFormatError(f"{folder} is no folder of pictures: name one")
    listing = survey(folder)
    found: dict[str, Image] = {}
    failures: dict[str, str] = {}
    for path in listing.pictures:
        inside = path.relative_to(folder)
        name = inside.with_suffix("").as_posix()
        try:
            if name in found:
                raise FileFormatError(f"there is another picture of the name {name!r}: leave one out")
            found[name] = _full(read_picture(path))
        except (WatermarkError, OSError) as error:
            failures[inside.as_posix()] = str(error)
    for passed in listing.passed_over:
        if passed.path.suffix.lower() in SUFFIXES and passed.reason not in ("hidden", "link to a folder"):
            failures[passed.path.relative_to(folder).as_posix()] = f"{passed.reason} is not read"
    if not found and not failures:
        raise FileFormatError(f"{folder} holds no pictures: name the folder with the answers")
    return found, failures


def _full(picture: Any) -> Image:
    array: Image = picture.array
    if array.dtype != np.uint16 or picture.peak in (None, _FULL):
        return array
    return np.rint(array * np.float32(_FULL / picture.peak)).clip(0, _FULL).astype(np.uint16)


def to_levels(picture: Image, peak: int | None = None) -> Image:
    """Return a picture as uint8 without alpha, which is what is compared.

    Parameters
    ----------
    picture : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    peak : int, optional
        White of 16-bit pictures; 65535 if left out, whatever they hold.

    Raises
    ------
    UnsupportedImageError
        If a sample is larger than that.
    """
    colour = picture[..., :3] if picture.ndim == 3 else picture
    if colour.dtype == np.uint8:
        return np.ascontiguousarray(colour)
    levels = colour.astype(np.float32) * np.float32(255 / white_of(picture, peak))
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


def check_depth(pictures: Mapping[str, Image], peak: int | None, who: str) -> None:
    """Refuse 16-bit pictures all of which hold 14 bits or fewer, if nobody said what white is.

    Taken for what they are not, they would be compared in a few of the 256 levels, and marks in them be lost.

    Raises
    ------
    WatermarkError
    """
    deep = [picture for picture in pictures.values() if picture.dtype == np.uint16]
    if peak is not None or not deep or (highest := max(int(picture.max()) for picture in deep)) >= _SHALLOW:
        return
    raise WatermarkError(
        f"16-bit pictures of {who} hold no more than {highest:,}: say what white is (peak or --peak), {_FULL} if they "
        f"are dark, or {2 ** max(8, highest.bit_length()) - 1} if that is all their bits"
    )


@dataclass(frozen=True)
class Side:
    """One side of a comparison, the suspect or the owner.

    Attributes
    ----------
    who : str, in messages
    ask : function from a query to an answer, of a model; None where the answers are there
    found : dict of the answers that are there, by name
    failures : dict of those that could not be read
    peak : int or None, white of its 16-bit answers
    """

    who: str
    ask: Callable[[Image], Image] | None = None
    found: Mapping[str, Image] = field(default_factory=dict, repr=False)
    failures: Mapping[str, str] = field(default_factory=dict)
    peak: int | None = None

    def answer(self, name: str, query: Image | None) -> Image:
        """Return the answer to a query, uint8.

        Raises
        ------
        WatermarkError
            If there is none; a model may fail in any way, and what it raises is told as the reason.
        """
        if self.ask is None:
            if name not in self.found:
                raise WatermarkError(f"{self.who} has no answer to it")
            return to_levels(self.found[name], self.peak)
        assert query is not None
        try:
            return to_levels(self.ask(query.copy()), self.peak)  # a suspect may write into what it is given
        except Exception as error:  # what a remote model raises is its own; what came is kept
            raise WatermarkError(f"{self.who} failed: {type(error).__name__}: {error}") from error


def open_side(source: Answers, conventions: Conventions | None, who: str, *, has_queries: bool) -> Side:
    """Look at what was given as a side: a model, a folder, or pictures in memory.

    Raises
    ------
    FileFormatError
        If a file or folder is not there, or is none of these.
    WatermarkError
        If it is a model and there is nothing to ask it, or nobody said what white is in its 16-bit pictures.
    """
    peak = conventions.peak if conventions else None
    given = isinstance(source, (Mapping, Sequence)) and not isinstance(source, str)
    if given or (isinstance(source, (str, Path)) and Path(source).is_dir()):
        found, failures = pictures_of(source)
        check_depth(found, peak, who)
        return Side(who, None, found, failures, peak)
    if isinstance(source, (str, Path)) and not Path(source).exists():
        raise FileFormatError(f"there is no {str(source)!r}: name a folder of answers or an ONNX file")
    ask = as_function(source, conventions)
    if not has_queries:
        raise WatermarkError(f"{who} is a model, and there are no queries to ask it: give queries")
    return Side(who, ask, peak=peak)


def pictures_of(source: Any) -> tuple[dict[str, Image], dict[str, str]]:
    """Return pictures by name, of a folder or in memory (by their numbers, if they are in order), and what failed."""
    if source is None:
        return {}, {}
    if isinstance(source, (str, Path)):
        return read_folder(Path(source))
    named = source.items() if isinstance(source, Mapping) else ((f"{i:06d}", one) for i, one in enumerate(source))
    return {name: check_image(np.asarray(picture)) for name, picture in named}, {}
