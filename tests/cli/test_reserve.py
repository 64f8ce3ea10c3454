"""Thin reserves are warned of, with the figures and the way out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PIL import Image

from tests.cli.conftest import texture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def test_a_thin_reserve_is_warned_of(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    Image.fromarray(texture(160, 160)).save(folder / "small.png")
    thin = ("embed", folder / "small.png", "-m", "Ada", "-k", keyfile, "--psnr", 52, "--json")
    one = run(*thin, "-o", tmp_path / "out.png")
    record = json.loads(one.stdout)
    assert 0 < record["reserve"] < 0.8
    assert (
        f"small.png: the reserve is thin, {record['reserve']:.0%}: {record['bit_error_rate']:.1%} of the bits"
        in one.stderr
    )
    assert "use a shorter message" in one.stderr
    fine = run("embed", folder, "-m", "Ada", "-k", keyfile, "--psnr", 36, "-o", tmp_path / "out")
    assert "reserve is thin" not in fine.stderr


def test_the_reserve_is_shown(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    result = run("embed", picture, "-m", "Ada", "-k", keyfile, "--psnr", 40, "-o", tmp_path / "out.png")
    assert "bit error rate 0.00%, reserve 100%, message read back" in result.stdout
