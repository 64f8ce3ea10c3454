"""Pictures that are clear in part: what can be seen of them decides what they are."""

from __future__ import annotations

import pytest
from covers import photograph

from watermarking import Key, Marker
from watermarking.metrics import ssimulacra2

KEY = Key(bytes(range(16)))


@pytest.mark.parametrize(("drawn", "aim"), [(False, 88), (True, 86)])
def test_what_is_clear_makes_no_page(drawn: bool, aim: float) -> None:
    """It is flat in the plane, as paper is, and counts for nothing."""
    cover = photograph((384, 512, 4)).copy()
    if drawn:
        cover[..., :3] = 245
        cover[100:200, 380:480, :3] = 0
    cover[..., 3] = 255
    cover[:, :300, 3] = 0
    marked = Marker(key=KEY).embed(cover, "A")
    assert abs(ssimulacra2(cover, marked) - aim) <= 1.5
    assert Marker(key=KEY, search=0).extract(marked).text == "A"
