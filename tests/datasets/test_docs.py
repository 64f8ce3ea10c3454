"""What docs/datasets.md shows is run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.pages import ROOT, run_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the library leaves some open
def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    for i in range(3):
        shutil.copy(ROOT / "benchmarks/photographs/flower.jpg", tmp_path / f"photos/flower-{i}.jpg")
    (tmp_path / "photos/labels.csv").write_text("file,label\n")
    monkeypatch.chdir(tmp_path)
    run_page("datasets.md", tmp_path)
