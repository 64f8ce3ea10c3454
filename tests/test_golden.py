"""Marked pictures from earlier versions are read by this one: a change that breaks one is a new scheme id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from watermarking.interface import PlaneScheme
from watermarking.keys import Key
from watermarking.marker import Marker
from watermarking.registry import get_config, get_scheme, scheme_ids

FOLDERS = sorted(path.parent for path in (Path(__file__).parent / "golden").glob("*/marked.json"))


def golden(folder: Path) -> tuple[np.ndarray, Marker, dict[str, Any]]:
    case = json.loads((folder / "marked.json").read_text("utf-8"))
    key = Key.from_passphrase(case["passphrase"], salt=case["salt"])
    return np.asarray(Image.open(folder / "marked.png")), Marker(case["config"], key=key), case


def test_every_scheme_has_its_files() -> None:
    assert {folder.name for folder in FOLDERS} >= set(scheme_ids())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_read(folder: Path) -> None:
    picture, marker, case = golden(folder)
    assert (folder / "marked.png").stat().st_size <= 40_000
    assert get_config(marker.scheme) == case["config"]
    assert marker.scheme.id == folder.name
    found = marker.extract(picture)
    assert found.text == case["message"]
    assert found.bit_error_rate is not None
    assert found.bit_error_rate < 0.1
    assert found.detection.is_present(1e-9)
    assert found.geometry is None
    assert marker.detect(picture, case["message"]).is_present(1e-9)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_put_back_into_place(folder: Path) -> None:
    """The synchronisation signal is part of the format too."""
    picture, marker, case = golden(folder)
    if not isinstance(get_scheme(case["config"]), PlaneScheme):
        assert marker.extract(picture[5:, 3:]).message is None
        return
    found = marker.extract(np.rot90(picture)[5:, 3:])
    assert found.text == case["message"]
    assert found.geometry is not None
