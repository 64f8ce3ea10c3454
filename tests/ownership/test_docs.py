"""What docs/ownership.md shows is run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.pages import ROOT, run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answers").mkdir()
    for path in sorted((ROOT / "tests/data/tiles").glob("*.jpg")):
        shutil.copy(path, tmp_path / "answers" / path.name)
    monkeypatch.chdir(tmp_path)
    run_page("ownership.md", tmp_path)
