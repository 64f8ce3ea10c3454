"""The demo page: written from an installed package, with a picture of one's own, and what cannot be shown is said."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from covers import photograph
from PIL import Image

import watermarking.demo
from watermarking.demo import page as demo_page
from watermarking.demo import places, story
from watermarking.demo.story import LARGEST, Telling, prepared, tell
from watermarking.keys import Key

if TYPE_CHECKING:
    from conftest import Run

FEW = ("jpeg(50)", "crop(0.7)")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attacks are enough to see that they are shown, and no details of the named fidelities."""
    monkeypatch.setattr(story, "ATTACKS", FEW)
    monkeypatch.setattr(demo_page.steps, "section", lambda *_: "")


def save(array: np.ndarray, file: Path) -> Path:
    Image.fromarray(array).save(file)
    return file


def test_a_picture_of_ones_own(run: Run, quick: None, tmp_path: Path) -> None:
    file = save(photograph((256, 320, 3)), tmp_path / "my <b>photo.png")
    before = file.read_bytes()
    page = tmp_path / "folder" / "page.html"
    done = run("demo", file, "-o", page, "-m", "Ada & <Bob>")
    assert done.exit_code == 0, done.stderr
    assert re.search(r"^dwt +3 of 3 read back$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith(f"page: {page}\n")
    text = page.read_text("utf-8")
    assert "my &lt;b&gt;photo.png" in text
    assert "Ada &amp; &lt;Bob&gt;" in text
    assert not re.search(r"https?://|<script|<link|\$[a-z]", text)
    assert all(address.startswith("data:") for address in re.findall(r'src="([^"]*)"', text))
    for attack in ("none", *FEW, "unmarked", "another key"):
        assert f"<code>{attack}</code>" in text
    assert text.count("✓ read") >= 9
    assert "✗ false" not in text
    assert file.read_bytes() == before
    assert 'alt="The map of where the mark is"' in text
    assert len(text) < 1_000_000


def test_the_map_shows_what_was_pasted_in_and_says_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Telling(photograph((320, 384, 3)), "Ada", Key(bytes(16)))
    maps: list[np.ndarray] = []
    monkeypatch.setattr(places, "inline", lambda picture, _width: maps.append(picture) or "data:")
    assert places.section(told).count("<figure>") == 2
    red = maps[1][..., 0].astype(int) - maps[1][..., 1]
    inside = np.zeros(red.shape, bool)
    inside[places.changed_part(red.shape)] = True
    assert red[inside].mean() > 60 > 20 > red[~inside].mean()
    too_small = places.section(Telling(photograph((24, 24, 3)), "Ada", Key(bytes(16))))
    assert too_small.startswith('<p class="soft">It cannot be shown for this picture: no message fits')


def test_the_photograph_that_comes_with_it(run: Run, quick: None, tmp_path: Path) -> None:
    done = run("demo", "-o", tmp_path / "page.html")
    assert done.exit_code == 0, done.stderr
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "960x633" in text
    assert "Citrus fruits, US Department of Agriculture, public domain" in text


def test_its_card_is_true() -> None:
    place = Path(watermarking.demo.__file__).parent
    card = json.loads((place / "photograph.json").read_text("utf-8"))
    assert card["sha256"] == hashlib.sha256(demo_page.shipped_photograph()).hexdigest()
    with Image.open(place / card["file"]) as image:
        assert image.size == (card["width"], card["height"])
        assert not image.getexif()


def test_pictures_of_all_kinds_are_prepared() -> None:
    for shape, dtype in (((300, 200), "uint8"), ((300, 200, 4), "uint8"), ((300, 200, 3), "uint16")):
        shown = prepared(photograph(shape, dtype))
        assert (shown.shape, shown.dtype) == ((300, 200, 3), np.uint8)
    clear = np.zeros((40, 40, 4), np.uint8)
    assert (prepared(clear) == 255).all()
    assert prepared(photograph((1500, 2000, 3))).shape == (960, LARGEST, 3)


def test_a_scheme_that_cannot_is_named(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a scheme has no room for is said on the page; the others are shown."""
    told = tell(photograph((256, 320, 3)), "Ada")
    told.refusals["additive"] = "no room for <b>"
    text = demo_page.render(told, name="x", whose="y", seconds=1.0)
    assert "<b>additive</b> could not mark this picture: no room for &lt;b&gt;." in text


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda place: save(np.zeros((8, 8, 3), np.uint8), place / "a.png"), "no scheme can mark the picture"),
        (lambda place: place / "none.png", "there is no file"),
        (lambda place: Path(__file__), "not a picture file"),
    ],
    ids=["tiny", "absent", "no picture"],
)
def test_what_cannot_be_shown(run: Run, quick: None, tmp_path: Path, make: object, line: str) -> None:
    done = run("demo", make(tmp_path), "-o", tmp_path / "page.html")  # type: ignore[operator]  # one of the four above
    assert done.exit_code == 2
    assert line in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    done = run("demo", "-o", tmp_path / "page.html")
    assert (done.exit_code, (tmp_path / "page.html").read_text()) == (2, "mine")
    assert "--force" in done.stderr
    assert run("demo", "-o", tmp_path).exit_code == 2
    assert run("demo", "-o", tmp_path / "page.html" / "x.html", "--force", "-m", "x").exit_code == 3


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_it(run: Run, quick: None, tmp_path: Path) -> None:
    file = save(photograph((256, 320, 3)), tmp_path / "photo.png")
    run("demo", file, "-o", tmp_path / "page.html")
    with Browser(tmp_path) as browser:
        for width in (1280, 400):
            browser.shape(width)
            browser.open((tmp_path / "page.html").as_uri())
            assert browser.run("document.documentElement.scrollWidth") <= width
            assert browser.run("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
