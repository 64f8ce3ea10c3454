"""Attacks ranked by what they cost the attacker: quality lost against messages destroyed, after WAVES.

WAVES (An et al., ICML 2024) ranks attacks by the quality that is lost at the strength where a mark is no longer found.
Here: attacks at several strengths (grids/rank.toml) on pictures marked at the default fidelity; success is the exact
message; what is lost is 100 - SSIMULACRA2 of the attacked cover, its geometry undone, and beside it 1 - SSIM. The table
gives the least loss at which an attack's message rate falls to 95, 70 and 50 %, interpolated between strengths; attacks
that never get there come last.

    python benchmarks/rank.py
    python benchmarks/rank.py --show
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.fidelity import measure_loss
from harness.marking import SHARED, mark_attack_read
from harness.tables import attack_label, scheme_label, shares, text_table

if TYPE_CHECKING:
    from harness.cells import Cell, Row

Table: TypeAlias = tuple[str, list[str], list[list[object]]]

LEVELS = (0.95, 0.7, 0.5)
_WHOLE = {"SSIMULACRA2": 100.0, "SSIM": 1.0}  # what equal pictures score


def main() -> None:
    """Measure success and loss, then print the ranking of each scheme."""
    options = arguments(__doc__, grid="rank").parse_args()
    grid = grid_of(options)
    cells, pictures = grid_cells(grid)
    rows = carry_out(cells, mark_attack_read, SHARED, options, name=grid.name, pictures=pictures)
    options.fresh = False
    unmarked = [loss_cell(cell) for cell in cells if cell["key"] == 0 and cell["scheme"] == grid.schemes[0]]
    losses = carry_out(unmarked, measure_loss, ("photograph",), options, name=grid.name, pictures=pictures)
    for title, heading, lines in tables(rows, losses):
        print(f"{title}\n\n{text_table(heading, lines)}\n")


def loss_cell(cell: Cell) -> Cell:
    """Return the cell that measures what an attack does to an unmarked photograph."""
    return {
        "part": "loss",
        "by": "SSIMULACRA2",
        **{name: cell[name] for name in ("photograph", "key", "attack", "seed")},
    }


def tables(rows: list[Row], losses: list[Row]) -> list[Table]:
    """Return the ranking of each scheme, the cheapest attack first: (scheme, heading, lines)."""
    curves, by_ssim = (curves_of(rows, losses, metric) for metric in _WHOLE)
    found: list[Table] = []
    for scheme in dict.fromkeys(scheme for scheme, _ in curves):
        mine = {attack: curve for (name, attack), curve in curves.items() if name == scheme}
        prices = {attack: [price(curve, level) for level in LEVELS] for attack, curve in mine.items()}
        order = sorted(prices, key=lambda attack: [math.inf if p is None else p for p in reversed(prices[attack])])
        lines: list[list[object]] = []
        for attack in order:
            lowest = min(share for _, share in mine[attack])
            ssim = price(by_ssim.get((scheme, attack), []), LEVELS[-1])
            shown = "" if ssim is None else f"{ssim:.3f}"
            lines.append(
                [attack, *("never" if p is None else f"{p:.3g}" for p in prices[attack]), shown, f"{lowest:.2f}"]
            )
        heading = ["attack", *(f"lost at {100 * level:g} %" for level in LEVELS), "SSIM lost", "lowest share"]
        found.append((scheme, heading, lines))
    return found


def curves_of(rows: list[Row], losses: list[Row], metric: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return (loss by a metric, share of messages) of each strength of an attack, by scheme and the attack's id."""
    lost: dict[str, list[float]] = defaultdict(list)
    for row in losses:
        if metric in row:
            lost[row["attack"]].append(_WHOLE[metric] - row[metric])
    curves: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for (scheme, attack), share in shares(rows, lambda r: (scheme_label(r["scheme"]), r["attack"])).items():
        if attack in lost and share.trials:
            curves[scheme, attack_label(attack).partition("(")[0]].append((statistics.fmean(lost[attack]), share.value))
    return {which: sorted(points) for which, points in curves.items()}


def price(curve: list[tuple[float, float]], level: float) -> float | None:
    """Return the least quality loss at which the share of messages is down to a level; None if it never is."""
    before, share_before = 0.0, 1.0
    for loss, share in curve:
        if share <= level:
            part = (share_before - level) / (share_before - share) if share_before > share else 1.0
            return before + part * (loss - before)
        before, share_before = loss, share
    return None


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
