"""A picture's samples with the places of a header set aside, the header itself, and the tags that guard everything."""

from __future__ import annotations

import hmac
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from watermarking.embedders.restorable.layers import CLASSES, Canvas, layers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Bits, Image
    from watermarking.keys import Key

__all__ = [
    "LEAST_SIDE",
    "MAC",
    "SPACING",
    "TAG",
    "Header",
    "Sheet",
    "header_bits",
    "layer_mask",
    "tag_of_cover",
    "tag_of_payload",
]

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

_VERSION: Final = 1
_START: Final = struct.Struct("<BBBBBI")  # version, depth, unit, two weights, bits of payload
MAC: Final = 8
"""Bytes that say whether a header is one, and whether a payload is."""
TAG: Final = 16
"""Bytes that say whether the cover came back."""
SPACING: Final = 4
"""Pixels a bit of header, at the least."""
LEAST_SIDE: Final = 5


def header_bits(n_channels: int) -> int:
    """Return how many bits a header has."""
    n_layers = 2 * n_channels
    return 8 * (_START.size + n_layers * (4 + CLASSES // 2) + MAC)


def tag(key: Key, label: str, n_bytes: int, *parts: bytes | memoryview) -> bytes:
    """Return the first bytes of a keyed hash, each label its own."""
    made = hmac.new(key.stream(f"reversible/{label}", 32), digestmod="sha256")
    for part in parts:
        made.update(part)
    return made.digest()[:n_bytes]


def tag_of_cover(key: Key, cover: Image, payload: Bits) -> bytes:
    """Return the tag of a cover and of what is written into it."""
    what = repr((cover.shape, cover.dtype.str, payload.size)).encode()
    return tag(key, "cover", TAG, what, np.packbits(payload).tobytes(), _octets(cover).data)


def tag_of_payload(key: Key, payload: Bits) -> bytes:
    """Return the tag of a payload and its length."""
    return tag(key, "payload", MAC, payload.size.to_bytes(8, "little"), np.packbits(payload).tobytes())


def _octets(picture: Image) -> U8:
    return np.ascontiguousarray(picture).reshape(-1).view(np.uint8)


def layer_mask(key: Key, layer: int) -> Callable[[int], U8]:
    """Return what draws the mask of a layer's first n bits."""
    return lambda n: key.bits(f"reversible/layer{layer}", n).view(np.uint8)


class Header(NamedTuple):
    """How the layers of a picture are undone.

    Attributes
    ----------
    depth, unit : int, bits of a sample; a unit of the treatments is ``2**unit`` sample values
    weights : of green's error in red's and in blue's, in sixteenths
    n_payload : int, bits of payload
    seen : samples of each layer that were looked at, 0 for layers that were not written
    chosen : (layers, classes) int64, the treatment of each class
    """

    depth: int
    unit: int
    weights: tuple[int, int]
    n_payload: int
    seen: tuple[int, ...]
    chosen: I64

    def sealed(self, key: Key) -> U8:
        """Return the header's bits, encrypted, its tag behind it."""
        choices = self.chosen.astype(np.uint8).ravel()
        body = _START.pack(_VERSION, self.depth, self.unit, *self.weights, self.n_payload)
        body += struct.pack(f"<{len(self.seen)}I", *self.seen) + (choices[::2] | choices[1::2] << 4).tobytes()
        hidden = _xor(body, key)
        return np.unpackbits(np.frombuffer(hidden + tag(key, "header", MAC, hidden), np.uint8))

    @classmethod
    def opened(cls, bits: U8, n_layers: int, key: Key) -> Header | None:
        """Read a header; None if the key has none there, or if it is of a version that is not known."""
        sealed = np.packbits(bits).tobytes()
        hidden, mac = sealed[:-MAC], sealed[-MAC:]
        if not hmac.compare_digest(mac, tag(key, "header", MAC, hidden)):
            return None
        body = _xor(hidden, key)
        version, depth, unit, red, blue, n_payload = _START.unpack_from(body)
        if version != _VERSION:
            return None
        seen = struct.unpack_from(f"<{n_layers}I", body, _START.size)
        pairs = np.frombuffer(body, np.uint8, offset=_START.size + 4 * n_layers)
        chosen = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(n_layers, CLASSES).astype(np.int64)
        return cls(depth, unit, (red, blue), n_payload, seen, chosen)


def _xor(body: bytes, key: Key) -> bytes:
    return bytes(a ^ b for a, b in zip(body, key.stream("reversible/header", len(body)), strict=True))


class Places(NamedTuple):
    """Where a header lies: rows, columns and channels of the samples whose lowest bits hold it, (n,) each."""

    rows: I64
    cols: I64
    channels: I64

    @classmethod
    def of(cls, key: Key, visible: npt.NDArray[np.bool_] | None, shape: tuple[int, ...], n: int) -> Places | None:
        """Draw them, one a stretch of the visible samples; None where there is too little room."""
        seen = None if visible is None else np.flatnonzero(visible)
        n_pixels, n_channels = shape[0] * shape[1] if seen is None else seen.size, shape[2]
        stretch = n_pixels // n  # a pixel each
        if stretch < SPACING or min(shape[:2]) < LEAST_SIDE:
            return None
        drawn = np.arange(n) * stretch + key.integers("reversible/places", n, stretch)
        pixels = drawn if seen is None else seen[drawn]
        channels = key.integers("reversible/channels", n, n_channels)
        return cls(pixels // shape[1], pixels % shape[1], channels)


class Sheet(NamedTuple):
    """A copy of a picture's colours with its header's places set aside, and what was in them."""

    canvas: Canvas
    places: Places
    lowest: U8
    clear: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, image: Image, key: Key, depth: int = 16) -> Sheet | None:
        """Copy a picture's colours and clear the places; None if there is no room for a header."""
        colours = image[..., None] if image.ndim == 2 else image[..., :3]
        clear = image[..., 3] == 0 if image.ndim == 3 and image.shape[2] == 4 else None
        clear = clear if clear is not None and clear.any() else None
        visible = None if clear is None else ~clear
        n_channels = colours.shape[2]
        places = Places.of(key, visible, colours.shape, header_bits(n_channels))
        if places is None:
            return None
        work = np.array(colours, order="C")
        skip = np.zeros(work.shape[:2], np.uint8)
        if clear is not None:
            work[clear] = 0
            skip[clear] = 7
        lowest = (work[places] & 1).astype(np.uint8)
        work[places] &= ~np.ones((), work.dtype)
        skip[places.rows, places.cols] |= (1 << places.channels).astype(np.uint8)
        return cls(Canvas(work, skip, depth), places, lowest, clear)

    def layers(self, weights: tuple[int, int], depth: int) -> list[I64]:
        """Return ``how`` of every layer of the picture."""
        return layers_of(self.canvas.work.shape[2], weights, depth)

    def picture(self, image: Image, lowest: U8) -> Image:
        """Return the picture that the samples make with these bits in their places."""
        work = self.canvas.work
        work[self.places] |= lowest.astype(work.dtype)
        if self.clear is not None:
            work[self.clear] = image[..., :3][self.clear]
        if image.ndim == 2:
            return work[..., 0]
        return work if image.shape[2] == 3 else np.concatenate([work, image[..., 3:]], axis=2)
