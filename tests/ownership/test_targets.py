"""The targets of a data set are marked, its inputs are not, and what learnt from it can be told."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.ownership.conftest import KEY, OTHER, tiles
from tests.ownership.patterned import Patterned
from watermarking.datasets.engines.local import Local
from watermarking.datasets.manifest import Manifest
from watermarking.errors import WatermarkError
from watermarking.ownership.marks import BitsMark
from watermarking.ownership.models import Conventions
from watermarking.ownership.proof import verify
from watermarking.ownership.targets import protect_dataset

if TYPE_CHECKING:
    from pathlib import Path

MARK = BitsMark(scheme={"id": "dwt", "psnr": 40.0})


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    place = tmp_path / "pairs"
    for kind in ("input", "target"):
        (place / kind).mkdir(parents=True)
    for i, picture in enumerate(tiles(4)):
        Image.fromarray(255 - picture).save(place / f"input/{i}.png")
        Image.fromarray(picture).save(place / f"target/{i}.{'jpg' if i == 3 else 'png'}", quality=95)
    (place / "labels.csv").write_text("a\n")
    return place


def test_targets_alone_are_marked(pairs: Path, tmp_path: Path) -> None:
    done = protect_dataset(pairs, tmp_path / "out", MARK, key=KEY, targets="target/*", engine=Local(1))
    assert done.is_whole
    assert done.counts["marked"] == 4
    for path in (*(pairs / "input").iterdir(), pairs / "labels.csv"):
        assert (tmp_path / "out" / path.relative_to(pairs)).read_bytes() == path.read_bytes()
    proof = verify(tmp_path / "out/target", own=pairs / "target", mark=MARK, key=KEY)
    assert proof.detection.p_value < 1e-9
    assert verify(tmp_path / "out/target", own=pairs / "target", mark=MARK, key=OTHER).detection.p_value > 1e-3
    records = {one.sample: one for one in Manifest.find(tmp_path / "out").records()}
    assert 38 < (records["target/0.png"].psnr or 0) < 42
    assert (records["input/0.png"].status, records["target/3.jpg"].status) == ("copied", "marked")
    with Image.open(tmp_path / "out/target/3.jpg") as opened:
        assert opened.format == "JPEG"


def test_another_key_or_mark_needs_another_target(pairs: Path, tmp_path: Path) -> None:
    protect_dataset(pairs, tmp_path / "out", MARK, key=KEY, engine=Local(1))
    assert protect_dataset(pairs, tmp_path / "out", MARK, key=KEY, engine=Local(1)).is_whole
    for mark, key in ((MARK, OTHER), (BitsMark(scheme={"id": "dwt", "psnr": 39.0}), KEY)):
        with pytest.raises(WatermarkError, match="another run"):
            protect_dataset(pairs, tmp_path / "out", mark, key=key, engine=Local(1))


def test_a_pattern_that_fits_nothing_is_refused_before_anything_is_copied(pairs: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "pairs.tar", "w") as tar:
        for path in sorted(pairs.rglob("*.png")):
            tar.add(path, f"{path.parent.name}-{path.name}")
    for source in (pairs, tmp_path / "pairs.tar"):
        with pytest.raises(WatermarkError, match=r"a target by 'targets/\*', the first is 'input.0.png': nothing is"):
            protect_dataset(source, tmp_path / "out", MARK, key=KEY, targets="targets/*", engine=Local(1))
        assert not (tmp_path / "out").exists()
    done = protect_dataset(
        tmp_path / "pairs.tar", tmp_path / "out", MARK, key=KEY, targets="target-*", engine=Local(1)
    )  # fmt: skip
    assert (done.counts["marked"], done.counts["copied"]) == (3, 4)
    with pytest.raises(WatermarkError, match="no picture among"):
        protect_dataset(pairs, tmp_path / "text", MARK, key=KEY, targets="*.csv", engine=Local(1))


def test_what_the_mark_left_as_it_was_is_counted_and_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(np.zeros((96, 96, 3), np.uint8)).save(tmp_path / "in/black.png")
    Image.fromarray(tiles(1)[0]).save(tmp_path / "in/a.png")
    told: list[tuple[str, str]] = []
    done = protect_dataset(
        tmp_path / "in", tmp_path / "out", Patterned(), key=KEY, engine=Local(1),
        tell=lambda progress: told.extend(progress.reasons),
    )  # fmt: skip
    assert (done.counts["marked"], done.counts["copied"], done.counts["failed"]) == (1, 1, 1)
    assert [name for name, _ in told] == ["black.png"]
    assert "left it as it was" in told[0][1]
    assert (tmp_path / "out/black.png").read_bytes() == (tmp_path / "in/black.png").read_bytes()


@pytest.mark.parametrize("kind", ["png", "npy"])
def test_targets_of_twelve_bits(tmp_path: Path, kind: str) -> None:
    """White is stated for all; where nobody states it, nothing is guessed and nothing spoilt."""
    deep = [np.rint(one[..., 0] / 255 * 4095).astype(np.uint16) for one in tiles(2)]
    place = tmp_path / "in"
    place.mkdir()
    if kind == "npy":
        np.save(place / "a.npy", np.stack(deep))
        place = place / "a.npy"
    else:
        for i, one in enumerate(deep):
            Image.fromarray(one).save(place / f"{i}.png")
    done = protect_dataset(place, tmp_path / "unsaid", MARK, key=KEY, engine=Local(1))
    assert (done.counts["copied"], done.counts["failed"]) == (2, 2)
    assert protect_dataset(place, tmp_path / "out", MARK, key=KEY, peak=4095, engine=Local(1)).counts["marked"] == 2
    levels = [one.psnr for one in Manifest.find(tmp_path / "out").records()]
    assert all(39 < (level or 0) < 41 for level in levels)
    found = np.load(tmp_path / "out/a.npy") if kind == "npy" else [
        np.asarray(Image.open(tmp_path / f"out/{i}.png"), np.uint16) for i in range(2)
    ]  # fmt: skip
    how = Conventions(peak=4095)
    assert verify(list(found), own=deep, mark=MARK, key=KEY, conventions=how).detection.p_value < 1e-9
    with pytest.raises(WatermarkError, match="another peak"):
        protect_dataset(place, tmp_path / "out", MARK, key=KEY, peak=4094, engine=Local(1))


def test_arrays_are_targets_too(tmp_path: Path) -> None:
    np.save(tmp_path / "targets.npy", np.stack(tiles(3)))
    protect_dataset(tmp_path / "targets.npy", tmp_path / "out", MARK, key=KEY, engine=Local(1))
    found = np.load(tmp_path / "out/targets.npy")
    assert MARK.verify(list(found), tiles(3), key=KEY).p_value < 1e-9
