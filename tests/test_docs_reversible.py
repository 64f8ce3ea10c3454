"""What docs/reversible.md shows is run."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

from PIL import Image

from tests.pages import ROOT, run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.open(ROOT / "benchmarks/photographs/flower.jpg").save("photo.png")
    run_page("reversible.md", tmp_path, doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
