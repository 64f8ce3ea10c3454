"""Many small pictures as one sheet, which has room for the bits that none of them could carry alone."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import CapacityError, UnsupportedImageError
from watermarking.registry import get_scheme

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Bits
    from watermarking.keys import Key

    U8 = npt.NDArray[np.uint8]

__all__ = ["check_pictures", "cut_up", "laid_out", "marked_pictures", "read_word"]

_TRIES: Final = 8
"""Keys, one after the other, until all bits are read back: of sheets of small pictures some bits resist one key."""
_FALLS: Final = (0.0, 3.0, 6.0, 9.0)
"""Decibels by which the mark is made stronger where no key will do."""
_LABEL: Final = "fingerprints/triggers/sheet"
_EMPTY: Final = 128


def check_pictures(pictures: npt.NDArray[np.generic]) -> U8:
    """Return pictures (N, C, H, W) uint8 of 1 or 3 channels.

    Raises
    ------
    UnsupportedImageError
        If they are something else.
    """
    found = np.asarray(pictures)
    if found.ndim != 4 or found.dtype != np.uint8 or found.shape[1] not in (1, 3) or not len(found):
        raise UnsupportedImageError(
            f"verification pictures are (N, 1 or 3, H, W) uint8, not {found.shape} {found.dtype}: of anything else use "
            "the soft-label carrier"
        )
    return found


def laid_out(pictures: U8) -> U8:
    """Return pictures (N, C, H, W) row by row on one sheet, (rows, columns) or (rows, columns, 3)."""
    n, channels, height, width = pictures.shape
    across = math.ceil(math.sqrt(n))
    down = -(-n // across)
    full = np.full((down * across, channels, height, width), _EMPTY, np.uint8)
    full[:n] = pictures
    sheet = full.reshape(down, across, channels, height, width).transpose(0, 3, 1, 4, 2)
    sheet = sheet.reshape(down * height, across * width, channels)
    return np.ascontiguousarray(sheet[..., 0] if channels == 1 else sheet)


def cut_up(sheet: U8, like: U8) -> U8:
    """Return the pictures of a sheet, as many and of the shape that others have."""
    n, channels, height, width = like.shape
    across = sheet.shape[1] // width
    parts = sheet.reshape(-1, height, across, width, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(parts.reshape(-1, channels, height, width)[:n])


def marked_pictures(plain: U8, word: Bits, *, scheme: str, psnr: float, key: Key) -> U8:
    """Return pictures (N, C, H, W) whose sheet carries a word.

    Some bits of a sheet of small pictures resist one key's places and not another's: keys are tried in their order
    until all bits are read back, and where none will do, the mark is made stronger, by up to 9 dB.

    Raises
    ------
    CapacityError
        If the sheet has no room for the word, or no key's places let all bits be read back.
    """
    sheet = laid_out(check_pictures(plain))
    for fall, number in itertools.product(_FALLS, range(_TRIES)):
        chosen, own = get_scheme({"id": scheme, "psnr": psnr - fall}), key.derive(f"{_LABEL}/{number}")
        marked = cut_up(chosen.embed(sheet, word, key=own), plain)
        if np.array_equal(chosen.extract(laid_out(marked), key=own).payload[: word.size], word):
            return marked
    raise CapacityError(
        f"{word.size} bits are not all read back from {len(plain)} pictures of {plain.shape[2]}x{plain.shape[3]} with "
        f"{scheme!r} at {psnr - _FALLS[-1]:g} dB: use a lower PSNR, or larger pictures"
    )


def read_word(marked: U8, n: int, *, scheme: str, key: Key) -> Bits:
    """Return the n bits of a sheet of pictures, of the key under which a mark shows most; all False if none does."""
    chosen, sheet = get_scheme(scheme), laid_out(check_pictures(marked))
    reads = [chosen.extract(sheet, key=key.derive(f"{_LABEL}/{number}")) for number in range(_TRIES)]
    best = min((one for one in reads if one.payload.size >= n), key=lambda one: one.detection.p_value, default=None)
    return np.zeros(n, np.bool_) if best is None else np.asarray(best.payload[:n], np.bool_)
