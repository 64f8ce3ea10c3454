"""What OpenCV would say about a file on stderr is not said: its decoders see none."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from watermarking.pictures.files import read_picture
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import pytest


def test_tags_that_opencv_does_not_know_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    array = np.random.default_rng(0).integers(0, 65536, (40, 60, 3)).astype(np.uint16)
    cv2 = cv2_module()
    data = cv2.imencode(".tiff", array[..., ::-1])[1].tobytes()
    sample_format, unknown = (struct.pack("<HHI", tag, 3, 3) for tag in (339, 65001))
    assert data.count(sample_format) == 1
    data = data.replace(sample_format, unknown)
    cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert "65001" in capfd.readouterr().err  # or this test shows nothing
    assert np.array_equal(read_picture(data).array, array)
    assert capfd.readouterr() == ("", "")
