"""What docs/fingerprints.md shows is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors.numpy import save_file

from tests.ownership.fingerprints.world import network
from tests.pages import run_page
from watermarking.keys import Key

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Key(bytes(range(16))).save("my.key")
    save_file({name: value.numpy() for name, value in network("mlp").state_dict().items()}, "own.safetensors")
    run_page("fingerprints.md", tmp_path)
