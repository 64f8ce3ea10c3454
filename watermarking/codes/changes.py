"""What a mark changed in a picture as few bytes, exactly."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.changes import N_CONTEXTS, pack_plane, unpack_plane

__all__ = ["pack_changes", "unpack_changes"]

I16 = npt.NDArray[np.int16]
I64 = npt.NDArray[np.int64]

_TAPS: Final = np.array(
    [(0, x) for x in (1, 2, 3, 4)]
    + [(1, x) for x in range(-4, 5)]
    + [(2, x) for x in range(-3, 4)]
    + [(3, x) for x in range(-2, 3)],
    np.int64,
)
_ONE: Final = 4096
_ROWS: Final = 400
"""Rows that the weights are fitted to, at the most."""


def pack_changes(changes: I16) -> bytes:
    """Return the bytes of changes (H, W, channels) int16, within +-16383; channels that change alike cost nothing.

    Examples
    --------
    >>> changes = np.zeros((40, 50, 3), np.int16)
    >>> changes[7, 9] = (3, 3, 2)
    >>> data = pack_changes(changes)
    >>> len(data) < 100, np.array_equal(unpack_changes(data, changes.shape), changes)
    (True, True)
    """
    planes = _planes(changes)
    weights = _fitted(planes[0])
    out = np.empty(64 + changes.size, np.uint8)
    while True:
        odds, state = _begun()
        for place, plane in enumerate(planes):
            pack_plane(plane, planes[0], place == 0, _TAPS, weights, odds, state, out)
        if state[2] + 4 <= out.size:
            break
        out = np.empty(int(state[2]) + 64, np.uint8)
    end = int(state[2])
    out[end : end + 4] = np.frombuffer(int(state[1]).to_bytes(4, "big"), np.uint8)
    return weights.astype("<i2").tobytes() + out[: end + 4].tobytes()


def unpack_changes(data: bytes, shape: tuple[int, ...]) -> I16:
    """Return the changes (H, W, channels) int16 that were packed; of damaged bytes, some."""
    head = 2 * len(_TAPS)
    weights = np.frombuffer(data[:head].ljust(head, b"\0"), "<i2").astype(np.int64)
    body = np.frombuffer(data[head:].ljust(4, b"\0"), np.uint8)
    odds, state = _begun()
    state[2:] = 4, int.from_bytes(body[:4].tobytes(), "big")
    planes = [np.zeros(shape[:2], np.int16) for _ in range(shape[2])]
    for place, plane in enumerate(planes):
        unpack_plane(plane, planes[0], place == 0, _TAPS, weights, odds, state, body)
    return np.stack(planes if shape[2] == 1 else [planes[1], planes[0], planes[2]], axis=2)


def _planes(changes: I16) -> list[I16]:
    """Return the channels, green first."""
    order = (0,) if changes.shape[2] == 1 else (1, 0, 2)
    return [np.ascontiguousarray(changes[..., channel]) for channel in order]


def _begun() -> tuple[I64, I64]:
    return np.full(N_CONTEXTS + 16, 1 << 15, np.int64), np.array([0, 0xFFFFFFFF, 0, 0], np.int64)


def _fitted(plane: I16) -> I64:
    """Return the weights that predict a plane best, by least squares over its middle rows."""
    start = max(0, (plane.shape[0] - _ROWS) // 2)
    part = np.pad(plane[start : start + _ROWS].astype(np.float64), ((3, 0), (4, 4)))
    height, width = part.shape[0] - 3, part.shape[1] - 8

    def shifted(down: int, right: int) -> npt.NDArray[np.float64]:
        return np.ravel(part[3 - down : 3 - down + height, 4 - right : 4 - right + width])

    columns = np.stack([shifted(int(y), int(x)) for y, x in _TAPS])
    matrix = columns @ columns.T + 1e-4 * columns.shape[1] * np.eye(len(_TAPS))
    found = np.linalg.solve(matrix, columns @ part[3:, 4:-4].ravel())
    weights: I64 = np.clip(np.rint(found * _ONE), -32768, 32767).astype(np.int64)
    return weights
