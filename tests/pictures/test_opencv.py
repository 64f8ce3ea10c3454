"""OpenCV is kept from printing while files are decoded, and prints as before afterwards."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from PIL import TiffImagePlugin

from watermarking.pictures.files import read_picture
from watermarking.pictures.formats.colour16 import encode_colour16
from watermarking.pictures.opencv import cv2_module, silenced

if TYPE_CHECKING:
    import pytest


def test_tags_that_opencv_does_not_know_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    array = np.random.default_rng(0).integers(0, 65536, (40, 60, 3)).astype(np.uint16)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (65000, 65001, 65002):
        tags[tag] = "of a camera"
        tags.tagtype[tag] = 2
    data = encode_colour16(array, "TIFF", {"tiffinfo": tags})
    cv2 = cv2_module()
    cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert capfd.readouterr().err.count("65001") == 1  # or this test shows nothing
    assert np.array_equal(read_picture(data).array, array)
    assert capfd.readouterr().err == ""


def test_the_level_is_put_back_by_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = cv2_module()
    log = cv2.utils.logging
    before = log.getLogLevel()
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with silenced(cv2):
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=stay)
    other.start()
    assert inside.wait(10)
    with silenced(cv2):
        assert log.getLogLevel() == log.LOG_LEVEL_SILENT
    assert log.getLogLevel() == log.LOG_LEVEL_SILENT
    leave.set()
    other.join()
    assert log.getLogLevel() == before
