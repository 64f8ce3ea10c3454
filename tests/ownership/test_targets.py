"""The targets of a data set are marked, its inputs are not, and what learnt from it can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.ownership.conftest import KEY, OTHER, tiles
from watermarking.datasets.engines.local import Local
from watermarking.datasets.manifest import Manifest
from watermarking.errors import WatermarkError
from watermarking.ownership.marks import BitsMark
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


def test_a_pattern_that_fits_nothing_is_said(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(WatermarkError, match="is a target by 'targets/"):
        protect_dataset(pairs, tmp_path / "out", MARK, key=KEY, targets="targets/*", engine=Local(1))


def test_arrays_are_targets_too(tmp_path: Path) -> None:
    np.save(tmp_path / "targets.npy", np.stack(tiles(3)))
    protect_dataset(tmp_path / "targets.npy", tmp_path / "out", MARK, key=KEY, engine=Local(1))
    found = np.load(tmp_path / "out/targets.npy")
    assert MARK.verify(list(found), tiles(3), key=KEY).p_value < 1e-9
