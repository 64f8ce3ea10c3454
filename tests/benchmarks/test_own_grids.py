"""A grid, a scheme, an attack and pictures of one's own: measured, recorded, and drawn in the report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="the report needs the extra bench")
pytest.importorskip("matplotlib", reason="the report needs the extra bench")

from test_installed import site  # noqa: F401  # a fixture

from harness.store import Store
from harness.stored_grids import grid_section
from harness.thumbnails import MOST, thumbnails

ROOT = Path(__file__).parents[2]


def read(attack: str, scheme: str = "dwt", photograph: str = "a", **more: object) -> dict[str, object]:
    return {
        "scheme": scheme, "photograph": photograph, "key": 0, "psnr": 42.0, "bytes": 4, "attack": attack, "seed": 1,
        **more, "status": "done", "read": True, "wrong": False, "ber": 0.0, "p": 1e-9, "run": "r",
    }  # fmt: skip


@pytest.fixture
def measured(site: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """Results of a grid whose pictures lie beside it, measured from another folder."""
    (tmp_path / "mine.toml").write_text(
        f'schemes = ["dwt", "scatter"]\nphotographs = "{folder.name}"\nkeys = 1\n'
        '[[rows]]\nattacks = ["none", "invert(2)"]\nbytes = [4]\n',
        "utf-8",
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(ROOT)]))
    command = [sys.executable, str(ROOT / "benchmarks/robustness.py"), "--grid", str(tmp_path / "mine.toml")]
    place = tmp_path / "results" / "mine"
    done = subprocess.run(
        [*command, "--results", str(place), "--workers", "0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return place


def test_it_is_measured_recorded_and_drawn(measured: Path) -> None:
    [run] = json.loads((measured / "runs.json").read_text("utf-8")).values()
    assert run["versions"]["foreign"] == "1.0"
    for results in (measured.parent, measured):  # the folder of all results, or this one alone
        page = measured.parent.parent / "page.html"
        command = [sys.executable, str(ROOT / "benchmarks/report.py"), "--results", str(results), "-o", str(page)]
        subprocess.run(command, check=True, capture_output=True)
        text = page.read_text("utf-8")
        assert "<details open><summary>mine: 42 dB, 4 bytes</summary>" in text
        missing = text.partition('id="missing"')[2].partition("</section>")[0]
        assert "python benchmarks/capacity.py" in missing
        assert "Capacity</h2>" not in text  # what nobody measured is named once, at the end
        assert "3 pictures: a.png, b.png, c.png" in text
        assert len(re.findall(r'<img src="data:image/webp;base64,[^"]+" alt="[abc].png"', text)) == 3
        assert re.search(r'<th scope="col">(<wbr>)?scatter</th>', text)
        assert "invert(2)" in text
        assert '<img src="data:image/jpeg' in text
        assert "scatter: PSNR" in text
        assert "foreign 1.0" in text
        robustness = text.partition("Schemes against attacks</h2>")[2].partition("</section>")[0]
        assert "has not been run yet" not in robustness
        assert "fewer than ten attacks" in robustness


def test_many_strengths_share_a_table(tmp_path: Path) -> None:
    rows = [read("none", bytes=n, psnr=strength) for n in (4, 8) for strength in (38.0, 40.0, 42.0, 44.0)]
    [drawn] = grid_section({tmp_path / "sweep": rows}).heat_maps
    assert (drawn.title, drawn.note) == ("sweep", "1 picture")
    assert [label for label, _ in drawn.groups["none"]][:2] == ["38 dB, 4 bytes", "38 dB, 8 bytes"]


def test_rows_of_other_kinds_are_no_grid(tmp_path: Path) -> None:
    rows = [{"part": "presence", "attack": "grey", "bytes": 4, "scheme": "dwt", "photograph": "a", "status": "done"}]
    assert grid_section({tmp_path / "detection": rows}).is_empty


def test_pictures_of_the_repository_need_no_copy(tmp_path: Path) -> None:
    names = {"chelsea", "sky", "long ago#12345678", *(f"n{number}" for number in range(40))}
    found = dict(thumbnails(tmp_path, names))
    assert len(found) == MOST
    assert found["chelsea"].startswith("data:image/webp")
    assert found["long ago"] == ""


def test_rows_alone_bring_no_pictures(tmp_path: Path) -> None:
    with Store(tmp_path / "one") as store:
        store.add([read("none")])
    assert not (tmp_path / "one" / "pictures.json").exists()
