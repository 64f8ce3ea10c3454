"""Strength by what the eye sees, with the networks: the score aimed at is reached within what they can do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("torch")

from watermarking.cli import main
from watermarking.deep.scheme import Deep
from watermarking.errors import FidelityError
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.metrics import ssimulacra2

if TYPE_CHECKING:
    from pathlib import Path

KEY = Key(bytes(range(16)))


def scheme(weights: str) -> dict[str, Any]:
    return {"id": "deep", "weights": weights}


@pytest.mark.parametrize("fidelity", [80, 85, 90])
@pytest.mark.parametrize("weights", ["deep-robust", "deep-any"])
def test_the_score_aimed_at_is_the_score_there_is(photograph: np.ndarray, weights: str, fidelity: float) -> None:
    marker = Marker(scheme(weights), key=KEY, fidelity=fidelity)
    marked = marker.embed(photograph, b"8 bytes.")
    assert abs(ssimulacra2(photograph, marked) - fidelity) <= 1.5
    assert marker.extract(marked).message == b"8 bytes."


def test_what_the_networks_cannot_do_is_said_as_a_fidelity() -> None:
    """The strongest mark of 30 dB leaves noise a score far above 30; 24 dB, which others take, would be refused."""
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    for weights in ("deep-robust", "deep-any"):
        with pytest.raises(FidelityError, match=r"at 30\.0 dB it is \d+\.\d, so aim at that"):
            Marker(scheme(weights), key=KEY, fidelity=30).embed(noise, b"8 bytes.")


def test_the_range_is_one_that_every_cover_takes(photograph: np.ndarray) -> None:
    cells = np.where(KEY.bits("test", 32 * 32).reshape(32, 32), np.uint8(255), np.uint8(0))
    for weights, highest in (("deep-robust", 60.0), ("deep-any", 54.0)):
        assert Deep(weights=weights).psnr_range == (30.0, highest)
        for level in Deep(weights=weights).psnr_range:
            marked = Deep(weights=weights, psnr=level).embed(photograph, cells, key=KEY)
            assert not np.array_equal(marked, photograph)


def test_the_command_line_takes_both(photograph: np.ndarray, tmp_path: Path) -> None:
    source, target, keyfile = (tmp_path / name for name in ("in.png", "out.png", "key"))
    Image.fromarray(photograph).save(source)
    runner = CliRunner()
    assert runner.invoke(main, ["keygen", str(keyfile)]).exit_code == 0
    options = ["--scheme", "deep", "--fidelity", "85", "-m", "Ada", "-k", str(keyfile), "--json"]
    result = runner.invoke(main, ["embed", str(source), "-o", str(target), *options])
    assert result.exit_code == 0, result.output
    assert abs(json.loads(result.stdout)["fidelity"] - 85) <= 1.5
    read = runner.invoke(main, ["extract", str(target), "--scheme", "deep", "-k", str(keyfile), "--json"])
    assert json.loads(read.stdout)["message"] == "Ada"
