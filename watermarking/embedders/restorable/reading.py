"""Undoing what was written, and checking all of it before any of it is believed."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from watermarking.embedders.restorable.layers import Canvas, read_layer
from watermarking.embedders.restorable.sheet import (
    MAC,
    TAG,
    Header,
    Sheet,
    layer_mask,
    tag_of_cover,
    tag_of_payload,
)

if TYPE_CHECKING:
    from watermarking.interface import Bits, Image
    from watermarking.keys import Key

__all__ = ["Undone", "undone"]

U8 = npt.NDArray[np.uint8]


class Undone(NamedTuple):
    """A payload whose tag is right, the picture without it, and whether that is the cover, bit for bit."""

    payload: Bits
    cover: Image
    whole: bool


def undone(image: Image, key: Key) -> Undone | None:
    """Read header and layers and put everything back; None unless the payload's tag is right."""
    if image.dtype.kind == "f":
        return None
    sheet = Sheet.of(image, key)
    if sheet is None:
        return None
    n_layers = 2 * sheet.canvas.work.shape[2]
    header = Header.opened(sheet.lowest, n_layers, key)
    if header is None:
        return None
    layers = sheet.layers(header.weights, header.depth)
    canvas = Canvas(sheet.canvas.work, sheet.canvas.skip, header.depth)
    parts: list[U8] = []
    for place in reversed(range(n_layers)):
        if header.seen[place]:
            done = header.chosen[place], header.unit, header.seen[place]
            part = read_layer(canvas, layers[place], *done, layer_mask(key, place))
            if part is None:
                return None
            parts.insert(0, part)
    return _opened(image, key, sheet, np.concatenate([*parts, np.zeros(0, np.uint8)]), header.n_payload)


def _opened(image: Image, key: Key, sheet: Sheet, stream: U8, n_payload: int) -> Undone | None:
    """Take what was written apart and check it."""
    n_tags, n_header = 8 * (MAC + TAG), sheet.lowest.size
    if stream.size != n_tags + n_header + n_payload:
        return None
    tags = np.packbits(stream[:n_tags]).tobytes()
    payload = stream[n_tags + n_header :].astype(np.bool_)
    if not hmac.compare_digest(tags[:MAC], tag_of_payload(key, payload)):
        return None
    cover = sheet.picture(image, stream[n_tags : n_tags + n_header])
    return Undone(payload, cover, hmac.compare_digest(tags[MAC:], tag_of_cover(key, cover, payload)))
