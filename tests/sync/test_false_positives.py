"""With the search on, unmarked pictures stay unmarked: 300 pairs of picture and key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from watermarking.keys import Key
from watermarking.messages.marker import Marker

PHOTOGRAPHS = sorted((Path(__file__).parents[2] / "benchmarks" / "photographs").glob("*.[jp][pn]g"))
SIDE = 96
N_KEYS = 25


def pictures() -> list[np.ndarray]:
    """Cut a piece out of every photograph; add noise and a texture, and another key's mark."""
    made = []
    for path in PHOTOGRAPHS:
        grey = np.asarray(Image.open(path).convert("L"))
        made.append(grey[grey.shape[0] // 3 :, grey.shape[1] // 3 :][:SIDE, :SIDE])
    row, col = np.mgrid[:SIDE, :SIDE]
    made.append(np.random.default_rng(0).integers(90, 160, (SIDE, SIDE), np.uint8))
    made.append((128 + 60 * np.sin(row / 2.1) + 40 * np.sin(col / 3.3)).astype(np.uint8))
    return [np.ascontiguousarray(one) for one in made]


@pytest.mark.parametrize("index", range(12))
def test_no_message_and_p_values_hold(index: int) -> None:
    picture = pictures()[index]
    readings = [Marker(key=Key(bytes([index, i]) * 8)).extract(picture) for i in range(N_KEYS)]
    assert all(reading.message is None for reading in readings)
    p_values = np.array([reading.detection.p_value for reading in readings])
    for rate in (1e-2, 1e-1):
        assert (p_values <= rate).sum() <= stats.binom.ppf(0.999, N_KEYS, rate)
