"""What docs/tracing-codes.md shows is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from tests.pages import ROOT, run_page
from watermarking.keys import Key

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Key(bytes(range(16))).save("my.key")
    Image.open(ROOT / "benchmarks/photographs/flower.jpg").save("photo.png")
    run_page("tracing-codes.md", tmp_path)
