"""What descent on the metrics of visibility would buy, and why embedding does not do it.

A mark is pushed down the gradients of SSIMULACRA2 and Butteraugli while the reader's sums stay what they are, then made
as strong as a score of 88 allows. By both metrics it hides much better. To the eye it shows more: look at the pictures.

    python benchmarks/descent.py                      # the ten shipped photographs, details of 448 x 512
    python benchmarks/descent.py --pictures FOLDER    # cover, plain, descended: enlarged details
    python benchmarks/descent.py --show
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE, Cell, Row, key_of, message_of, significant
from harness.descent import Course
from harness.marking import attacked_picture
from harness.photographs import Photograph, find, load
from harness.tables import text_table
from watermarking.messages.marker import Marker
from watermarking.metrics import butteraugli, psnr, ssimulacra2

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

NAME = "descent"
WAYS = ("plain", "descended")
_DETAIL = (448, 512)
_ATTACKS = ("jpeg(50)", "jpeg(30)", "jpeg(20)", "jpeg(10)", "noise(20)", "blur(2)")
_SHOWN = np.s_[100:230, 100:270]


def main() -> None:
    """Measure, then print both ways beside each other."""
    parser = arguments(__doc__)
    parser.add_argument("--photographs", default="shipped", help="set or folder (default shipped)")
    parser.add_argument("--pictures", type=Path, help="write details into this folder, and measure nothing")
    options = parser.parse_args()
    pictures = {photograph.name: photograph for photograph in find(options.photographs)}
    cells: list[Cell] = [{"photograph": name, "key": 0, "bytes": 8, "seed": 2027} for name in pictures]
    if options.pictures:
        for cell in cells:
            write(cell, pictures[cell["photograph"]], options.pictures)
        return
    print(table(carry_out(cells, measure, ("photograph",), options, name=NAME, pictures=pictures)))


def measure(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Mark a detail both ways at 88; say what shows, and after which attacks the message is read."""
    cell = cells[0]
    cover = _detail(pictures[cell["photograph"]])
    row: Row = {"status": DONE}
    for way, marked in zip(WAYS, _both(cell, cover), strict=True):
        row[way] = {
            "SSIMULACRA2": significant(ssimulacra2(cover, marked)), "PSNR": significant(psnr(cover, marked)),
            "Butteraugli": significant(butteraugli(cover, marked).max, 3), "read": _read(cell, marked),
        }  # fmt: skip
    return [row]


def _detail(photograph: Photograph) -> Pixels:
    detail = load(photograph)[: _DETAIL[0], : _DETAIL[1]]
    return np.ascontiguousarray(detail if detail.ndim == 3 else np.dstack([detail] * 3))


def _both(cell: Cell, cover: Pixels) -> tuple[Pixels, Pixels]:
    course = Course(cover, key_of(cell), message_of(cell))
    return course.marked(course.start), course.marked(course.descended())


def _read(cell: Cell, marked: Pixels) -> list[str]:
    marker = Marker("dwt", key=key_of(cell), search=0)
    attacked = {attack: attacked_picture(marked, {**cell, "attack": attack}) for attack in _ATTACKS}
    return [attack for attack, picture in attacked.items() if marker.extract(picture).message == message_of(cell)]


def write(cell: Cell, photograph: Photograph, folder: Path) -> None:
    """Write a detail of the cover and of both marked pictures, side by side and enlarged."""
    cover = _detail(photograph)
    three = [picture[_SHOWN] for picture in (cover, *_both(cell, cover))]
    folder.mkdir(parents=True, exist_ok=True)
    large = np.hstack(three).repeat(3, 0).repeat(3, 1)
    Image.fromarray(large).save(folder / f"{photograph.name}.png")


def table(rows: list[Row]) -> str:
    """Return means over the photographs, and how many are read after each attack."""
    rows = [row for row in rows if row["status"] == DONE]
    lines: list[list[object]] = [
        [name, *(f"{statistics.mean(row[way][name] for row in rows):.2f}" for way in WAYS)]
        for name in ("SSIMULACRA2", "Butteraugli", "PSNR")
    ]
    lines += [
        [f"read after {one}", *(sum(one in row[way]["read"] for row in rows) for way in WAYS)] for one in _ATTACKS
    ]
    return text_table([f"{len(rows)} photographs", *WAYS], lines)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
