"""How many bits survive: the frontier of payload and visibility under each attack, and two long messages in full.

    python benchmarks/capacity.py                # grids/capacity.toml: 4 to 512 bytes, SSIMULACRA2 80 to 90
    python benchmarks/capacity.py --part long    # 32 bytes at 85; 128 bytes on pictures of 2 MP and more
    python benchmarks/capacity.py --show

A photograph's payload is the longest message that came back with every key, all shorter ones included. The tables give
its median over the photographs in bits, and in brackets its mean in bits per thousand pixels.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import visible
from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.cells import Cell, strength_label, strength_of
from harness.frontier import payloads
from harness.marking import SHARED, mark_attack_read
from harness.photographs import load
from harness.tables import attack_label, scheme_label, text_table
from watermarking.metrics import bits_per_pixel

if TYPE_CHECKING:
    import argparse

    from harness.cells import Row
    from harness.grid import Grid
    from harness.photographs import Photograph

LONG = ("long", "long_large")
"""Grids of one long message each, read after all that the default is held to."""


def main() -> None:
    """Measure, then print one table a scheme, and what is read of long messages."""
    parser = arguments(__doc__, grid="capacity")
    parser.add_argument("--part", choices=("frontier", "long", "all"), default="all", help="what to measure")
    options = parser.parse_args()
    is_usual = options.grid == "capacity"
    if options.part != "long" or not is_usual:
        grid, rows, pictures = _measured(options)
        print(report(rows, {name: load(picture).shape for name, picture in pictures.items()}))
    for name in LONG if is_usual and options.part != "frontier" else ():
        options.grid = name
        grid, rows, _ = _measured(options)
        print(f"\n{name}\n\n{visible.seen(rows)}\n\n{visible.read(grid, rows)}")


def _measured(options: argparse.Namespace) -> tuple[Grid, list[Row], dict[str, Photograph]]:
    grid = grid_of(options)
    cells, pictures = grid_cells(grid)
    return grid, carry_out(cells, mark_attack_read, SHARED, options, name=grid.name, pictures=pictures), pictures


def report(rows: list[Row], shapes: dict[str, tuple[int, ...]]) -> str:
    """Return a table a scheme: attacks down, strengths across."""
    frontier = payloads(rows)
    strengths: dict[tuple[str, bool, Any], Cell] = {strength_of(row): row for row in rows}
    parts = []
    for scheme in dict.fromkeys(scheme_label(row["scheme"]) for row in rows):
        lines = []
        for attack in dict.fromkeys(row["attack"] for row in rows):
            found = [frontier.get((scheme, which, attack), {}) for which in sorted(strengths)]
            lines.append([attack_label(attack), *(_cell(bits, shapes) for bits in found)])
        heading = ["attack", *(strength_label(strengths[which]) for which in sorted(strengths))]
        parts.append(f"{scheme}\n\n{text_table(heading, lines)}")
    return "\n\n".join(parts)


def _cell(bits: dict[str, int], shapes: dict[str, tuple[int, ...]]) -> str:
    rates = [1000 * bits_per_pixel(n_bits, shapes[name]) for name, n_bits in bits.items() if name in shapes]
    return f"{statistics.median(bits.values()):g} ({statistics.fmean(rates):.2f})" if rates else ""


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
