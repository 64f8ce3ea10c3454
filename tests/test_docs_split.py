"""What docs/split-training.md shows is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page("split-training.md", tmp_path)
