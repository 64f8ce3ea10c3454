"""Pictures inside a canvas, every one of them, and the map of where a mark is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from watermarking.keys import Key
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from tests.cli.conftest import Run

KEY = Key(bytes(range(32)))  # of the key file
PHOTOGRAPH = Path(__file__).parents[2] / "benchmarks" / "photographs" / "coffee.png"


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures marked differently, on grey."""
    cover = np.asarray(Image.open(PHOTOGRAPH).convert("RGB"))
    shown = np.full((cover.shape[0] * 2 + 150, cover.shape[1] + 300, 3), 225, np.uint8)
    for i, text in enumerate(("first", "second")):
        top, left = 40 + i * (cover.shape[0] + 60), 30 + 200 * i
        shown[top : top + cover.shape[0], left : left + cover.shape[1]] = Marker(key=KEY).embed(cover, text)
    path = tmp_path_factory.mktemp("canvas") / "canvas.png"
    Image.fromarray(shown).save(path)
    return path


def test_every_picture_of_a_canvas_is_read(run: Run, canvas: Path, keyfile: Path) -> None:
    told = run("extract", canvas, "-k", keyfile, "--all")
    assert told.exit_code == 0
    assert sorted(told.stdout.splitlines()) == [f"{canvas}: first", f"{canvas}: second"]
    record = json.loads(run("extract", canvas, "-k", keyfile, "--all", "--json").stdout)
    places = [one["outline"] for one in (record, *record["others"])]
    assert {record["message"], record["others"][0]["message"]} == {"first", "second"}
    assert abs(places[0][0] - places[1][0]) > 200
    single = json.loads(run("extract", canvas, "-k", keyfile, "--json").stdout)
    assert single["message"] in ("first", "second")
    assert "others" not in single
    assert "left out" not in told.stderr
    assert not record["maybe_more"]


def test_what_may_be_left_out_is_said(run: Run, canvas: Path, keyfile: Path) -> None:
    told = run("extract", canvas, "-k", keyfile, "--all", "--most", 1)
    assert told.exit_code == 0
    assert "no more than 1 are looked for, others may be left out: see --most" in told.stderr
    assert json.loads(run("extract", canvas, "-k", keyfile, "--all", "--most", 1, "--json").stdout)["maybe_more"]
    assert run("extract", canvas, "-k", keyfile, "--all", "--most", 0).exit_code == 2


def test_a_canvas_that_was_shrunk_is_said_to_be(
    run: Run, picture: Path, keyfile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ("detect", picture, "-k", keyfile, "-m", "not there")
    for asked in (("extract", picture, "-k", keyfile), ("extract", picture, "-k", keyfile, "--all"), known):
        for limit, factor in ((10_000_000, 1), (30_000, 2)):
            monkeypatch.setattr("watermarking.messages.attempts._CANVAS", limit)
            told = run(*asked, "--scheme", "dwt")
            assert told.exit_code == 1
            assert ("searched at 1/2 of its size" in told.stderr) == (factor == 2)
            assert ("smaller than about 500 pixels" in told.stderr) == (factor == 2)
        assert json.loads(run(*asked, "--scheme", "dwt", "--json").stdout)["searched_at"] == 2
    marked = picture.with_name("marked.png")
    assert run("embed", picture, "-o", marked, "-m", "hi", "-k", keyfile).exit_code == 0
    for option in ([], ["--all"]):
        whole = run("extract", marked, "-k", keyfile, *option)  # nothing was looked for inside
        assert (whole.exit_code, "of its size" in whole.stderr) == (0, False)


def test_a_map_is_written(run: Run, canvas: Path, keyfile: Path, tmp_path: Path) -> None:
    to = tmp_path / "map.png"
    folder = run("extract", canvas.parent, "-k", keyfile, "--map", to)
    assert (folder.exit_code, to.exists()) == (2, False)
    assert run("extract", canvas, "-k", keyfile, "--map", to).exit_code == 0
    with Image.open(to) as shown, Image.open(canvas) as read:
        assert (shown.size, shown.mode) == (read.size, "RGB")
    before = canvas.read_bytes()
    kept = run("extract", canvas, "-k", keyfile, "--map", canvas)
    assert (kept.exit_code, canvas.read_bytes() == before) == (2, True)
    again = run("extract", canvas, "-k", keyfile, "--map", to)
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    photo = tmp_path / "map.jpg"
    photo.write_text("to be replaced")
    assert run("extract", canvas, "-k", keyfile, "--map", photo, "--force").exit_code == 0
    with Image.open(photo) as shown:
        assert shown.format == "JPEG"  # as its name says


def test_a_map_needs_one_picture_and_a_place(run: Run, canvas: Path, keyfile: Path, tmp_path: Path) -> None:
    for options in (["--all"], [str(canvas)]):
        refused = run("extract", canvas, *options, "-k", keyfile, "--map", tmp_path / "map.png")
        assert refused.exit_code == 2
        assert "--map goes with one picture" in refused.stderr
    nowhere = run("extract", canvas, "-k", keyfile, "--map", tmp_path / "none" / "map.png")
    assert nowhere.exit_code == 2
    assert "there is no folder" in nowhere.stderr


def test_a_map_replaces_no_picture_and_has_a_picture_s_name(
    run: Run, picture: Path, keyfile: Path, tmp_path: Path
) -> None:
    before, link = picture.read_bytes(), tmp_path / "link.png"
    link.hardlink_to(picture)
    for to in (picture, tmp_path / "bilder" / ".." / picture.name, link):
        (tmp_path / "bilder").mkdir(exist_ok=True)
        refused = run("extract", picture, "-k", keyfile, "--map", to, "--force")
        assert (refused.exit_code, picture.read_bytes() == before) == (2, True)
        assert "is the picture itself" in refused.stderr
    unnamed = run("extract", picture, "-k", keyfile, "--map", keyfile, "--force")
    assert (unnamed.exit_code, "one of .jpg" in unnamed.stderr) == (2, True)
    assert keyfile.read_bytes()
    out = run("extract", picture, "-k", keyfile, "--map", "-")
    assert (out.exit_code, "--map takes a file" in out.stderr) == (2, True)


def test_a_scheme_without_maps_is_said_to_have_none(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    marked, to = tmp_path / "marked.png", tmp_path / "map.png"
    assert run("embed", picture, "-o", marked, "-m", "hi", "-k", keyfile, "--scheme", "reversible").exit_code == 0
    told = run("extract", marked, "-k", keyfile, "--scheme", "reversible", "--map", to)
    assert (told.exit_code, told.stdout, to.exists()) == (0, "hi\n", False)
    assert "not written, scheme reversible has no maps" in told.stderr
    nothing = run("extract", picture, "-k", keyfile, "--scheme", "dwt", "--map", to)
    assert (nothing.exit_code, to.exists()) == (1, False)
    assert "there is no message that could be mapped" in nothing.stderr
