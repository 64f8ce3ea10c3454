"""What goes down the metrics' gradients is still the same mark to the reader."""

from __future__ import annotations

import numpy as np
import pytest
from covers import photograph

pytest.importorskip("torch")

from harness.descent import Course
from watermarking import Key, Marker
from watermarking.metrics import butteraugli, psnr, ssimulacra2

KEY = Key(bytes(range(16)))


def test_the_reader_is_untouched_and_the_metrics_are_pleased() -> None:
    cover = photograph((320, 384, 3))
    course = Course(cover, KEY, b"8 bytes.")
    plain, other = course.marked(course.start), course.marked(course.descended())
    for marked in (plain, other):
        assert Marker("dwt", key=KEY, search=0).extract(marked).message == b"8 bytes."
        assert abs(ssimulacra2(cover, marked) - 88) <= 1.5
    assert psnr(cover, other) < psnr(cover, plain) - 2
    assert butteraugli(cover, other).max < 1.5 * butteraugli(cover, plain).max
    assert np.array_equal(course.cover, cover)
