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
from watermarking.messages.marker import Marker
from watermarking.registry import get_config, get_scheme, scheme_ids

FILES = sorted((Path(__file__).parent / "golden").glob("*/*.json"))


def golden(file: Path) -> tuple[np.ndarray, Marker, dict[str, Any]]:
    case = json.loads(file.read_text("utf-8"))
    key = Key.from_passphrase(case["passphrase"], salt=case["salt"])
    return np.asarray(Image.open(file.with_suffix(".png"))), Marker(case["config"], key=key), case


def test_every_scheme_has_its_files() -> None:
    assert {file.parent.name for file in FILES} >= set(scheme_ids())


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_it_is_read(file: Path) -> None:
    picture, marker, case = golden(file)
    assert file.with_suffix(".png").stat().st_size <= 40_000
    assert get_config(marker.scheme) == case["config"]
    assert marker.scheme.id == file.parent.name
    found = marker.extract(picture)
    assert found.text == case["message"]
    assert found.bit_error_rate is not None
    assert found.bit_error_rate < 0.1
    assert found.detection.is_present(1e-9)
    assert found.geometry is None
    assert marker.detect(picture, case["message"]).is_present(1e-9)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_it_is_put_back_into_place(file: Path) -> None:
    """The synchronisation signal is part of the format too."""
    picture, marker, case = golden(file)
    if not (isinstance(get_scheme(case["config"]), PlaneScheme) or case.get("framed")):
        assert marker.extract(picture[5:, 3:]).message is None
        return
    found = marker.extract(np.rot90(picture)[5:, 3:])
    assert found.text == case["message"]
    assert found.geometry is not None
