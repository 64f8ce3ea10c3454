"""What marking does to a picture, in several metrics, at equal PSNR.

python benchmarks/quality.py                 # grids/quality.toml
python benchmarks/quality.py --show
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.fidelity import METRICS, measure_quality
from harness.marking import SHARED
from harness.tables import scheme_label, text_table
from watermarking.metrics import bootstrap_interval

if TYPE_CHECKING:
    from harness.cells import Row


def main() -> None:
    """Measure, then print the metrics' means over the photographs."""
    options = arguments(__doc__, grid="quality").parse_args()
    grid = grid_of(options)
    cells, pictures = grid_cells(grid)
    cells = [{"part": "quality", **cell} for cell in cells]
    rows = carry_out(cells, measure_quality, SHARED, options, name=grid.name, pictures=pictures)
    print(report(rows))


def report(rows: list[Row]) -> str:
    """Return means over the photographs with 95 % bootstrap intervals."""
    lines = []
    for scheme, psnr in dict.fromkeys((scheme_label(row["scheme"]), row["psnr"]) for row in rows):
        mine = [r for r in rows if (scheme_label(r["scheme"]), r["psnr"]) == (scheme, psnr) and r["status"] == "done"]
        lines.append([scheme, f"{psnr:g}", *(_mean([row[metric] for row in mine]) for metric in METRICS)])
    return text_table(["scheme", "asked for", *METRICS], lines)


def _mean(values: list[float]) -> str:
    import numpy as np

    if not values:
        return "impossible"
    low, high = bootstrap_interval(values, rng=np.random.default_rng(0))
    return f"{statistics.fmean(values):.5g} [{low:.5g}, {high:.5g}]"


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
