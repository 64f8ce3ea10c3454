"""What docs/fingerprints.md shows is run, and its figures are those of the stored rows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from safetensors.numpy import save_file

from tests.ownership.fingerprints.world import network
from tests.pages import ROOT, run_page
from watermarking.keys import Key

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Key(bytes(range(16))).save("my.key")
    save_file({name: value.numpy() for name, value in network("mlp").state_dict().items()}, "own.safetensors")
    run_page("fingerprints.md", tmp_path)


def test_the_tables_are_those_of_the_stored_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    from harness.prints.tables import model_markdown
    from harness.store import RESULTS, read_rows

    page = (ROOT / "docs/fingerprints.md").read_text("utf-8")
    assert model_markdown(read_rows(RESULTS / "fingerprints")) in page
