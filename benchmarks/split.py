"""Training in parts on Fashion-MNIST: accuracy against training in one place, and pictures rebuilt from activations.

``accuracy``: a small convolutional network, a server and four holders as real processes, against the same batches in
one place, by seed. ``inversion``: PSNR of holders' training pictures that a decoder rebuilds, by the depth of the cut
and the noise that holders add. ``noise``: what that noise costs, trained in one place.

    python benchmarks/split.py --workers 0
    python benchmarks/split.py --workers 0 --part inversion --sheet docs/images/inversion.png
    python benchmarks/split.py --show

$FASHION names the folder of Fashion-MNIST's four files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE
from harness.means import mean_interval
from harness.split import CUTS, measure_split, rebuilt_pictures
from harness.tables import text_table
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    import argparse

    from harness.cells import Cell, Row

NAME = "split"
NOISES = (0.0, 0.3, 1.0)
CHOSEN = 4
_ROUNDS, _STEPS, _WIDTH = 400, 300, 16
_SHOWN = 10


def main() -> None:
    """Measure, then print the tables."""
    parser = arguments(__doc__)
    parser.set_defaults(workers=0)
    parser.add_argument("--part", choices=["accuracy", "inversion", "noise"], help="only this one")
    parser.add_argument("--seeds", type=int, default=3, help="of accuracy (default 3)")
    parser.add_argument("--small", action="store_true", help="a few steps of each")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="draw rebuilt pictures, too")
    options = parser.parse_args()
    rows = carry_out(cells_of(options), measure_split, ("part", "group"), options, name=NAME)
    for heading, lines in (accuracy_table(rows), inversion_table(rows)):
        if lines:
            print(text_table(heading, lines), end="\n\n")
    if options.sheet:
        draw_sheet(options)


def cells_of(options: argparse.Namespace) -> list[Cell]:
    """List what is measured."""
    rounds, steps = (20, 20) if options.small else (_ROUNDS, _STEPS)

    def accuracy(part: str, way: str, noise: float, seed: int) -> Cell:
        return {"part": part, "group": f"{way} {noise:g} {seed}", "way": way, "cut": CHOSEN, "noise": noise,
                "rounds": rounds, "seed": seed}  # fmt: skip

    found = inversion_cells(rounds, steps)
    found += [accuracy("accuracy", way, 0.0, seed) for seed in range(options.seeds) for way in ("in parts", "central")]
    found += [accuracy("noise", "central", noise, 0) for noise in NOISES[1:]]
    return [cell for cell in found if options.part in (None, cell["part"])]


def inversion_cells(rounds: int, steps: int) -> list[Cell]:
    """List the cuts and noises of one network."""
    return [
        {"part": "inversion", "group": f"cut {cut}", "cut": cut, "noise": noise, "rounds": rounds, "steps": steps,
         "width": _WIDTH, "seed": 0}
        for cut in CUTS for noise in NOISES
    ]  # fmt: skip


def accuracy_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return accuracies by seed, and the interval of the difference."""
    mine = [row for row in rows if row["part"] in ("accuracy", "noise") and row["status"] == DONE]
    lines: list[list[object]] = [
        [row["way"], f"{row['noise']:g}", row["seed"], f"{100 * row['correct'] / row['tested']:.2f} %"] for row in mine
    ]
    if (found := difference(rows)) is not None:
        mean, half, n = found
        lines.append(["in parts less central", "0", f"{n} seeds", f"{mean:+.3f} points, +- {half:.3f} (95 %)"])
    return ["trained", "noise", "seed", "accuracy"], lines


def difference(rows: list[Row]) -> tuple[float, float, int] | None:
    """Return the mean difference to training in one place, in points, half its interval's width, and the seeds."""
    by_way: dict[str, dict[int, float]] = {"in parts": {}, "central": {}}
    for row in rows:
        if row["part"] == "accuracy" and row["status"] == DONE:
            by_way[row["way"]][row["seed"]] = 100 * row["correct"] / row["tested"]
    both = sorted(by_way["in parts"].keys() & by_way["central"].keys())
    gaps = [by_way["in parts"][seed] - by_way["central"][seed] for seed in both]
    if len(gaps) < 2:
        return None
    return *mean_interval(gaps), len(gaps)


def inversion_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return the PSNR of rebuilt pictures by cut and noise."""
    mine = {(row["cut"], row["noise"]): row for row in rows if row["part"] == "inversion" and row["status"] == DONE}
    lines: list[list[object]] = [
        [cut, name, *(f"{mine[cut, noise]['psnr']:.1f} dB" if (cut, noise) in mine else "-" for noise in NOISES)]
        for cut, name in CUTS.items() if any(key[0] == cut for key in mine)
    ]  # fmt: skip
    if mine:
        lines.append(["", "the mean picture", f"{next(iter(mine.values()))['psnr_of_mean']:.1f} dB", "", ""])
    return ["cut", "holders' layers", *(f"noise {noise:g}" for noise in NOISES)], lines


def draw_sheet(options: argparse.Namespace) -> None:
    """Draw holders' pictures, and below them what is rebuilt: cuts from shallow to deep, then the chosen one noisy."""
    rounds, steps = (20, 20) if options.small else (_ROUNDS, _STEPS)
    cells = [cell for cell in inversion_cells(rounds, steps) if not cell["noise"] or cell["cut"] == CHOSEN]
    own, found = rebuilt_pictures(cells, _SHOWN)
    rows = [np.hstack(list((255 * one[:, 0]).round().to(dtype=one.dtype).numpy())) for one in (own, *found)]
    sheet = np.vstack(rows).astype(np.uint8)
    try:
        Image.fromarray(sheet).resize((sheet.shape[1] * 2, sheet.shape[0] * 2), Image.Resampling.NEAREST).save(
            options.sheet, optimize=True
        )
    except OSError as error:
        raise WatermarkError(f"the sheet cannot be written to {options.sheet}: {error.strerror or error}") from error


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
