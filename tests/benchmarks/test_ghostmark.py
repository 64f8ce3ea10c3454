"""Bits go into the place and the height that ghostmark hides, and come back from either of its layers."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


@dataclass
class Record:
    lat: float | None = None
    lon: float | None = None
    alt: float | None = None


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the adapter with a stand-in for the package, which lives in another environment."""
    package = ModuleType("ghostmark")
    core = SimpleNamespace(plan=lambda *which: which)
    for name, value in {"Record": Record, "_core": core, "mark": None, "mark_verified": None}.items():
        setattr(package, name, value)
    found = SimpleNamespace(location=None, l1=None)
    monkeypatch.setattr(package, "read", lambda rgb, try_turns=False: found, raising=False)
    monkeypatch.setattr(package, "read_cropped", lambda rgb: None, raising=False)
    monkeypatch.setitem(sys.modules, "ghostmark", package)
    monkeypatch.delitem(sys.modules, "peers.ghostmarkimage", raising=False)
    return importlib.import_module("peers.ghostmarkimage")


def layers(record: Record) -> tuple[SimpleNamespace, SimpleNamespace]:
    """Round a record as the package's two layers do (mark format 1); the short one has the place alone."""

    def rounded(value: float, least: float, span: float, bits: int) -> float:
        return math.floor((value - least) / span * (2**bits - 1) + 0.5) / (2**bits - 1) * span + least

    assert record.lat is not None
    assert record.lon is not None
    colour = {"lat": rounded(record.lat, -90, 180, 25), "lon": rounded(record.lon, -180, 360, 26), "alt": record.alt}
    bright = rounded(record.lat, -90, 180, 21), rounded(record.lon, -180, 360, 22)
    whole = SimpleNamespace(location=(colour["lat"], colour["lon"]), l1=colour)
    return whole, SimpleNamespace(location=bright, l1=None)


@pytest.mark.parametrize("n_bits", [8, 32, 40, 64, 65])
@pytest.mark.parametrize("fill", ["random", "zeros", "ones"])
def test_bits_come_back(adapter: ModuleType, n_bits: int, fill: str) -> None:
    rng = np.random.default_rng(n_bits)
    for _ in range(50 if fill == "random" else 1):
        bits: Any = rng.integers(0, 2, n_bits) if fill == "random" else np.full(n_bits, int(fill == "ones"))
        bits = bits.astype(np.uint8)
        whole, place = layers(adapter.record_of(bits))
        assert np.array_equal(adapter.bits_of(whole, n_bits), bits)
        short = adapter.bits_of(place, n_bits)
        assert np.array_equal(short, bits) if n_bits <= 32 else short is None


def test_what_was_not_read_has_no_bits(adapter: ModuleType) -> None:
    assert adapter.bits_of(None, 32) is None
    assert adapter.bits_of(SimpleNamespace(location=None, l1=None), 32) is None
    assert adapter.Adapter("", ValueError).read(np.zeros((64, 64, 3), np.uint8), 32, 1.0).size == 0


def test_too_many_bits_are_refused(adapter: ModuleType) -> None:
    with pytest.raises(ValueError, match="65 bits"):
        adapter.Adapter("", ValueError).embed(np.zeros((64, 64, 3), np.uint8), np.zeros(72, np.uint8), 1.0)
