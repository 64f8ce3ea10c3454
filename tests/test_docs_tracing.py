"""What docs/tracing-codes.md shows is run, and its figures are those of the stored rows."""

from __future__ import annotations

import sys
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


def test_the_tables_are_those_of_the_stored_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import fingerprints
    from harness.store import RESULTS, read_rows

    page = (ROOT / "docs/tracing-codes.md").read_text("utf-8")
    assert fingerprints.markdown(read_rows(RESULTS / "fingerprints")) in page
