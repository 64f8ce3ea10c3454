"""Several marks in one answer: each is found by itself, and the tries are paid for."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.ownership.conftest import KEY, OTHER, tiles
from watermarking.errors import WatermarkError
from watermarking.metrics.psnr import psnr
from watermarking.ownership.marks import BlindMark, get_mark, mark_config
from watermarking.ownership.several import SeveralMarks

MARK = SeveralMarks()


def test_both_marks_are_there_and_each_is_enough() -> None:
    covers = tiles(6)
    marked = [MARK.mark(cover, key=KEY) for cover in covers]
    assert all(psnr(one, cover) > 41.9 for one, cover in zip(marked, covers, strict=True))
    assert MARK.verify(marked, covers, key=KEY).p_value < 1e-6
    assert MARK.verify_blind(marked, key=KEY).p_value < 1e-6
    moved = [np.roll(one, 1, 1) for one in marked]  # off the pixel grid: the hidden picture is gone, the other is not
    assert MARK.verify_blind(moved, key=KEY).p_value > 1e-3
    aside = [np.roll(one, 1, 1) for one in covers]
    assert MARK.verify(moved, aside, key=KEY).p_value < 1e-6
    assert MARK.verify(marked, covers, key=OTHER).p_value > 1e-3


def test_the_tries_are_paid_for() -> None:
    covers = tiles(2)
    single = min(
        get_mark(one).verify(covers, covers[::-1], key=KEY.derive(f"ownership/several/{n}")).p_value
        for n, one in enumerate(MARK.marks)
    )
    assert MARK.verify(covers, covers[::-1], key=KEY).p_value >= single


def test_it_goes_through_json() -> None:
    assert isinstance(MARK, BlindMark)
    assert get_mark(json.loads(json.dumps(mark_config(MARK)))) == MARK


def test_what_is_refused() -> None:
    with pytest.raises(WatermarkError, match="two or more"):
        SeveralMarks(marks=[{"id": "learnable"}])
    unread = SeveralMarks(marks=[{"id": "learnable"}, {"id": "bits"}])
    with pytest.raises(WatermarkError, match="without the owner's own"):
        unread.verify_blind(tiles(1), key=KEY)
