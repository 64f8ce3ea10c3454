"""Where a mark shows most: chosen from the rows, shown pixel for pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import quality
from harness.cells import DONE
from harness.fidelity import measure_quality
from harness.photographs import Photograph, load
from harness.places import panel, worst_rows, write_panels

if TYPE_CHECKING:
    from pathlib import Path

CELL = {"scheme": "dwt", "photograph": "a", "key": 0, "psnr": 42.0, "bytes": 8, "attack": "none", "seed": 1}


def row(photograph: str, ssimulacra2: float, butteraugli: float, psnr: float = 42.0) -> dict[str, Any]:
    return {"scheme": "dwt", "photograph": photograph, "psnr": psnr, "status": DONE, "SSIMULACRA2": ssimulacra2,
            "Butteraugli": butteraugli, "Butteraugli 3-norm": 1.0, "PSNR": psnr, "worst_at": [0, 0]}  # fmt: skip


def test_each_metric_has_its_worst_picture() -> None:
    rows = [row("a", 80, 3), row("b", 60, 2), row("c", 90, 1), row("a", 85, 1, 46.0), {"scheme": "dwt", "psnr": 48.0}]
    found = [(r["photograph"], r["psnr"]) for r in worst_rows(rows, "SSIMULACRA2", "Butteraugli")]
    assert found == [("a", 42.0), ("b", 42.0), ("a", 46.0)]
    table = quality.report(rows[:4])
    assert "worst SSIMULACRA2" in table
    assert [line.split()[-3:] for line in table.splitlines()[2:]] == [["60", "3", "1"], ["85", "1", "1"]]


def test_rows_of_before_these_metrics_make_a_table_still() -> None:
    old = {"scheme": "dwt", "photograph": "a", "psnr": 42.0, "status": DONE, "PSNR": 42.0}
    assert "42 [42, 42]" in quality.report([old])
    assert "impossible" in quality.report([{**old, "status": "impossible"}])


def test_visibility_is_measured_and_its_worst_place_shown(folder: Path, tmp_path: Path) -> None:
    pictures = {"a": Photograph("a", folder / "a.png")}
    measured = measure_quality([CELL], pictures=pictures)[0]
    assert 0 < measured["SSIMULACRA2"] < 95
    assert measured["Butteraugli"] > measured["Butteraugli 3-norm"] > 0.2
    cover = load(pictures["a"])
    assert all(0 <= at < length for at, length in zip(measured["worst_at"], cover.shape, strict=False))
    path = write_panels([{**CELL, **measured}], pictures, tmp_path / "places")[0]
    assert path.name == "dwt-42-dB-a.png"
    shown = np.asarray(Image.open(path))
    side = (shown.shape[1] - 16) // 3
    assert np.array_equal(shown[:, :side], panel(cover, cover, tuple(measured["worst_at"]))[:, :side])
    assert not np.array_equal(shown[:, :side], shown[:, side + 8 : 2 * side + 8])


def test_places_at_the_border_and_grey_pictures_are_shown_whole() -> None:
    cover = np.random.default_rng(0).integers(0, 256, (300, 400), np.uint8)
    shown = panel(cover, 255 - cover, (299, 0))
    assert shown.shape == (256, 3 * 256 + 16, 3)
    assert np.array_equal(shown[:, :256, 0], cover[44:, :256])
    assert panel(cover[:100], cover[:100], (0, 399)).shape == (100, 3 * 256 + 16, 3)
