"""How many bits survive: the frontier of payload and strength under each attack.

    python benchmarks/capacity.py                # grids/capacity.toml: 4 to 512 bytes, 36 to 48 dB
    python benchmarks/capacity.py --show

A photograph's payload is the longest message that came back with every key, all shorter ones included. The tables give
its median over the photographs in bits, and in brackets its mean in bits per thousand pixels.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.frontier import payloads
from harness.marking import SHARED, mark_attack_read
from harness.photographs import load
from harness.tables import attack_label, scheme_label, text_table
from watermarking.metrics import bits_per_pixel

if TYPE_CHECKING:
    from harness.cells import Row


def main() -> None:
    """Measure, then print one table a scheme."""
    options = arguments(__doc__, grid="capacity").parse_args()
    grid = grid_of(options)
    cells, pictures = grid_cells(grid)
    rows = carry_out(cells, mark_attack_read, SHARED, options, name=grid.name, pictures=pictures)
    print(report(rows, {name: load(picture).shape for name, picture in pictures.items()}))


def report(rows: list[Row], shapes: dict[str, tuple[int, ...]]) -> str:
    """Return a table a scheme: attacks down, PSNR across."""
    frontier = payloads(rows)
    strengths = sorted({row["psnr"] for row in rows})
    parts = []
    for scheme in dict.fromkeys(scheme_label(row["scheme"]) for row in rows):
        lines = []
        for attack in dict.fromkeys(row["attack"] for row in rows):
            found = [frontier[scheme, psnr, attack] for psnr in strengths if (scheme, psnr, attack) in frontier]
            lines.append([attack_label(attack), *(_cell(bits, shapes) for bits in found)])
        parts.append(f"{scheme}\n\n{text_table(['attack', *(f'{psnr:g} dB' for psnr in strengths)], lines)}")
    return "\n\n".join(parts)


def _cell(bits: dict[str, int], shapes: dict[str, tuple[int, ...]]) -> str:
    rates = [1000 * bits_per_pixel(n_bits, shapes[name]) for name, n_bits in bits.items() if name in shapes]
    return f"{statistics.median(bits.values()):g} ({statistics.fmean(rates):.2f})" if rates else ""


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
