"""What marking does to a picture, in several metrics, at equal visibility: on the mean, and at worst where it shows.

python benchmarks/quality.py                 # grids/quality.toml
python benchmarks/quality.py --show
python benchmarks/quality.py --show --worst places   # where each scheme shows most
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.cells import DONE, strength_label
from harness.fidelity import METRICS, VISIBILITY, measure_quality, worst
from harness.marking import SHARED
from harness.places import worst_rows, write_panels
from harness.tables import scheme_label, text_table
from watermarking.metrics import bootstrap_interval

if TYPE_CHECKING:
    from harness.cells import Row


def main() -> None:
    """Measure, then print the metrics' means over the photographs, and the worst of those of visibility."""
    parser = arguments(__doc__, grid="quality")
    parser.add_argument("--worst", type=Path, metavar="FOLDER", help="write the worst places there, pixel for pixel")
    options = parser.parse_args()
    grid = grid_of(options)
    cells, pictures = grid_cells(grid)
    cells = [{"part": "quality", **cell} for cell in cells]
    rows = carry_out(cells, measure_quality, SHARED, options, name=grid.name, pictures=pictures)
    print(report(rows))
    if options.worst:
        for path in write_panels(worst_rows(rows, "SSIMULACRA2", "Butteraugli"), pictures, options.worst):
            print(path)


def report(rows: list[Row]) -> str:
    """Return means over the photographs with 95 % bootstrap intervals, and the worst photograph's visibility."""
    lines = []
    for scheme, strength in dict.fromkeys(map(_class, rows)):
        mine = [row for row in rows if _class(row) == (scheme, strength) and row["status"] == DONE]
        values = {metric: [row[metric] for row in mine if metric in row] for metric in METRICS}
        if not mine:
            lines.append([scheme, strength, *["impossible"] * (len(METRICS) + len(VISIBILITY))])
            continue
        means = [_mean(values[metric]) for metric in METRICS]
        worsts = [f"{worst(metric, values[metric]):.4g}" if values[metric] else "" for metric in VISIBILITY]
        lines.append([scheme, strength, *means, *worsts])
    return text_table(["scheme", "asked for", *METRICS, *(f"worst {metric}" for metric in VISIBILITY)], lines)


def _class(row: Row) -> tuple[str, str]:
    return scheme_label(row["scheme"]), strength_label(row)


def _mean(values: list[float]) -> str:
    import numpy as np

    if not values:
        return ""  # a row of before this metric
    low, high = bootstrap_interval(values, rng=np.random.default_rng(0))
    return f"{statistics.fmean(values):.5g} [{low:.5g}, {high:.5g}]"


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
