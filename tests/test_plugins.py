"""A scheme in a third party's package is a scheme like any other; a broken one harms nobody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from watermarking.errors import UnknownSchemeError
from watermarking.interface import Scheme
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.registry import get_config, get_scheme, scheme_class, scheme_ids

EXAMPLE = Path(__file__).with_name("example_plugin")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out the example package as an installer does: its modules beside a dist-info folder."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.copytree(
        EXAMPLE / "example_plugin", tmp_path / "example_plugin", ignore=shutil.ignore_patterns("__pycache__")
    )
    info = tmp_path / f"example_plugin-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", "utf-8"
    )
    sections = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("".join(sections), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_scheme_appears(site: Path) -> None:
    assert "scatter" in scheme_ids()
    scheme = get_scheme({"id": "scatter", "psnr": 40.0, "bits": 400})
    assert isinstance(scheme, Scheme)
    assert json.loads(json.dumps(get_config(scheme))) == {"id": "scatter", "psnr": 40.0, "bits": 400}


def test_the_marker_takes_it(site: Path) -> None:
    picture = np.random.default_rng(3).integers(90, 160, (512, 512, 3)).astype(np.uint8)
    marker = Marker("scatter", key=Key.generate())
    marked = marker.embed(picture, "by others")
    assert marker.extract(marked).text == "by others"
    assert marker.extract(picture).message is None
    assert Marker("scatter", key=Key.generate()).extract(marked).message is None


@pytest.mark.parametrize(
    ("scheme_id", "hint"), [("broken", "No module named"), ("misnamed", "is no scheme of that id")]
)
def test_faulty_schemes_are_named(site: Path, scheme_id: str, hint: str) -> None:
    with pytest.raises(UnknownSchemeError, match=hint):
        scheme_class(scheme_id)
    assert scheme_class("dct").id == "dct"


def test_the_command_line_lists_them_all(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "watermarking", "schemes", "--json"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    rows = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert rows["scatter"]["summary"].startswith("Adds a keyed sign")
    assert "cannot be loaded" in rows["broken"]["error"]
    assert "no scheme of that id" in rows["misnamed"]["error"]
    assert rows["dct"]["error"] is None
    assert done.stderr == b""
