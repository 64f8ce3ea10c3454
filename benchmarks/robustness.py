"""How often the exact message comes back, by scheme and attack.

Every cell of the grid (scheme x photograph x key x strength x message size x attack) is a row in
``benchmarks/results/GRID``; cells that have a row are not measured again.

    python benchmarks/robustness.py                        # grids/foundation.toml
    python benchmarks/robustness.py --grid geometry        # or any file; see harness/grid.py for what a grid says
    python benchmarks/robustness.py --show                 # print the tables of the stored rows
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.cells import canonical, strength_label, strength_of
from harness.marking import SHARED, mark_attack_read
from harness.tables import Share, attack_label, scheme_label, shares, text_table
from watermarking.messages.marker import DEFAULT_SCHEME

if TYPE_CHECKING:
    from harness.cells import Cell, Row
    from harness.grid import Grid


def main() -> None:
    """Measure, then print one table for each block of the grid."""
    options = arguments(__doc__, grid="foundation").parse_args()
    grid = grid_of(options)
    cells, pictures = grid_cells(grid)
    rows = carry_out(cells, mark_attack_read, SHARED, options, name=grid.name, pictures=pictures)
    print(report(grid, rows))


def report(grid: Grid, rows: list[Row]) -> str:
    """Return the tables: share of exact messages in percent with its 95 % interval, and whether it is enough."""
    counted = shares(rows, lambda row: (canonical(row["scheme"]), row["attack"], strength_of(row), row["bytes"]))
    strengths = {strength_of(one): one for block in grid.blocks for one in block.strengths()}
    parts = [
        f"{strength_label(strength)}, {n_bytes} bytes\n\n{_table(grid, strength, n_bytes, counted)}"
        for strength in strengths.values()
        for n_bytes in dict.fromkeys(n for block in grid.blocks if strength in block.strengths() for n in block.n_bytes)
    ]
    reasons = {f"  {scheme_label(row['scheme'])}: {row['reason']}" for row in rows if "reason" in row}
    if reasons:
        parts.append("* rows that were impossible or crashed, first reasons:\n" + "\n".join(sorted(reasons)[:12]))
    return "\n\n".join(parts)


def _table(grid: Grid, strength: Cell, n_bytes: int, counted: dict[object, Share]) -> str:
    chosen = [block for block in grid.blocks if strength in block.strengths() and n_bytes in block.n_bytes]
    promised = {attack: block.at_least for block in chosen for attack in block.attacks}
    lines = []
    for attack, at_least in promised.items():
        found = {
            scheme_label(s): counted.get((canonical(s), attack, strength_of(strength), n_bytes)) for s in grid.schemes
        }
        target = "" if at_least is None else f">= {100 * at_least:g}"
        verdict = _verdict(found.get(DEFAULT_SCHEME), at_least)
        lines.append([attack_label(attack), *(share or "" for share in found.values()), target, verdict])
    return text_table(["attack", *map(scheme_label, grid.schemes), "promised", DEFAULT_SCHEME], lines)


def _verdict(share: Share | None, at_least: float | None) -> str:
    if share is None or at_least is None or not share.trials:
        return ""
    return "pass" if share.value >= at_least else "FAIL"


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
