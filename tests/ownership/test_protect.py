"""A protected model answers with marks, in every form that models have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from tests.ownership.conftest import KEY, OTHER, tiles
from watermarking.errors import CapacityError, WatermarkError
from watermarking.ownership.marks import BitsMark, get_mark, mark_config
from watermarking.ownership.models import Conventions
from watermarking.ownership.protect import ProtectedModel, marked_answer

if TYPE_CHECKING:
    from tests.ownership.conftest import Pixels

MARK = BitsMark(scheme={"id": "dwt", "psnr": 42.0})


def blurred(picture: Pixels) -> Pixels:
    """Stand for a classic algorithm."""
    rows = (picture[:-1].astype(np.uint16) + picture[1:] + 1) // 2
    return np.concatenate([rows.astype(np.uint8), picture[-1:]])


def test_a_classic_algorithm_is_protected() -> None:
    pictures = tiles(3)
    model = ProtectedModel(blurred, MARK, key=KEY)
    answers, own = [model(one) for one in pictures], [model.unmarked(one) for one in pictures]
    assert all(np.array_equal(one, blurred(picture)) for one, picture in zip(own, pictures, strict=True))
    assert MARK.verify(answers, own, key=KEY).p_value < 1e-9
    assert MARK.verify(answers, own, key=OTHER).p_value > 1e-3
    assert MARK.verify(own, own, key=KEY).p_value == 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_batches_of_tensors_are_marked(low: float, high: float) -> None:
    batch = torch.from_numpy(np.stack(tiles(2)).transpose(0, 3, 1, 2) / 255).float() * (high - low) + low
    model = ProtectedModel(nn.Identity().eval(), MARK, key=KEY, conventions=Conventions(low=low, high=high))
    answers = model(batch)
    assert (answers.dtype, answers.shape) == (batch.dtype, batch.shape)
    pictures = [((one - low) / (high - low) * 255).round().byte().permute(1, 2, 0).numpy() for one in answers]
    assert MARK.verify(pictures, tiles(2), key=KEY).p_value < 1e-6


def test_tensors_in_the_other_order_are_marked_alike() -> None:
    batch = torch.from_numpy(np.stack(tiles(1)).transpose(0, 3, 1, 2) / 255).float()
    one, other = (
        ProtectedModel(nn.Identity().eval(), MARK, key=KEY, conventions=Conventions(order=order))(planes)
        for order, planes in (("rgb", batch), ("bgr", batch.flip(1)))
    )  # fmt: skip
    assert torch.allclose(one, other.flip(1), atol=1e-6)


def test_dark_answers_of_sixteen_bits_are_marked_as_dark_ones() -> None:
    deep = (tiles(1)[0] // 4).astype(np.uint16) * 16  # up to 1,008
    for stated, white in ((4095, 4095), (None, 65535)):
        change = marked_answer(deep, MARK, KEY, peak=stated).astype(float) - deep
        assert 41 < -10 * np.log10(np.mean((change / white) ** 2)) < 45
    served = ProtectedModel(lambda picture: picture, MARK, key=KEY, conventions=Conventions(peak=4095))(deep)
    assert np.array_equal(served, marked_answer(deep, MARK, KEY, peak=4095))
    with pytest.raises(WatermarkError, match="its peak is said to be 255"):
        marked_answer(deep, MARK, KEY, peak=255)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [0, 3, 4])
def test_answers_keep_their_form(dtype: str, channels: int) -> None:
    colour = tiles(1)[0]
    top = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    shaped = colour[..., 0] if not channels else np.dstack([colour, colour[..., :1]])[..., :channels]
    given = np.ascontiguousarray((shaped / 255 * top).astype(dtype))
    before = given.copy()
    found = marked_answer(given, MARK, KEY)
    assert (found.dtype, found.shape) == (given.dtype, given.shape)
    assert np.array_equal(given, before)
    error = 10 * np.log10(np.mean(((found.astype(float) - given) / top)[..., :3] ** 2) + 1e-12)
    assert -44 < error < -39
    if channels == 4:
        assert np.array_equal(found[..., 3], given[..., 3])


def test_small_pictures_get_what_fits_or_are_told_their_size() -> None:
    """The default has 64 bits; 192x192 pixels have room for 36."""
    mark = BitsMark()
    small = [np.tile(one, (2, 2, 1))[:192, :192].copy() for one in tiles(3)]
    large = [np.tile(one, (2, 2, 1))[:256, :256].copy() for one in tiles(2)]
    marked = [mark.mark(one, key=KEY) for one in small]
    assert all(mark.verify([one], [two], key=KEY).p_value < 1e-6 for one, two in zip(marked, small, strict=True))
    both = mark.verify([*marked, *(mark.mark(one, key=KEY) for one in large)], [*small, *large], key=KEY)
    assert both.p_value < mark.verify(marked, small, key=KEY).p_value  # bits of both sizes are one payload
    assert mark.verify(marked, small, key=OTHER).p_value > 1e-3
    with pytest.raises(CapacityError, match=r"25 bits fit in 160x160 .* 32 are needed: 192x192 pixels are needed"):
        mark.mark(tiles(1)[0], key=KEY)
    assert mark.verify(tiles(1), [255 - tiles(1)[0]], key=KEY).p_value == 1


def test_marks_are_made_from_their_configuration() -> None:
    assert get_mark(mark_config(MARK)) == MARK
    for wrong in (
        "no-mark",
        {"id": "bits", "strength": 3},
        {"id": "bits", "scheme": "deep"},
        {"id": "bits", "n_bits": 8},
    ):
        with pytest.raises(WatermarkError):
            get_mark(wrong)


@pytest.mark.parametrize("scheme", ["additive_block", "additive", "dct", "dwt"])
def test_the_null_of_bits_is_kept(scheme: str) -> None:
    """Of keys that did not mark the answers, few score high: the bound is above the share at every level."""
    from watermarking.keys import Key

    marked = [MARK.mark(one, key=OTHER) for one in tiles(2)]
    mark = BitsMark(scheme=scheme)
    values = [mark.verify(marked, tiles(2), key=Key(bytes([i, 1] * 16))).p_value for i in range(120)]
    for level, most in ((0.1, 20), (0.01, 5)):
        assert sum(value < level for value in values) <= most
