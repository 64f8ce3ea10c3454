"""What the levels of ``search`` cost and find.

    python benchmarks/levels.py            # shipped photographs, some minutes on one core
    python benchmarks/levels.py --fresh    # measures anew
    python benchmarks/levels.py --show

What a read costs is timed on unmarked pictures of two sizes, on one thread, the levels and OpenCV's decoding of the
same picture from a JPEG of quality 95 in turns, in processor time: ratios alone can be compared. What a level finds is
the share of photographs whose exact message is read after an attack. Time it on a machine that does nothing else.
"""

from __future__ import annotations

import functools
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE, Cell, Row, key_of, rng_of, significant
from harness.photographs import find, load
from harness.tables import text_table
from harness.timing import picture_of
from watermarking.attacks import parse_attack
from watermarking.messages.marker import Marker
from watermarking.pictures.opencv import cv2_module
from watermarking.threads import threads

if TYPE_CHECKING:
    from harness.photographs import Photograph

NAME = "levels"
LEVELS = (0, 1, 3, 6)
SIZES = ((512, 512), (950, 1400))
ATTACKS = (
    "none", "crop(0.75)", "rotate(7)", "flip | resize(0.6)", "aspect(0.9)", "crop(0.5) | jpeg(60)",
    "paste('page', share=0.2) | jpeg(75)",
)  # fmt: skip
MESSAGE = "(c) Ada 2026"
_TURNS = 3


def main() -> None:
    """Measure what has no row yet, then print the table."""
    options = arguments(__doc__).parse_args()
    options.workers = min(options.workers, 1)  # nothing may run beside a timing
    print(text_table(*table(measure(options))))


def measure(options: Any) -> list[Row]:
    """Measure costs, then what is found."""
    pictures = {photograph.name: photograph for photograph in find("shipped")}
    costs: list[Cell] = [
        {"part": "cost", "rows": rows, "cols": cols, "level": level} for rows, cols in SIZES for level in LEVELS
    ]
    found: list[Cell] = [
        {"part": "finds", "photograph": name, "attack": attack, "level": level, "key": 0, "seed": 0}
        for name in pictures for attack in ATTACKS for level in LEVELS
    ]  # fmt: skip
    rows = carry_out(costs, measure_costs, ("rows",), options, name=NAME)
    options.fresh = False
    return rows + carry_out(found, measure_finds, ("photograph",), options, name=NAME, pictures=pictures)


def measure_costs(cells: list[Cell]) -> list[Row]:
    """Time reads of one unmarked picture at each level, in turns with decoding it; medians."""
    cv2 = cv2_module()
    height, width = cells[0]["rows"], cells[0]["cols"]
    picture = np.ascontiguousarray(picture_of(3.0)[:height, :width])
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    markers = [Marker(key=key_of({"photograph": "", "key": 0, "seed": 0}), search=cell["level"]) for cell in cells]
    taken: list[list[float]] = [[] for _ in cells]
    decoding: list[float] = []
    with threads(1):
        for marker in markers:  # what is loaded and compiled once is no part of it
            marker.extract(picture)
        for _ in range(_TURNS):
            decoding.append(_seconds(lambda: cv2.imdecode(coded, cv2.IMREAD_COLOR)))
            for marker, times in zip(markers, taken, strict=True):
                times.append(_seconds(functools.partial(marker.extract, picture)))
    decode = statistics.median(decoding)
    return [
        {"status": DONE, "ratio": significant(statistics.median(times) / decode),
         "seconds": [significant(value) for value in (statistics.median(times), min(times), max(times))]}
        for times in taken
    ]  # fmt: skip


def measure_finds(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Read one photograph's attacked copies at each level."""
    cover = load(pictures[cells[0]["photograph"]])
    key = key_of(cells[0])
    marked = np.asarray(Marker(key=key).embed(cover, MESSAGE), np.uint8)
    attacked = {"none": marked}
    for cell in cells:
        if cell["attack"] not in attacked:
            attacked[cell["attack"]] = parse_attack(cell["attack"])(marked, rng=rng_of(cell, "photograph", "attack"))
    return [
        {
            "status": DONE,
            "read": Marker(key=key, search=cell["level"]).extract(attacked[cell["attack"]]).text == MESSAGE,
        }
        for cell in cells
    ]


def table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return what each level costs and finds: heading and lines."""
    times = {(row["rows"], row["level"]): row["ratio"] for row in rows if row["part"] == "cost"}
    reads: dict[tuple[str, int], list[bool]] = {}
    for row in rows:
        if row["part"] == "finds":
            reads.setdefault((row["attack"], row["level"]), []).append(row["read"])
    lines: list[list[object]] = []
    for height, width in SIZES:
        costs = [f"{times[height, level]:.3g}" if (height, level) in times else "" for level in LEVELS]
        lines.append([f"refuses {width}x{height}, times its decoding", *costs])
    for attack in ATTACKS:
        name = "as it was written" if attack == "none" else f"`{attack.replace(' | ', ', then ')}`"
        lines.append([f"reads {name}", *(_share(reads.get((attack, level), [])) for level in LEVELS)])
    return ["", *(f"`search={level}`" for level in LEVELS)], lines


def _share(reads: list[bool]) -> str:
    return f"{sum(reads)} of {len(reads)}" if reads else ""


def _seconds(call: Any) -> float:
    begin = time.process_time()  # of one thread: other work on the machine disturbs it least
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
