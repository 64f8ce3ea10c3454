"""What a type checker says of programs that use the package: the kind of picture is kept, a file's name is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
import numpy as np
import numpy.typing as npt
from PIL import Image
import watermarking as wm

marker = wm.Marker(key=wm.Key.generate())
array: npt.NDArray[np.uint8] = np.zeros((256, 256, 3), np.uint8)
photo = Image.open("photo.jpg")
"""
REVEALED = {
    "marker.embed(array, 'x')": "numpy.dtype[numpy.unsignedinteger[",
    "marker.embed(photo, b'x')": "PIL.Image.Image",
    "marker.restore(photo)": "PIL.Image.Image",
    "marker.extract(photo).uuid": "uuid.UUID | None",
    "marker.extract(array).logo": "numpy.ndarray",
}
REFUSED = ("marker.embed('foo.jpg', 'x')", "marker.extract('foo.jpg')", "wm.detect_any('foo.jpg', 'x', keys=[])")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What mypy says of each line after the program."""
    file = tmp_path_factory.mktemp("typing") / "program.py"
    lines = [*(f"reveal_type({one})" for one in REVEALED), *REFUSED]
    file.write_text(PROGRAM + "\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "setup.cfg", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    first = PROGRAM.count("\n") + 1
    found = [
        "\n".join(line for line in done.stdout.splitlines() if f"program.py:{first + i}:" in line)
        for i in range(len(lines))
    ]
    assert all(found), done.stdout + done.stderr
    return found


def test_the_kind_of_picture_is_kept(said: list[str]) -> None:
    for line, kind in zip(said, REVEALED.values(), strict=False):
        assert "Revealed type" in line
        assert kind in line.replace("Union[uuid.UUID, None]", "uuid.UUID | None").replace('"', ""), line


def test_names_are_no_pictures(said: list[str]) -> None:
    for line in said[len(REVEALED) :]:
        assert "error: " in line
        assert "str" in line
