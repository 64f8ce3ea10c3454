"""Answers of odd folders find their queries, or are counted; what white is in 16 bits nobody guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

import watermarking.ownership.pairing as module
from tests.ownership.conftest import KEY, Pixels, tiles
from watermarking.errors import FileFormatError, UnsupportedImageError, WatermarkError
from watermarking.ownership.likeness import matched, thumbnail
from watermarking.ownership.marks import BitsMark
from watermarking.ownership.models import Conventions
from watermarking.ownership.pairing import pair_up, read_folder, to_levels
from watermarking.ownership.proof import verify

if TYPE_CHECKING:
    from pathlib import Path

MARK = BitsMark(scheme={"id": "dwt", "psnr": 42.0})


def saved(pictures: dict[str, Any], folder: Path) -> Path:
    for name, picture in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)
    return folder


def test_folders_in_folders_and_names_relative_to_them(tmp_path: Path) -> None:
    one, two, three = tiles(3)
    place = saved({"a.png": one, "day/a.png": two, "day/deep/b.c.png": three}, tmp_path / "own")
    (place / ".hidden").mkdir()
    Image.fromarray(one).save(place / ".hidden/x.png")
    (place / "day/torn.png").write_bytes((place / "a.png").read_bytes()[:200])
    (place / "day/notes.txt").write_text("nothing")
    Image.fromarray(one).save(place / "day/a.bmp")
    found, failures = read_folder(place)
    assert list(found) == ["a", "day/a", "day/deep/b.c"]
    assert set(failures) == {"day/torn.png", "day/a.png"}
    assert "another picture of the name 'day/a'" in failures["day/a.png"]
    proof = verify(place, own=place, mark=MARK, key=KEY)
    assert proof.n_compared == 3
    with pytest.raises(FileFormatError, match="is no folder"):
        read_folder(place / "a.png")


def test_a_flattened_copy_of_nested_folders_is_paired_by_what_it_shows(tmp_path: Path) -> None:
    pictures = tiles(4)
    own = saved({f"day{i}/answer.png": one for i, one in enumerate(pictures)}, tmp_path / "own")
    suspect = saved({f"{i}.png": MARK.mark(one, key=KEY) for i, one in enumerate(pictures)}, tmp_path / "suspect")
    proof = verify(suspect, own=own, mark=MARK, key=KEY)
    assert (proof.n_compared, dict(proof.failures)) == (4, {})
    assert proof.detection.p_value < 1e-9


def test_some_were_renamed() -> None:
    """Names that fit are kept; the others, also those that were swapped, are found by what they show."""
    own = dict(zip("abcdef", tiles(6), strict=True))
    suspect = {name: MARK.mark(own[name], key=KEY) for name in "abc"}
    suspect |= {"x": MARK.mark(own["d"], key=KEY), "e": MARK.mark(own["f"], key=KEY), "f": MARK.mark(own["e"], key=KEY)}
    pairs, failures, _ = pair_up(suspect, None, own)
    assert [pair.name for pair in pairs] == list("abcdef")
    assert not failures
    assert all(
        MARK.verify([pair.suspect], [pair.own], key=KEY).p_value < 1e-6 for pair in pairs if pair.own is not None
    )


def test_what_is_not_beyond_doubt_is_not_paired() -> None:
    one, two, three = tiles(3)
    own = {"a": one, "b": two, "c": two, "d": three}
    suspect = {"a": one, "x": two, "y": three, "z": three}
    pairs, failures, _ = pair_up(suspect, None, own)
    assert [pair.name for pair in pairs] == ["a"]
    assert set(failures) == {"b", "c", "d", "x", "y", "z"}
    assert failures["b"] == "the suspect has no answer to it"
    assert failures["x"] == "no query of the owner's fits it"


@pytest.mark.parametrize("n", [1, 2])
def test_a_folder_of_two_pictures(tmp_path: Path, n: int) -> None:
    pictures = tiles(5)
    own = saved({f"{i}.png": one for i, one in enumerate(pictures)}, tmp_path / "own")
    marked = {f"found{i}.png": MARK.mark(one, key=KEY) for i, one in enumerate(pictures[:n])}
    proof = verify(saved(marked, tmp_path / "few"), own=own, mark=MARK, key=KEY)
    assert (proof.n_compared, proof.n_queries) == (n, 5)
    assert proof.detection.p_value < 1e-6


def test_matching_needs_pictures_and_structure() -> None:
    flat = thumbnail(np.full((64, 64), 9, np.uint8))
    rows = {name: thumbnail(one) for name, one in zip("ab", tiles(2), strict=True)}
    assert matched({}, rows, ["a"]) == matched(rows, rows, []) == {}
    assert matched({"f": flat}, {"f": flat}, ["f"]) == {}
    assert matched(rows, rows, ["b", "a"]) == {"a": "a", "b": "b"}


def test_each_picture_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = module.thumbnail
    monkeypatch.setattr(module, "thumbnail", lambda picture: (seen.append(1), real(picture))[1])
    own = dict(zip("abcdef", tiles(6), strict=True))
    pair_up({**own, "f": own["e"], "e": own["f"]}, None, own)
    assert len(seen) == 12


def deep(picture: Pixels, peak: int) -> Any:
    return np.rint(picture / 255 * peak).astype(np.uint16)


def test_a_dark_picture_of_sixteen_bits_is_dark() -> None:
    bright = deep(tiles(1)[0], 65535)
    dark = (bright // 300).astype(np.uint16)
    assert dark.max() < 256
    assert to_levels(dark).max() <= 1
    assert np.array_equal(to_levels(bright), tiles(1)[0])
    assert np.array_equal(to_levels(deep(tiles(1)[0], 4095), 4095), tiles(1)[0])
    with pytest.raises(UnsupportedImageError, match="its peak is said to be 4095"):
        to_levels(bright, 4095)
    assert to_levels(np.full((4, 4), 0.25, np.float32)).max() == 64


def test_twelve_bits_are_told_for_a_whole_folder_and_apart_for_each_side(tmp_path: Path) -> None:
    pictures = tiles(4)
    pictures[1] = (pictures[1] // 20).astype(np.uint8)  # the dark one of the folder
    own = saved({f"{i}.png": deep(one, 65535) for i, one in enumerate(pictures)}, tmp_path / "own")
    suspect = saved(
        {f"{i}.png": deep(MARK.mark(one, key=KEY), 4095) for i, one in enumerate(pictures)}, tmp_path / "suspect"
    )
    with pytest.raises(WatermarkError, match=r"hold no more than 4,095: .* 65535 if .* 4095 if"):
        verify(suspect, own=own, mark=MARK, key=KEY)
    proof = verify(
        suspect, own=own, mark=MARK, key=KEY, conventions=Conventions(peak=4095), own_conventions=Conventions()
    )
    assert proof.n_compared == 4
    assert proof.detection.p_value < 1e-9
    assert all(np.array_equal(pair.own, one) for pair, one in zip(proof.pairs, pictures, strict=True))
    wrong = verify(suspect, own=own, mark=MARK, key=KEY, conventions=Conventions(peak=65535), own_conventions=None)
    assert wrong.detection.p_value > 1e-6  # what was said is believed


def test_a_file_that_says_what_white_is(tmp_path: Path) -> None:
    import tifffile

    picture = deep(tiles(1)[0][..., 0], 4095)
    tifffile.imwrite(tmp_path / "a.tif", picture, extratags=[(281, 3, 1, 4095, False)])  # MaxSampleValue
    found, _ = read_folder(tmp_path)
    assert np.array_equal(to_levels(found["a"]), tiles(1)[0][..., 0])


def test_queries_of_twelve_bits_and_a_network_that_is_asked_them() -> None:
    import torch

    queries = [deep(one, 4095) for one in tiles(2)]
    model = torch.nn.Identity().eval()
    with pytest.raises(WatermarkError, match="16-bit pictures of the queries"):
        pair_up(model, queries, tiles(2))
    pairs, _, _ = pair_up(model, queries, tiles(2), conventions=Conventions(peak=4095))
    assert all(np.array_equal(pair.suspect, pair.own) for pair in pairs if pair.own is not None)
