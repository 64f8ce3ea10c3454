"""A first look at robustness on every run, on photographs: the benchmark measures it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from covers import psnr
from PIL import Image

from watermarking.attacks import parse_attack
from watermarking.interface import PlaneScheme
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.metrics import ssimulacra2
from watermarking.registry import get_scheme, scheme_ids

PHOTOGRAPHS = Path(__file__).parents[1] / "benchmarks" / "photographs"
PLANE_SCHEMES = [name for name in scheme_ids() if isinstance(get_scheme(name), PlaneScheme)]
ATTACKS = ["jpeg(quality=50)", "noise(sigma=10)", "blur(sigma=1)"]
MESSAGE = b"8 bytes!"


@pytest.mark.parametrize("scheme_id", PLANE_SCHEMES)
@pytest.mark.parametrize("photograph", ["astronaut.png", "coffee.png"])
@pytest.mark.parametrize("strength", [42.0, None], ids=["psnr", "default"])
def test_the_exact_message_comes_back(photograph: str, scheme_id: str, strength: float | None) -> None:
    cover = np.asarray(Image.open(PHOTOGRAPHS / photograph).convert("RGB"))
    marker = Marker(scheme_id, key=Key.from_passphrase(photograph, salt="robustness"), psnr=strength, search=0)
    marked = marker.embed(cover, MESSAGE)
    if strength is None:
        assert abs(ssimulacra2(cover, marked) - 88) <= 1.5
    else:
        assert -0.05 <= psnr(cover, marked) - strength <= 0.3
    for text in ATTACKS:
        attacked = parse_attack(text)(marked, rng=np.random.default_rng(1))
        found = marker.extract(attacked)
        assert found.message == MESSAGE, text
        assert found.detection.is_present(1e-9)
        assert marker.detect(attacked, MESSAGE).is_present(1e-9)
