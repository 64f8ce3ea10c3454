"""What marking a folder of photographs takes, by the ways to work on several at a time, in turns."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from harness.cells import DONE, Cell, Row, significant
from harness.photographs import find, load
from watermarking.cli.embed import Job
from watermarking.cli.tasks import Task
from watermarking.cli.workers import outcomes
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.threads import threads

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["folder_cells", "folder_promises", "folder_table", "measure_folders"]

COMMAND: Final = "command"
"""The program, from its start to its end."""
AGAIN: Final = "command, marked already"
WAYS: Final = ("threads", "threads, one core each", "processes")
"""In a process that has everything loaded: as many threads as pictures, each picture on all cores; on one; and as the
program does it, the start of the other processes included."""
_MEGAPIXELS: Final = (0.3, 0.7, 1.2, 2.0)
_TURNS: Final = 3
_KEY, _MESSAGE = Key(b"the key of the timings"), "8 bytes."


def measure_folders(cells: list[Cell]) -> list[Row]:
    """Time every way in turns; seconds are median and best of the turns, a picture."""
    taken: list[list[float]] = [[] for _ in cells]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        n_pictures = _make_photographs(place / "photographs")
        _KEY.save(place / "key")
        calls = [_call(cell, place) for cell in cells]
        for turn in range(1 + _TURNS):
            for call, times in zip(calls, taken, strict=True):
                begin = time.perf_counter()
                call()
                if turn:  # the first one warms up
                    times.append((time.perf_counter() - begin) / n_pictures)
                if len(list(place.glob("out/[!.]*"))) not in (0, n_pictures):  # nothing is written where all is marked
                    raise RuntimeError(f"not all of {n_pictures} photographs were marked")
                shutil.rmtree(place / "out", ignore_errors=True)
    return [{"status": DONE, "pictures": n_pictures, "seconds": _median_and_best(times)} for times in taken]


def folder_cells(*, all_ways: bool) -> list[Cell]:
    """List what is measured: the program, or every way."""
    ways = (COMMAND, AGAIN, *WAYS) if all_ways else (COMMAND, AGAIN)
    return [{"operation": "folder", "way": way, "workers": n} for way in ways for n in (1, 2)]


def folder_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return photographs a second by way and workers."""
    found = [row for row in rows if row["operation"] == "folder" and "seconds" in row]
    lines: list[list[object]] = [
        [row["way"], row["workers"], f"{1 / row['seconds'][0]:.1f}", f"{1 / row['seconds'][1]:.1f}"] for row in found
    ]
    return ["way", "workers", "photographs a second, median", "best"], lines


def folder_promises(rows: list[Row]) -> list[tuple[str, float | None, float, str]]:
    """List what is promised, as ``speed.py`` prints it."""
    found = {(row["way"], row["workers"]): row["seconds"][0] for row in rows if row["operation"] == "folder"}
    one, two, again = found.get((COMMAND, 1)), found.get((COMMAND, 2)), found.get((AGAIN, 1))
    return [
        ("folder of photographs, one worker / two", one / two if one and two else None, 1.7, "at least"),
        ("folder marked already / marking it", again / one if again and one else None, 0.6, "at most"),
    ]


def _make_photographs(folder: Path) -> int:
    """Write JPEG files of 0.3 to 2 MP: the shipped photographs, scaled and mirrored."""
    folder.mkdir()
    for photograph in find("shipped"):
        original = Image.fromarray(load(photograph)).convert("RGB")
        for megapixels in _MEGAPIXELS:
            scale = (megapixels * 1e6 / (original.width * original.height)) ** 0.5
            size = (round(original.width * scale), round(original.height * scale))
            scaled = original.resize(size, Image.Resampling.LANCZOS)
            for turn in (None, *list(Image.Transpose)[:3]):
                turned = scaled if turn is None else scaled.transpose(turn)
                turned.save(folder / f"{photograph.name}-{megapixels:g}-{turn}.jpg", quality=90)
    return len(list(folder.iterdir()))


def _call(cell: Cell, place: Path) -> Callable[[], object]:
    way, n = cell["way"], cell["workers"]
    if way == COMMAND:
        return partial(_run_command, place, "photographs", ["-o", "out"], n)
    if way == AGAIN:
        if not (place / "marked").exists():
            _run_command(place, "photographs", ["-o", "marked"], n)
        return partial(_run_command, place, "marked", ["--in-place"], n)
    marker = Marker(key=_KEY)
    job = Job(marker=marker, message=_MESSAGE, verify=True, in_place=False, quality=None, again=False, overwrite=True)
    files = sorted((place / "photographs").iterdir())
    tasks = [Task(str(file), str(place / "out" / file.name)) for file in files]
    if way == "processes":
        return lambda: list(outcomes(job.run, tasks, n))
    return partial(_run_threads, job, tasks, n, one_core=way != "threads")


def _run_command(place: Path, source: str, where: list[str], n: int) -> None:
    program = str(Path(sys.executable).with_name("watermarking"))
    command = [program, "embed", source, *where, "-m", _MESSAGE, "-k", "key", "--workers", str(n)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} ended with {done.returncode}: {done.stderr[-300:]}")


def _run_threads(job: Job, tasks: list[Task], n: int, *, one_core: bool) -> None:
    def work(task: Task) -> None:
        with threads(1) if one_core else nullcontext():
            job.run(task.source, task.target)

    Path(tasks[0].target).parent.mkdir()
    with ThreadPoolExecutor(n) as pool:
        list(pool.map(work, tasks))


def _median_and_best(seconds: list[float]) -> list[float]:
    ordered = sorted(seconds)
    return [significant(ordered[len(ordered) // 2], 3), significant(ordered[0], 3)]
