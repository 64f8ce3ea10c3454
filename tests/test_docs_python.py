"""What docs/python.md shows is run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.pages import ROOT, run_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # datasets leaves some open
def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flower = ROOT / "benchmarks/photographs/flower.jpg"
    (tmp_path / "photos").mkdir()
    for target in ("photo.jpg", "photos/one.jpg", "photos/two.jpg"):
        shutil.copy(flower, tmp_path / target)
    monkeypatch.chdir(tmp_path)
    run_page("python.md", tmp_path)
