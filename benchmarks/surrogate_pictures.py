"""Draw what surrogates learn, for docs/ownership.md: python benchmarks/surrogate_pictures.py OUT.

A row a task and one for a surrogate of unmarked answers; columns as in COLUMNS. The photograph is one that nothing was
trained on, the chest is seen from an angle of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harness.photographs import find, load
from harness.theft import kept_network, key_of, stolen, task
from harness.theft_cells import TRAINED
from surrogates import HIDDEN, STILL, control, of_matrix
from watermarking.ownership.hidden.mark import HiddenPicture
from watermarking.ownership.surrogates.thief import as_rgb
from watermarking.ownership.surrogates.train import answers
from watermarking.ownership.tasks.rain import rain_pairs

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.cells import Cell

    Pixels = npt.NDArray[np.uint8]

COLUMNS = (
    "input A", "the owner's answer B", "marked B', as served", "B' - B, x 20", "a surrogate's answer B''",
    "R reads from B", "R reads from B'", "R reads from B''",
)  # fmt: skip
SIDE, HEADING = 200, 22
KEY = key_of(0)


def line(query: Pixels, cell: Cell, mark: HiddenPicture) -> Pixels:
    """Return a row of pictures: what becomes of a query."""
    chosen, name = task(cell["task"]), cell["task"]
    owner = kept_network(f"{name}-owner", "unet", _missing)
    own = answers(owner, [query])[0]
    served = mark.mark(own, key=KEY) if cell["mark"] else own
    suspect = answers(stolen(chosen, {one: cell[one] for one in TRAINED}), [query])[0]
    difference = np.clip(128 + 20 * (served.astype(np.int16) - own), 0, 255).astype(np.uint8)
    read = [mark.read(one, key=KEY).picture for one in (own, served, suspect)]
    return np.hstack([_fitted(one) for one in (query, own, served, difference, suspect, *read)])


def _missing(part: Path) -> NoReturn:
    raise SystemExit(f"{part.stem} is not trained yet: run benchmarks/surrogates.py --train first")


def _fitted(picture: Pixels) -> Pixels:
    """Return a square of SIDE pixels: 128 pixels of the middle, or the whole of a small picture."""
    rgb = as_rgb(picture)
    y, x = ((length - 128) // 2 if length > 128 else 0 for length in rgb.shape[:2])
    cut = rgb[y : y + 128, x : x + 128]
    return np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def main() -> None:
    """Write ``ownership.png``."""
    cat = load(next(one for one in find("shipped") if one.name == "chelsea"))
    rainy = rain_pairs([np.ascontiguousarray(cat[20:276, 100:356])], seed=9)[0][0]
    chest, mark = task("debone").asked[0], HiddenPicture()
    rows = [
        line(rainy, of_matrix("paper", HIDDEN, "derain", "unet", "l2", thief=STILL), mark),
        line(rainy, of_matrix("paper", HIDDEN, "derain", "res16", "l2", thief=STILL), mark),
        line(chest, of_matrix("paper", HIDDEN, "debone", "unet", "l2", thief=STILL), mark),
        line(rainy, control("derain", "unet", seed=11, thief=STILL), mark),
    ]
    sheet = Image.fromarray(np.vstack([np.full((HEADING, SIDE * len(COLUMNS), 3), 255, np.uint8), *rows]))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, text in enumerate(COLUMNS):
        pen.text((SIDE * (number + 0.5), HEADING / 2), text, fill="black", font=font, anchor="mm")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256).save(folder / "ownership.png", optimize=True)


if __name__ == "__main__":
    main()
