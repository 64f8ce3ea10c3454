"""Strength on the command line: a score by name or number, or a PSNR, and never both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from watermarking.metrics.ssimulacra2 import Ssimulacra2

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.cli.conftest import Run


def mark(run: Run, large: Path, keyfile: Path, *options: str) -> Result:
    return run("embed", large, "-o", large.with_name("out.png"), "-m", "Ada", "-k", keyfile, "--json", *options)


@pytest.mark.parametrize(("options", "aim"), [([], 88), (["--fidelity", "strong"], 80), (["--fidelity", "84.5"], 84.5)])
def test_names_and_numbers(run: Run, large: Path, keyfile: Path, options: list[str], aim: float) -> None:
    result = mark(run, large, keyfile, *options)
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert abs(record["fidelity"] - aim) <= 1.5
    cover, marked = (np.asarray(Image.open(file)) for file in (large, large.with_name("out.png")))
    assert record["fidelity"] == pytest.approx(Ssimulacra2(cover).score(marked), abs=0.01)


def test_decibels_as_ever(run: Run, large: Path, keyfile: Path) -> None:
    record = json.loads(mark(run, large, keyfile, "--psnr", "40").stdout)
    assert record["fidelity"] is None
    assert record["psnr"] == pytest.approx(40, abs=0.3)


def test_the_line_says_the_score(run: Run, large: Path, keyfile: Path) -> None:
    result = run("embed", large, "-o", large.with_name("out.png"), "-m", "Ada", "-k", keyfile)
    assert "SSIMULACRA2 8" in result.stdout


def test_insisting(run: Run, keyfile: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (256, 320, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    refused = mark(run, tmp_path / "noise.png", keyfile)
    assert refused.exit_code not in (0, 1)
    assert "--insist" in refused.output
    assert not (tmp_path / "out.png").exists()
    result = mark(run, tmp_path / "noise.png", keyfile, "--insist")
    assert result.exit_code == 0, result.output
    assert 68.5 <= json.loads(result.stdout)["fidelity"] < 86.5


@pytest.mark.parametrize(
    "options",
    [
        *(["--fidelity", word] for word in ("loud", "", "nan", "inf", "29", "96", "8e1x")),
        ["--fidelity", "88", "--psnr", "42"],
    ],
)
def test_nonsense_is_refused(run: Run, large: Path, keyfile: Path, options: list[str]) -> None:
    result = mark(run, large, keyfile, *options)
    assert result.exit_code == 2
    assert "give" in result.output
    assert not large.with_name("out.png").exists()
