"""ICC profiles (ISO 15076-1) for colours that a file describes by numbers: primaries, white, a curve."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SRGB_CURVE", "Curve", "grey_profile", "rgb_profile"]

Curve = tuple[float, ...]
"""Parameters g, or g, a, b, c, d: a sample x is (a x + b)^g from d on, and c x below; section 10.18."""
SRGB_CURVE: Final[Curve] = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D50: Final = (0.9642, 1.0, 0.8249)
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_VERSION: Final = 0x04300000
_DATE: Final = (2000, 1, 1, 0, 0, 0)
"""The same for all: what a profile says depends on its colours alone."""


def rgb_profile(name: str, points: Sequence[tuple[float, float]], curve: Curve) -> bytes:
    """Return a profile of a display.

    Parameters
    ----------
    name : str
        ASCII.
    points : sequence of four (x, y)
        Red, green, blue and white.
    curve : Curve
        Of all three.

    Raises
    ------
    ValueError
        If these are no colours: primaries on a line, a y of 0.
    """
    *primaries, target = (_xyz(*point) for point in points)
    xyz = np.array(primaries).T
    try:
        columns = xyz * np.linalg.solve(xyz, target)
    except np.linalg.LinAlgError as error:
        raise ValueError("the primaries lie on a line") from error
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / (_BRADFORD @ target)) @ _BRADFORD
    columns = adaptation @ columns
    tags = {
        "desc": _text(name), "cprt": _text("No copyright, use freely"), "wtpt": _numbers("XYZ ", _D50),
        "chad": _numbers("sf32", adaptation.ravel()), "rTRC": _curve(curve), "gTRC": _curve(curve),
        "bTRC": _curve(curve), **{f"{c}XYZ": _numbers("XYZ ", columns[:, n]) for n, c in enumerate("rgb")},
    }  # fmt: skip
    return _profile("RGB ", tags)


def grey_profile(name: str, curve: Curve) -> bytes:
    """Return a profile of grey, from black to the white of the display."""
    tags = {
        "desc": _text(name), "cprt": _text("No copyright, use freely"), "wtpt": _numbers("XYZ ", _D50),
        "kTRC": _curve(curve),
    }  # fmt: skip
    return _profile("GRAY", tags)


def _xyz(x: float, y: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not y > 0:
        raise ValueError(f"the chromaticity ({x}, {y}) is no colour")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _profile(space: str, tags: dict[str, bytes]) -> bytes:
    head_size = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name.encode(), head_size + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s6H4s4sI4s4sQI", head_size + len(body), b"", _VERSION, b"mntr", space.encode(), b"XYZ ", *_DATE,
        b"acsp", b"", 0, b"", b"", 0, 0,
    ) + struct.pack(">3i", *(round(value * 65536) for value in _D50))  # fmt: skip
    return head.ljust(128, b"\0") + table + body


def _text(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III4sII", 0, 1, 12, b"enUS", len(content), 28) + content


def _numbers(kind: str, values: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    return kind.encode() + struct.pack(f">I{len(values)}i", 0, *(round(float(value) * 65536) for value in values))


def _curve(curve: Curve) -> bytes:
    shape = 0 if len(curve) == 1 else 3
    return b"para" + struct.pack(f">IHH{len(curve)}i", 0, shape, 0, *(round(value * 65536) for value in curve))
