"""Where the mark is: the picture with a part of something else pasted in, and the map that a reading gives of it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from watermarking.attacks import parse_attack
from watermarking.demo.pages import draw
from watermarking.demo.steps import inline
from watermarking.errors import WatermarkError
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from watermarking.demo.story import Pixels, Telling

__all__ = ["changed_part", "pasted", "section"]

_SHARE: Final = 0.3
"""Of each side of the picture that is pasted over: its corner as far from the edges as from the middle."""
_AFTER: Final = "jpeg(75)"
_WIDTH: Final = 560
"""Pixels that it is shown at: a map says nothing fine."""


def section(told: Telling) -> str:
    """Return two figures, or a sentence where nothing can be shown."""
    try:
        marker = Marker(key=told.key)
        marked = np.asarray(marker.embed(told.original, told.message), np.uint8)
        changed = np.asarray(parse_attack(_AFTER)(pasted(marked), rng=np.random.default_rng(1)), np.uint8)
        where = marker.extract(changed, presence=True).presence
    except WatermarkError as error:
        return _said(str(error))
    if where is None:
        return _said("the message could not be read from the changed picture")
    return (
        '<div class="grid">'
        f'<figure><img src="{inline(changed, _WIDTH)}" alt="The marked picture with a drawing pasted in">'
        f"<figcaption><b>changed</b>: a drawing pasted in, then {_AFTER}</figcaption></figure>"
        f'<figure><img src="{inline(where.heat_map(changed), _WIDTH)}" alt="The map of where the mark is">'
        "<figcaption><b>the map</b>: red where the mark is missing, blue where nothing can be said</figcaption></figure>"
        "</div>"
    )


def changed_part(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that are pasted over."""
    height, width = shape[:2]
    rows, cols = round(_SHARE * height), round(_SHARE * width)
    top, left = (height - rows) // 4, (width - cols) * 3 // 4
    return slice(top, top + rows), slice(left, left + cols)


def pasted(picture: Pixels) -> Pixels:
    """Return a picture, (H, W, 3), with a drawing in one part of it."""
    place = changed_part(picture.shape)
    found = picture.copy()
    rows, cols = found[place].shape[:2]
    found[place] = np.asarray(Image.fromarray(draw("drawing")).resize((cols, rows), Image.Resampling.LANCZOS))
    return found


def _said(why: str) -> str:
    return f'<p class="soft">It cannot be shown for this picture: {html.escape(why)}.</p>'
