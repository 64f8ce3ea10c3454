"""Colours that a file names by numbers (ITU-T H.273), and the ICC profile that says the same to other formats."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["is_srgb", "profile_cicp", "profile_of"]

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
_PRIMARIES: Final[dict[int, tuple[tuple[float, float], ...]]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),  # BT.709, sRGB
    4: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), _C),  # BT.470 M
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),  # BT.470 BG
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE 170M
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE 240M
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),  # EBU 3213
}
_UNSPECIFIED: Final = 2
_AS_SRGB: Final = frozenset({_UNSPECIFIED, 1, 6, 13, 14, 15})
"""Transfer characteristics that viewers show with the curve of sRGB."""
_GAMMAS: Final = {4: 2.2, 5: 2.8, 8: 1.0}
_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D50: Final = (0.9642, 1.0, 0.8249)
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def is_srgb(primaries: int, transfer: int) -> bool:
    """Say whether primaries and transfer characteristics are those that a picture without a profile is shown with."""
    return primaries in (1, _UNSPECIFIED) and transfer in _AS_SRGB


def profile_of(primaries: int, transfer: int) -> bytes | None:
    """Return an ICC profile (version 4, matrix and curve) for RGB, or None where there is no such profile.

    Parameters
    ----------
    primaries, transfer : int
        Colour primaries and transfer characteristics of ITU-T H.273; 2, unspecified, is taken for those of sRGB.
    """
    points = _PRIMARIES.get(1 if primaries == _UNSPECIFIED else primaries)
    if points is None or (transfer not in _AS_SRGB and transfer not in _GAMMAS):
        return None
    matrix, adaptation = _to_d50(points)
    curve = _SRGB_CURVE if transfer in _AS_SRGB else (_GAMMAS[transfer],)
    name = f"H.273 primaries {primaries}, transfer {transfer}"
    parts = [
        (b"desc", _text(name)),
        (b"cprt", _text("No copyright, use freely")),
        (b"wtpt", _xyz(_D50)),
        (b"chad", b"sf32\0\0\0\0" + b"".join(map(_fixed, adaptation.ravel()))),
        *((tag, _xyz(matrix[:, column])) for column, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))),
        *((tag, _parametric(curve)) for tag in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    return _profile(parts)


def profile_cicp(icc: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer characteristics that an ICC profile names in a ``cicp`` tag, if it has one."""
    if len(icc) < 132:
        return None
    (n_tags,) = struct.unpack_from(">I", icc, 128)
    for place in range(132, min(132 + 12 * n_tags, len(icc) - 11), 12):
        tag, offset, size = struct.unpack_from(">4sII", icc, place)
        if tag == b"cicp" and size >= 12 and offset + 12 <= len(icc):
            return icc[offset + 8], icc[offset + 9]
    return None


def _to_d50(points: tuple[tuple[float, float], ...]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the matrix from linear RGB to XYZ under D50, and the adaptation from the white that they have to it."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in points])
    white = columns[3]
    to_xyz = columns[:3].T * np.linalg.solve(columns[:3].T, white)
    cones, wanted = _BRADFORD @ white, _BRADFORD @ np.array(_D50)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(wanted / cones) @ _BRADFORD
    return adaptation @ to_xyz, adaptation


def _profile(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Put a profile together: header, table of tags, tags."""
    body, table, start = b"", b"", 128 + 4 + 12 * len(parts)
    for tag, content in parts:
        table += struct.pack(">4sII", tag, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s4s", 2026, 1, 1, 0, 0, 0, b"acsp", b"\0\0\0\0")
    head = (head + bytes(24)).ljust(68, b"\0") + b"".join(map(_fixed, _D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(parts)) + table + body


def _fixed(value: float) -> bytes:
    """Return a number as s15Fixed16."""
    return struct.pack(">i", round(float(value) * 65536))


def _xyz(values: tuple[float, ...] | npt.NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _parametric(values: tuple[float, ...]) -> bytes:
    kind = 3 if len(values) == 5 else 0
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, values))


def _text(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(content), 28) + content
