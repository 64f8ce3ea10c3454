"""A moved picture put back into the frame that it was marked in."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.messages.frame import Colours
from watermarking.sync.warp import Warp
from watermarking.testing.covers import photograph

STILL = np.zeros((2, 3))


def test_a_cut_out_lies_where_it_was_and_the_rest_is_clear() -> None:
    whole = photograph((120, 160, 3))
    warp = Warp(np.array([[1.0, 0, -20], [0, 1.0, -30]]), STILL)
    frame = Colours(whole[20:100, 30:130], 1).put_back(warp, (120, 160))
    assert (frame.shape, frame.dtype) == ((120, 160, 4), np.float32)
    assert np.abs(frame[20:100, 30:130, :3] * 255 - whole[20:100, 30:130]).max() < 0.01
    assert (frame[20:100, 30:130, 3] == 1).all()
    assert frame[..., 3].sum() == 80 * 100


def test_a_mirrored_negative_is_put_back_at_its_scale() -> None:
    whole = photograph((120, 160, 3))
    large = np.repeat(np.repeat(255 - whole[:, ::-1], 3, axis=0), 3, axis=1)
    warp = Warp(np.array([[1.0, 0, 0], [0, -1.0, 159]]), STILL)
    frame = Colours(large, 3).put_back(warp, (120, 160), negative=True)
    assert np.abs(frame[..., :3] * 255 - whole).max() < 0.01
    assert (frame[..., 3] == 1).all()
    assert Colours(large, 3).outline(warp, (120, 160)) == (0, 0, 360, 480)


def test_an_outline_is_clipped_to_the_picture() -> None:
    colours = Colours(np.zeros((100, 90, 3), np.uint8), 2)
    assert colours.outline(Warp(np.array([[1.0, 0, 10], [0, 1.0, -5]]), STILL), (30, 60)) == (20, 0, 60, 90)
    assert colours.outline(Warp(np.array([[1.0, 0, 900], [0, 1.0, -900]]), STILL), (30, 60)) == (99, 0, 1, 1)


@pytest.mark.parametrize("kind", ["grey", "clear", "uint16", "float32"])
def test_every_kind_of_picture_is_put_back(kind: str) -> None:
    whole = photograph((64, 80, 3))
    image = {
        "grey": whole[..., 0],
        "clear": np.dstack([whole, np.where(np.arange(80) < 40, 0, 255) * np.ones((64, 1), int)]).astype(np.uint8),
        "uint16": whole.astype(np.uint16) * 257,
        "float32": whole.astype(np.float32) / 255,
    }[kind]
    frame = Colours(image, 1).put_back(Warp(np.eye(2, 3), STILL), (64, 80))
    wanted = np.repeat(whole[..., :1], 3, axis=2) if kind == "grey" else whole
    assert np.abs(frame[..., :3] * 255 - wanted).max() < 0.02
    assert (frame[:, :40, 3] == (kind != "clear")).all()
    assert (frame[:, 40:, 3] == 1).all()
    assert frame[..., :3].min() >= 0
    assert frame[..., :3].max() <= 1
