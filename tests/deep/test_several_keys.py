"""Several keys: R runs once a picture, and every key reads from it what it would read alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermarking.deep.scheme import Deep  # noqa: E402
from watermarking.deep.weights import load_weights  # noqa: E402
from watermarking.interface import KeylessReader  # noqa: E402
from watermarking.keys import Key  # noqa: E402
from watermarking.messages.marker import Marker, extract_any  # noqa: E402
from watermarking.registry import get_scheme, scheme_ids  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = [Key(bytes([i]) * 16) for i in range(4)]


@contextmanager
def runs_of(weights: str) -> Iterator[list[int]]:
    """Collect the batch sizes with which R of some weights runs."""
    runs: list[int] = []
    hook = load_weights(weights, "cpu").pair.reader.register_forward_hook(
        lambda _, inputs, __: runs.append(len(inputs[0]))
    )
    try:
        yield runs
    finally:
        hook.remove()


def test_deep_alone_reads_without_a_key() -> None:
    assert {name for name in scheme_ids() if isinstance(get_scheme(name), KeylessReader)} == {"deep"}


@pytest.mark.parametrize("weights", ["deep-robust", "deep-any"])
def test_what_was_read_gives_each_key_what_it_extracts(photograph: np.ndarray, weights: str) -> None:
    scheme = Deep(weights=weights)
    marked = scheme.embed(photograph, photograph[::4, ::4], key=KEYS[0])
    with runs_of(weights) as runs:
        read = scheme.read(marked)
        found = [scheme.extract_from(read, key=key) for key in KEYS[:2]]
    assert runs == [1]
    for key, one in zip(KEYS, found, strict=False):
        alone = scheme.extract(marked, key=key)
        assert np.array_equal(alone.payload, one.payload)
        assert alone.detection == one.detection
    assert found[0].detection.is_present()
    assert not found[1].detection.is_present(1e-3)


def test_r_runs_once_a_picture_however_many_keys_there_are(photograph: np.ndarray) -> None:
    marked = Marker("deep", key=KEYS[2]).embed(photograph, "Ada")
    reader = Marker("deep", key=KEYS, search=0)  # moved pictures are put back with each key, and read then
    with runs_of("deep-robust") as runs:
        found = reader.extract(marked)
        assert (found.text, found.key_index) == ("Ada", 2)
        assert runs == [1]
        assert reader.extract(photograph).message is None
        assert runs == [1, 1]
        assert reader.detect(marked, "Ada").is_present()
        assert runs == [1, 1, 1]
    alone = Marker("deep", key=KEYS[2]).extract(marked)
    assert alone.bit_error_rate == found.bit_error_rate
    assert alone.detection.p_value <= found.detection.p_value  # three keys were tried


def test_r_does_not_run_where_a_scheme_before_it_has_read(photograph: np.ndarray) -> None:
    marked = Marker("dwt", key=KEYS[0]).embed(photograph, "Ada")
    with runs_of("deep-robust") as runs:
        assert extract_any(marked, keys=KEYS, schemes=["dwt", "deep"]).scheme == "dwt"
    assert runs == []
