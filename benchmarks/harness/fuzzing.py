"""What must hold for any file: one clear error or a picture, in bounded time, and the user's file is never harmed."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watermarking import Key, Marker
from watermarking.errors import WatermarkError
from watermarking.pictures.files import read_picture

if TYPE_CHECKING:
    import random
    from pathlib import Path

__all__ = ["LONGEST", "BrokenPromiseError", "RandomChooser", "exercise"]

LONGEST: Final = 20.0
"""Seconds that one file may take, on a machine that does other things as well."""
_MARKER: Final = Marker(key=Key(bytes(range(16))), search=0)
_MESSAGE: Final = b"\x2a"


class BrokenPromiseError(AssertionError):
    """A file for which one of the promises is broken."""


@dataclass(frozen=True, slots=True)
class RandomChooser:
    """Choices that follow from a number."""

    rng: random.Random

    def whole(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return self.rng.randint(low, high)


def exercise(data: bytes, path: Path) -> str:
    """Read a file, read a message from it, and mark it in place; return what came of it.

    Returns
    -------
    str
        ``"marked"``, or what refused it and at which step.

    Raises
    ------
    BrokenPromiseError
        If the file on the disk is not whole afterwards, something is left beside it, or it took too long.
    Exception
        Whatever was raised that is no :class:`~watermarking.errors.WatermarkError`.
    """
    start = time.perf_counter()
    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # damaged metadata is left out, and said so
            outcome = _outcome(data, path)
    finally:
        taken = time.perf_counter() - start
        beside = [one.name for one in path.parent.iterdir() if one != path]
        if beside or not path.is_file():
            raise BrokenPromiseError(f"beside the file lies {beside}" if beside else "the file is gone")
    if outcome == "marked":
        if _MARKER.extract_file(path).message != _MESSAGE:
            raise BrokenPromiseError("the file that was marked in place cannot be read")
    elif path.read_bytes() != data:
        raise BrokenPromiseError(f"{outcome}, and yet the file has changed")
    if taken > LONGEST:
        raise BrokenPromiseError(f"it took {taken:.1f} s")
    return outcome


def _outcome(data: bytes, path: Path) -> str:
    try:
        read_picture(path, max_pixels=10**6)
        _MARKER.extract_bytes(data)
    except WatermarkError as error:
        _check(error)
        return f"reading: {type(error).__name__}"
    try:
        _MARKER.embed_file(path, path, _MESSAGE, in_place=True)
    except WatermarkError as error:
        _check(error)
        return f"marking: {type(error).__name__}"
    return "marked"


def _check(error: WatermarkError) -> None:
    if len(str(error).splitlines()) != 1:
        raise BrokenPromiseError(f"the message is not one line: {error}")
