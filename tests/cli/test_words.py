"""What is said can be understood without knowing the inside, and ``-v`` says what is done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from watermarking.cli.output import geometry_line
from watermarking.sync.geometry import Geometry

if TYPE_CHECKING:
    from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]


def told(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if "compiling for this machine" not in line]


def test_v_says_what_marking_does(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    arguments = ("embed", folder, "-m", "Ada", "-k", keyfile, "--psnr", 40, "--workers", 1, "--no-verify")
    assert told(run(*arguments, "-o", tmp_path / "quiet").stderr) == []
    lines = told(run(*arguments, "-o", tmp_path / "out", "-v").stderr)
    assert lines[0] == f"watermarking: scheme dwt, 40 dB, 3 bytes of message, key {keyfile}"
    assert lines[1] == "watermarking: 3 pictures to mark, 0 there already, 1 at a time"
    assert [line for line in lines if "not read back" in line] == [
        f"watermarking: {tmp_path / 'out' / name}: not read back" for name in ("a.png", "b.jpg", "unter/ç.png")
    ]
    again = told(run(*arguments, "-o", tmp_path / "out", "-v").stderr)
    assert "watermarking: 0 pictures to mark, 3 there already, 1 at a time" in again


def test_v_says_what_reading_does(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    run("embed", picture, "-o", tmp_path / "out.png", "-m", "Ada", "-k", keyfile, "--psnr", 38)
    turned = Image.fromarray(np.asarray(Image.open(tmp_path / "out.png"))[:, ::-1])
    turned.save(tmp_path / "turned.png")
    read = run("extract", tmp_path / "turned.png", "-k", keyfile, "-v", "--scheme", "dwt")
    assert f"watermarking: 1 picture to read, 1 at a time; schemes dwt; keys {keyfile}" in told(read.stderr)
    assert f"watermarking: {tmp_path / 'turned.png'}: it is mirrored" in read.stderr
    assert read.stdout == "Ada\n"
    assert "at most" in run("capacity", picture, "-v").stderr
    attacked = run("attack", picture, "blur(1)", "-o", tmp_path / "blurred.png", "-v")
    assert told(attacked.stderr) == [f"watermarking: {picture}: blur(1), seed 0, written to {tmp_path / 'blurred.png'}"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({}, "it is moved or cropped"),
        ({"rotation": -7.04, "scale": 0.5}, "it is turned by -7.0 degrees, of 0.50 pixels to a marked one"),
        ({"flip": True, "aspect": 0.9, "shear": 5.0, "bend": 12.4},
         "it is mirrored, stretched by 0.90, sheared by 5.0 degrees, bent by 12 pixels"),
    ],
)  # fmt: skip
def test_geometry_in_words(change: dict[str, float], line: str) -> None:
    still = {"scale": 1.0, "rotation": 0.0, "flip": False, "aspect": 1.0, "shear": 0.0, "bend": 0.0}
    matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    assert geometry_line(Geometry(matrix=matrix, **{**still, **change})) == line


def test_a_cut_is_said_where_it_can_be_known() -> None:
    upright = {"scale": 1.0, "rotation": 0.0, "flip": False, "aspect": 1.0, "shear": 0.0, "bend": 0.0}
    cut = Geometry(matrix=((1.0, 0.0, -50.3), (0.0, 1.0, -99.6)), **upright)
    assert geometry_line(cut) == "it is cut, 50 pixels above and 100 pixels to the left"
    turned = Geometry(matrix=cut.matrix, **{**upright, "rotation": 90.0})
    assert geometry_line(turned) == "it is turned by 90.0 degrees"


def test_words_of_the_trade_are_explained_or_left_out(run: Run, tmp_path: Path) -> None:
    made = run("keygen", tmp_path / "my.key").stdout
    assert re.fullmatch(
        rf"{tmp_path}/my.key: new key; its public hash, which reveals nothing of it: [0-9a-f]{{64}}\n", made
    )
    assert "ownership' calls it commitment" in " ".join(run("keygen", "--help").stdout.split())
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "watermarking").rglob("*.py")):
        text = " ".join(page.read_text("utf-8").split())
        for words in ("othing masked, coded or informed", "othing is masked, coded", "no more chances are given away"):
            assert words not in text, page
    assert ":meth:" not in run("schemes").stdout


@pytest.mark.parametrize("command", ["protect", "report", "classifier embed"])
def test_a_commitment_is_explained_where_it_is_met(run: Run, command: str) -> None:
    said = " ".join(run("ownership", *command.split(), "--help").stdout.split())
    assert re.search(r"commitment [^.]*hash [^.]*key", said)
