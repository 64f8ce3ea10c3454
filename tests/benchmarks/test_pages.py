"""Pictures that are drawn here are the same everywhere, and are what their names say."""

from __future__ import annotations

import re

import numpy as np
import pytest

from harness.photographs import find, load
from watermarking import Key
from watermarking.demo.pages import PAGES, draw
from watermarking.demo.steps import section
from watermarking.pictures.plane import luma_plane
from watermarking.transforms.masks import is_page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_alike_each_time(name: str) -> None:
    page = draw(name)
    assert page.dtype == np.uint8
    assert page.shape[2:] == (3,)
    assert page.std() > 2
    assert np.array_equal(page, draw(name))


def test_pages_are_pages_and_grounds_are_not() -> None:
    smooth = {"sky", "mist", "skin", "dark"}
    assert {name for name in PAGES if not is_page(luma_plane(draw(name)))} == smooth


def test_pages_are_a_set_of_the_benchmarks() -> None:
    found = find("pages")
    assert [photograph.name for photograph in found] == list(PAGES)
    assert np.array_equal(load(found[0]), draw(found[0].name))
    assert not load(found[0]).flags.writeable


def test_the_steps_are_shown_with_what_they_leave() -> None:
    shown = section(draw("drawing"), Key(bytes(16)))
    assert re.findall(r"<th>(\w*)</th>", shown)[:5] == ["", "original", "discreet", "normal", "strong"]
    scores = [float(score) for score in re.findall(r"SSIMULACRA2 ([\d.]+)", shown)]
    assert [round(score, -1) for score in scores] == [90, 90, 80] * 4
    assert shown.count("<img") == 4 * 7
    assert "read after jpeg(75), jpeg(50)" in shown
