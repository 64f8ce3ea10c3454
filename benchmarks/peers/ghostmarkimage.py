"""ghostmark-image 1.1.0 (Apache-2.0): tiles spread over colour and brightness, convolutional codes, CRC-16.

The package hides a place, a height and a time. Bits are put into those numbers: up to 32 into the place alone, which
both layers carry, so that either is enough to read them, and up to 65 into place and height, which the colour layer
carries.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from ghostmark import Record, _core, mark, mark_verified, read, read_cropped

_core.plan = functools.lru_cache(maxsize=64)(_core.plan)  # it draws the same tiles anew for every look at a picture

_SHORT, _LONG = 32, 65
_LATITUDE, _LONGITUDE, _HEIGHT = 25, 26, 14
_LOWEST = -500  # metres that a height of 0 stands for
_last: dict[str, Any] = {}  # the picture marked last, and whether it can be read untouched


class Adapter:
    """The package with its amplitude scaled by the strength; None is what its own self-test chooses."""

    checks = True

    def __init__(self, method: str, refused: type[Exception]) -> None:
        del method
        self.refused = refused

    def embed(self, rgb: Any, bits: Any, strength: float | None) -> Any:
        """Return a marked copy (H, W, 3)."""
        if bits.size > _LONG:
            raise self.refused(f"ghostmark carries {_LONG} bits of ours, {bits.size} are asked for")
        own = strength is None
        marked = mark_verified(rgb, record_of(bits))[0] if own else mark(rgb, record_of(bits), strength)
        _last.clear()
        _last["marked"] = marked
        return marked

    def read(self, rgb: Any, n_bits: int, strength: float) -> Any:
        """Return the bits, or none if no layer passed its check.

        The picture is read as it lies and turned. As a crop, which takes seconds, it is read if its size is no longer
        what it was and the whole picture could be read untouched.
        """
        del strength
        bits = bits_of(read(rgb, try_turns=True), n_bits)
        if bits is None and _may_be_a_crop(rgb, n_bits):
            bits = bits_of(read_cropped(rgb), n_bits)
        return np.zeros(0, np.uint8) if bits is None else bits


def _may_be_a_crop(rgb: Any, n_bits: int) -> bool:
    if "marked" not in _last:
        return True
    if "reads" not in _last:
        _last["reads"] = bits_of(read(_last["marked"]), n_bits) is not None
    return bool(_last["reads"]) and rgb.shape != _last["marked"].shape


def record_of(bits: Any) -> Record:
    """Return the place and height that stand for bits (n,).

    A short message is put in the middle of the cell of its numbers, so that both layers, of 25 and of 21 bits a
    latitude, round to it.
    """
    if bits.size <= _SHORT:
        padded = np.pad(bits, (0, _SHORT - bits.size))
        half = _SHORT // 2
        north, east = ((_number(part) + 0.5) / 2**half for part in (padded[:half], padded[half:]))
        return Record(lat=north * 180 - 90, lon=east * 360 - 180)
    padded = np.pad(bits, (0, _LONG - bits.size))
    north, east, height = (_number(part) for part in np.split(padded, (_LATITUDE, _LATITUDE + _LONGITUDE)))
    return Record(
        lat=north / (2**_LATITUDE - 1) * 180 - 90, lon=east / (2**_LONGITUDE - 1) * 360 - 180, alt=height + _LOWEST
    )


def bits_of(found: Any, n_bits: int) -> Any:
    """Return the bits that a reading stands for; None if it has not got them."""
    if found is None:
        return None
    if n_bits <= _SHORT:
        if found.location is None:
            return None
        half = _SHORT // 2
        north, east = (found.location[0] + 90) / 180, (found.location[1] + 180) / 360
        numbers = [min(int(part * 2**half), 2**half - 1) for part in (north, east)]
        return np.concatenate([_bits(number, half) for number in numbers])[:n_bits]
    record = found.l1
    if not record or record["lat"] is None or record["alt"] is None:
        return None
    north = round((record["lat"] + 90) / 180 * (2**_LATITUDE - 1))
    east = round((record["lon"] + 180) / 360 * (2**_LONGITUDE - 1))
    parts = [_bits(north, _LATITUDE), _bits(east, _LONGITUDE), _bits(record["alt"] - _LOWEST, _HEIGHT)]
    return np.concatenate(parts)[:n_bits]


def _number(bits: Any) -> int:
    return int("".join(map(str, bits.astype(int))), 2)


def _bits(number: int, count: int) -> Any:
    return np.array([number >> (count - 1 - place) & 1 for place in range(count)], np.uint8)
