"""Whether the map of where the mark is finds what was changed: splices, erasures, inpainting, clones.

python benchmarks/presence.py              # the evaluation photographs, some minutes on one core
python benchmarks/presence.py --show
python benchmarks/presence.py --sheet docs/images/presence.png   # draws four changes and their maps, stores nothing

Each picture is marked at the usual strength, a rectangle of it is replaced, and what is left saved once more. Score is
the area under the curve of ``share`` over pixels; then what was flagged of the rectangle and of all else, at the map's
stated error rate.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image
from scipy.stats import rankdata

from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of, rng_of, significant
from harness.photographs import find, load
from harness.tables import text_table
from watermarking.attacks import parse_attack
from watermarking.keys import Key
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.photographs import Photograph

    U8 = npt.NDArray[np.uint8]

CHANGES = ("splice", "erase", "telea", "navier-stokes", "clone", "none")
AREAS = (0.02, 0.05, 0.1, 0.3)
AFTER = ("none", "jpeg(75)", "resize(0.75)", "resize(0.75) | jpeg(75)")
EDITS = ("brightness(1.2)", "contrast(1.5)", "gamma(1.4)", "blur(1)", "paste('page', 0.2)")
"""Of whole pictures of which nothing was replaced: what else may turn a map red."""
MESSAGE = "(c) Ada 2026"
_RADIUS = 5
_DRAWN = ("splice", "erase", "telea", "clone")
_INPAINTED = 384  # pixels of the shorter side: OpenCV fills larger holes for minutes


def main() -> None:
    """Measure what has no row yet, then print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--sheet", type=Path, help="draw changed pictures beside their maps into this file")
    options = parser.parse_args()
    if options.sheet is not None:
        draw_sheet(options.sheet)
        return
    pictures = {photograph.name: photograph for photograph in find("evaluation")}
    cells = [
        {"photograph": name, "change": change, "area": area, "after": after, "key": 0, "seed": 0}
        for name in pictures for change in CHANGES for area in (AREAS if change != "none" else (0.1,))
        for after in _after(change)
    ]  # fmt: skip
    rows = carry_out(cells, measure, ("photograph",), options, name="presence", pictures=pictures)
    print(text_table(*table(rows)))


def _after(change: str) -> tuple[str, ...]:
    return AFTER if change != "none" else (*AFTER, *EDITS)


def measure(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Measure cells of one photograph."""
    names = list(pictures)
    name = cells[0]["photograph"]
    cover = load(pictures[name])
    other = load(pictures[names[(names.index(name) + 1) % len(names)]])
    marker = Marker(key=key_of(cells[0]))
    marked = np.asarray(marker.embed(cover, MESSAGE), np.uint8)
    return [_measured(cell, marker, marked, other) for cell in cells]


def draw_sheet(path: Path) -> None:
    """Draw a shipped photograph, changed in four ways and saved as JPEG 75, above the maps of it."""
    shipped = {photograph.name: photograph for photograph in find("shipped")}
    cover, other = (load(shipped[name]) for name in ("coffee", "chelsea"))
    marker = Marker(key=Key(bytes(range(16))))
    marked = np.asarray(marker.embed(cover, MESSAGE), np.uint8)
    columns = []
    for number, change in enumerate(_DRAWN):
        rng = np.random.default_rng(number + 1)
        changed = np.asarray(parse_attack("jpeg(75)")(_changed(marked, other, change, 0.08, rng)[0], rng=rng), np.uint8)
        where = marker.extract(changed, presence=True).presence
        assert where is not None
        pair = np.vstack([changed, where.heat_map(changed)])
        columns.append(cv2.resize(pair, None, fx=0.55, fy=0.55, interpolation=cv2.INTER_AREA))
    Image.fromarray(np.hstack(columns)).quantize(256).save(path)


def _measured(cell: Cell, marker: Marker, marked: U8, other: U8) -> Row:
    rng = rng_of(cell)
    changed, truth = _changed(marked, other, cell["change"], cell["area"], rng)
    if cell["after"] != "none":
        changed = np.asarray(parse_attack(cell["after"])(changed, rng=rng), np.uint8)
    truth = cv2.resize(truth.astype(np.uint8), changed.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    where = marker.extract(changed, presence=True).presence
    if where is None:
        return {"status": IMPOSSIBLE, "reason": "no message was read"}
    step = slice(None, None, 4)
    share, missing, unsure = (
        where.on(values, changed.shape)[step, step] for values in (where.share, where.missing, where.unsure)
    )
    truth = truth[step, step]
    known = np.isfinite(share)
    row: Row = {"status": DONE, "false": float((missing[known & ~truth] > 0.5).mean())}
    row["unsure"] = float((unsure[known] > 0.5).mean())
    if cell["change"] != "none":
        row["found"] = float((missing[known & truth] > 0.5).mean())
        row["auc"] = _area_under_curve(-share[known], truth[known])
    return {name: significant(value) if isinstance(value, float) else value for name, value in row.items()}


def _changed(marked: U8, other: U8, change: str, area: float, rng: np.random.Generator) -> tuple[U8, Any]:
    """Return the picture with a rectangle replaced, and where."""
    height, width = marked.shape[:2]
    rows, cols = round(height * area**0.5), round(width * area**0.5)
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - cols + 1))
    truth = np.zeros((height, width), np.bool_)
    if change == "none":
        return marked, truth
    truth[top : top + rows, left : left + cols] = True
    changed = marked.copy()
    if change == "splice":
        changed[truth] = _of_kind(cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA), marked)[truth]
    elif change == "erase":
        changed[truth] = marked.mean((0, 1)).astype(np.uint8)
    elif change == "clone":
        fits = [(r, c) for r in (0, height - rows) for c in (0, width - cols)]
        r, c = max(fits, key=lambda corner: abs(corner[0] - top) + abs(corner[1] - left))
        changed[top : top + rows, left : left + cols] = marked[r : r + rows, c : c + cols]
    else:
        changed[truth] = _inpainted(marked, truth, change)[truth]
    return changed, truth


def _of_kind(other: Any, picture: U8) -> Any:
    """Return another picture in grey or in colour, as this one is."""
    if other.ndim == picture.ndim:
        return other
    return cv2.cvtColor(other, cv2.COLOR_RGB2GRAY if picture.ndim == 2 else cv2.COLOR_GRAY2RGB)


def _inpainted(picture: U8, hole: Any, method: str) -> U8:
    scale = min(1.0, _INPAINTED / min(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(hole.astype(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    flag = cv2.INPAINT_TELEA if method == "telea" else cv2.INPAINT_NS
    filled = cv2.inpaint(small, mask, _RADIUS, flag)
    return np.asarray(cv2.resize(filled, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def _area_under_curve(scores: Any, truth: Any) -> float:
    """Return the chance that a changed pixel scores above an unchanged one (Mann and Whitney), ties half."""
    n = int(truth.sum())
    ranks = rankdata(scores)
    return float((ranks[truth].sum() - n * (n + 1) / 2) / (n * (truth.size - n)))


def table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line for each change and what came after it, over areas and photographs."""
    heading = ["change", "after", "maps", "area under curve", "worst area", "flagged of it", "flagged elsewhere"]
    heading += ["worst", "unsure"]
    lines: list[list[object]] = []
    for change in CHANGES:
        for after in _after(change):
            mine = [row for row in rows if row["change"] == change and row["after"] == after]
            done = [row for row in mine if row["status"] == DONE]
            if not done:
                continue
            curves = [
                statistics.mean(of_area)
                for area in AREAS if (of_area := [r["auc"] for r in done if r["area"] == area and "auc" in r])
            ]  # fmt: skip
            mean = {n: statistics.mean(r[n] for r in done) for n in ("auc", "found", "false", "unsure") if n in done[0]}
            lines.append([
                change, after, f"{len(done)} of {len(mine)}", f"{mean['auc']:.3f}" if curves else "",
                f"{min(curves):.3f}" if curves else "", f"{100 * mean['found']:.0f} %" if curves else "",
                f"{100 * mean['false']:.2f} %", f"{100 * max(r['false'] for r in done):.0f} %",
                f"{100 * mean['unsure']:.0f} %",
            ])  # fmt: skip
    return heading, lines


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
