"""The report: one file that needs nothing else, and that a browser shows in light and dark, wide and narrow."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("jinja2", reason="the report needs the extra bench")
pytest.importorskip("matplotlib", reason="the report needs the extra bench")

from harness.store import Store

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"


SEEN = {"SSIMULACRA2": 87.9, "Butteraugli": 1.9, "Butteraugli 3-norm": 0.7, "PSNR": 46.0}


def read_rows(scheme: str, **strength: float | str) -> list[dict[str, Any]]:
    usual = {"scheme": scheme, "photograph": "a", "key": 0, **(strength or {"psnr": 42.0}), "bytes": 8}
    attacks = ["none", *(f"jpeg(quality={q}, subsampling=420)" for q in range(10, 100, 8))]
    return [
        {**usual, "attack": attack, "seed": 1, "status": "done", "read": len(attack) % 3 > 0, "wrong": False,
         "ber": 0.1, "p": 1e-9, **(SEEN if strength else {}), "run": "r", "seconds": [0.1, 0.1]}
        for attack in attacks
    ]  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    rows = [row for scheme in ("dwt", "additive_block") for row in read_rows(scheme)]
    rows += [*read_rows("dwt", fidelity=88.0), *read_rows("peer:<b>bold</b>", fidelity="own")]
    sizes = [{"search": 0, **row, "bytes": n} for row in rows[26:28] for n in (4, 8, 16, 32)]
    part = {"scheme": "dwt", "photograph": "a", "seed": 1}
    rest: list[dict[str, Any]] = [
        {"part": "quality", **part, "psnr": 42.0, "status": "done", "PSNR": 42.0, "SSIM": 0.98,
         "SSIMULACRA2": 83.0, "Butteraugli": 2.5, "run": "r"},
        {"part": "quality", **part, "photograph": "b", "psnr": 42.0, "status": "done", "PSNR": 42.0, "SSIM": 0.98,
         "SSIMULACRA2": 61.0, "Butteraugli": 3.5, "run": "r"},
        {"part": "quality", **part, "fidelity": 88.0, "status": "done", "PSNR": 46.0, "SSIM": 0.99, **SEEN, "run": "r"},
        {"part": "quality", **part, "psnr": 44.0, "status": "done", "PSNR": 44.0, "SSIM": 0.99, "run": "old"},
        {"part": "null", **part, "question": "read", "search": 0, "status": "done", "messages": 0, "p": [1e-9, 1e-9],
         "run": "r"},
        {"part": "redraws", **part, "statistic": "pilot", "redraws": 9, "status": "done", "passed": {"1e-6": 0},
         "run": "r"},
        {"part": "presence", **part, "attack": "grey", "status": "done", "read": 1e-7, "known": 1e-9, "run": "r"},
        {"part": "loss", "photograph": "a", "attack": "none", "seed": 1, "status": "done", "SSIM": 1.0,
         "SSIMULACRA2": 100.0, "run": "r"},
        {"part": "wrong key", **part, "search": 0, "status": "done", "read": True, "messages": 0, "p": [1.0],
         "run": "r"},
    ]  # fmt: skip
    times = [
        {"operation": name, "scheme": scheme, "megapixels": size, "threads": 1, "status": "done", "run": "r",
         "seconds": [0.1 * size, 0.1]}
        for name, scheme in (("decode JPEG 95", ""), ("Marker.embed", "dwt"), ("scheme.embed", "dct"))
        for size in (1.0, 12.0, 60.0)
    ]  # fmt: skip
    with Store(place / "results/one") as store:
        machine = {"processor": "P", "cores": 2, "system": "S"}
        store.remember_run("r", {"commit": "abc", "machine": machine, "versions": {"numpy": "2"}})
        store.add([*rows, *sizes, *rest, *times])
    command = [sys.executable, str(ROOT / "benchmarks/report.py"), "--results", str(place / "results")]
    subprocess.run([*command, "-o", str(place / "page.html"), "--plots", str(place / "plots")], check=True)
    return place / "page.html"


def test_the_page_needs_nothing_else(report: Path) -> None:
    page = report.read_text("utf-8")
    assert not re.search(r"<script|<link|<iframe|@import|url\((?!#)", page)
    assert all(address.startswith(("data:", "#")) for address in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert not re.search(r"https?://", page)


def test_every_part_has_its_command_and_its_content(report: Path) -> None:
    page = report.read_text("utf-8")
    for script in ("robustness", "rank", "capacity", "compare", "quality", "detection", "security", "speed"):
        assert f"python benchmarks/{script}.py" in page
    assert "has not been run yet" not in page
    assert page.count("<svg") == 6
    assert "<td>FAIL" not in page
    assert "FAIL" in page  # two null reads with p-values of 1e-9


def test_the_worst_stands_beside_the_mean_and_old_rows_lack_it(report: Path) -> None:
    page = report.read_text("utf-8")
    assert "72 / 61" in page
    assert "3 / 3.5" in page
    assert "44 dB" in page
    assert "<td>score 88</td>" in page


def test_packages_stand_beside_ours_at_a_score(report: Path) -> None:
    page = report.read_text("utf-8")
    assert "8 bytes, SSIMULACRA2 88" in page
    assert "&lt;b&gt;bold&lt; b&gt; at 87.9" in page.replace("<wbr>", "")  # a slash may be broken at
    assert "on the same pictures as each point of another package, at the same Butteraugli or better (even: 1)" in page
    assert "<h3>SSIMULACRA2 88, 8 bytes</h3>" in page
    assert "<h3>42 dB, 8 bytes</h3>" in page


def test_what_rows_say_is_no_markup(report: Path) -> None:
    page = report.read_text("utf-8")
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page


def test_plots_are_files_too(report: Path) -> None:
    plots = sorted(path.name for path in (report.parent / "plots").iterdir())
    assert len(plots) == 12
    assert np.asarray(Image.open(report.parent / "plots/capacity.png")).std() > 5


def test_the_same_rows_make_the_same_page(report: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks/report.py"), "--results", str(report.parent / "results")]
    subprocess.run([*command, "-o", str(tmp_path / "again.html")], check=True)
    assert (tmp_path / "again.html").read_bytes() == report.read_bytes()


def test_no_rows_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks/report.py"), "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "make bench-small" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it(report: Path, tmp_path: Path, width: int, scheme: str) -> None:
    shot = tmp_path / "shot.png"
    run_chromium(
        tmp_path, report, f"--window-size={width},2400", f"--screenshot={shot}", *([DARK] if scheme == "dark" else [])
    )
    picture = np.asarray(Image.open(shot).convert("L"))
    assert picture.shape == (2400, width)
    assert picture.std() > 15
    paper = np.median(picture)
    assert paper < 60 if scheme == "dark" else paper > 200
    assert np.ptp(picture[:, : width // 4].astype(float)) > 120  # something can be read


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_narrow_window_scrolls_tables_and_not_the_page(report: Path, tmp_path: Path) -> None:
    probe = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    copy = tmp_path / "copy.html"
    copy.write_text(report.read_text("utf-8").replace("</body>", probe), "utf-8")
    title = re.search(
        r"<title>(\d+) of (\d+)</title>", run_chromium(tmp_path, copy, "--window-size=500,900", "--dump-dom")
    )
    assert title is not None
    assert int(title[1]) <= int(title[2])


def run_chromium(tmp_path: Path, page: Path, *more: str) -> str:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *more, page.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
