"""What is read back at equal visibility: marks of a fidelity, the SSIMULACRA2 score aimed at.

Every row says the score that was reached and how far Butteraugli sees the mark, beside what was read after an attack.

    python benchmarks/visible.py                          # grids/visible.toml: discreet, normal and strong
    python benchmarks/visible.py --grid visible_large     # through messengers; visible_pages: pages and drawings
    python benchmarks/visible.py --fidelities 85,normal --schemes dwt,dct,additive
    python benchmarks/visible.py --show
"""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.cells import strength_label
from harness.marking import SEEN, SHARED, mark_attack_read
from harness.tables import attack_label, scheme_label, shares, text_table
from watermarking.messages.fidelity import FIDELITIES

if TYPE_CHECKING:
    from harness.cells import Row
    from harness.grid import Grid


def main() -> None:
    """Measure, then print how much the marks show, and what is read."""
    parser = arguments(__doc__, grid="visible")
    parser.add_argument(
        "--fidelities",
        type=lambda text: [_fidelity(one) for one in text.split(",")],
        help="scores or names of steps, separated by commas, instead of the grid's",
    )
    options = parser.parse_args()
    grid = grid_of(options)
    if options.fidelities:
        blocks = (dataclasses.replace(block, psnr=(), fidelity=tuple(options.fidelities)) for block in grid.blocks)
        grid = dataclasses.replace(grid, blocks=tuple(blocks))
    cells, pictures = grid_cells(grid)
    cells = [cell for cell in cells if "fidelity" in cell]
    rows = carry_out(cells, mark_attack_read, SHARED, options, name=grid.name, pictures=pictures)
    print(f"{seen(rows)}\n\n{read(grid, rows)}")


def _fidelity(text: str) -> float | str:
    return text if text in FIDELITIES else float(text)


def seen(rows: list[Row]) -> str:
    """Return mean and worst of what shows, by scheme, fidelity and message size, over the marked pictures."""
    lines: list[list[object]] = []
    for column in dict.fromkeys(map(_column, rows)):
        mine = [row for row in rows if _column(row) == column]
        tried = {(row["photograph"], row["key"]) for row in mine}
        done = {(row["photograph"], row["key"]): row for row in mine if SEEN[0] in row}
        if not done:
            continue
        scores, far, near, noise = ([row[name] for row in done.values()] for name in SEEN)
        lines.append([
            *column, f"{statistics.mean(scores):.1f}", f"{min(scores):.1f}",
            f"{statistics.mean(far):.2f}", f"{max(far):.2f}", f"{statistics.mean(near):.2f}",
            f"{min(noise):.1f} to {max(noise):.1f}", f"{len(tried) - len(done)}",
        ])  # fmt: skip
    heading = ["scheme", "aimed at", "bytes", "SSIMULACRA2", "worst", "Butteraugli", "worst", "3-norm", "dB", "refused"]
    return text_table(heading, lines)


def read(grid: Grid, rows: list[Row]) -> str:
    """Return the share of exact messages in percent, with its interval, by attack, and what is promised of it."""
    counted = shares(rows, lambda row: (_column(row), row["attack"]))
    columns = list(dict.fromkeys(map(_column, rows)))
    lines: list[list[object]] = []
    for block in grid.blocks:
        for attack in block.attacks:
            found = [counted.get((column, attack)) for column in columns]
            target = "" if block.at_least is None else f">= {100 * block.at_least:g}"
            lines.append([attack_label(attack), *(share or "" for share in found), target])
    headings = [f"{scheme}, {strength}" for scheme, strength, _ in columns]
    return text_table(["attack", *headings, "asked of normal"], lines)


def _column(row: Row) -> tuple[str, str, int]:
    return scheme_label(row["scheme"]), strength_label(row), row["bytes"]


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
