"""What is read back at equal visibility: marks of a fidelity, the SSIMULACRA2 score aimed at.

Every row says the score that was reached and how far Butteraugli sees the mark, beside what was read after an attack.

    python benchmarks/visible.py                          # grids/visible.toml at 90, 88 and 80
    python benchmarks/visible.py --fidelities 88 --schemes dwt,dct,additive
    python benchmarks/visible.py --grid visible_deep --fidelities 85,88     # the networks
    python benchmarks/visible.py --show
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_of
from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of, message_of, significant
from harness.marking import attacked_picture
from harness.photographs import Photograph, find, load
from harness.tables import attack_label, scheme_label, shares, text_table
from harness.workers import failed
from watermarking.errors import WatermarkError
from watermarking.messages.marker import Marker
from watermarking.metrics import butteraugli, psnr, ssimulacra2

if TYPE_CHECKING:
    from harness.grid import Grid

SHARED = ("scheme", "photograph", "key", "fidelity", "bytes")
"""What the cells of one marked picture agree in."""


def main() -> None:
    """Measure, then print how much the marks show, and what is read."""
    parser = arguments(__doc__, grid="visible")
    parser.add_argument("--fidelities", type=lambda text: [float(one) for one in text.split(",")], default=[90, 88, 80])
    options = parser.parse_args()
    grid = grid_of(options)
    pictures = {photograph.name: photograph for photograph in find(grid.photographs)}
    cells = cells_of(grid, list(pictures), options.fidelities)
    rows = carry_out(cells, measure, SHARED, options, name=grid.name, pictures=pictures)
    print(f"{seen(rows)}\n\n{read(grid, rows)}")


def cells_of(grid: Grid, photographs: list[str], fidelities: list[float]) -> list[Cell]:
    """List the cells: pictures that are marked alike stand together."""
    return [
        {
            "scheme": scheme, "photograph": photograph, "key": key, "fidelity": float(fidelity), "bytes": n_bytes,
            "attack": attack, "seed": grid.seed,
        }
        for photograph in photographs
        for scheme in grid.schemes
        for key in range(grid.keys)
        for fidelity in fidelities
        for block in grid.blocks
        for n_bytes in block.n_bytes
        for attack in block.attacks
    ]  # fmt: skip


def measure(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Mark a photograph, measure what shows, attack it and read."""
    first = cells[0]
    cover, message = load(pictures[first["photograph"]]), message_of(first)
    marker = Marker(first["scheme"], key=key_of(first), fidelity=first["fidelity"])
    try:
        marked = marker.embed(cover, message)
    except WatermarkError as error:
        return [failed(IMPOSSIBLE, str(error)) for _ in cells]
    distance = butteraugli(cover, marked)
    quality = {
        "SSIMULACRA2": significant(ssimulacra2(cover, marked), 4), "Butteraugli": significant(distance.max, 3),
        "Butteraugli 3-norm": significant(distance.norm3, 3), "PSNR": significant(psnr(cover, marked), 4),
    }  # fmt: skip
    results: list[Row] = []
    for cell in cells:
        reading = marker.extract(attacked_picture(marked, cell))
        wrong = reading.message not in (None, message)
        results.append({"status": DONE, "read": reading.message == message, "wrong": wrong, **quality})
    return results


def seen(rows: list[Row]) -> str:
    """Return mean and worst of what shows, by scheme and fidelity, over the marked pictures."""
    lines: list[list[object]] = []
    for scheme, fidelity in dict.fromkeys((scheme_label(row["scheme"]), row["fidelity"]) for row in rows):
        wanted = (scheme, fidelity, "none")
        mine = [row for row in rows if (scheme_label(row["scheme"]), row["fidelity"], row["attack"]) == wanted]
        done = [row for row in mine if row["status"] == DONE]
        if not done:
            continue
        scores, far, near, noise = (
            [row[name] for row in done] for name in ("SSIMULACRA2", "Butteraugli", "Butteraugli 3-norm", "PSNR")
        )
        lines.append([
            scheme, f"{fidelity:g}", f"{statistics.mean(scores):.1f}", f"{min(scores):.1f}",
            f"{statistics.mean(far):.2f}", f"{max(far):.2f}", f"{statistics.mean(near):.2f}",
            f"{min(noise):.1f} to {max(noise):.1f}", f"{len(mine) - len(done)}",
        ])  # fmt: skip
    heading = ["scheme", "aimed at", "SSIMULACRA2", "worst", "Butteraugli", "worst", "3-norm", "dB", "refused"]
    return text_table(heading, lines)


def read(grid: Grid, rows: list[Row]) -> str:
    """Return the share of exact messages in percent, with Wilson's interval, by attack and fidelity."""
    counted = shares(rows, lambda row: (scheme_label(row["scheme"]), row["fidelity"], row["attack"]))
    columns = list(dict.fromkeys((scheme_label(row["scheme"]), row["fidelity"]) for row in rows))
    lines: list[list[object]] = []
    for block in grid.blocks:
        for attack in block.attacks:
            found = [counted.get((*column, attack)) for column in columns]
            target = "" if block.at_least is None else f">= {100 * block.at_least:g}"
            lines.append([attack_label(attack), *(share or "" for share in found), target])
    return text_table(["attack", *(f"{scheme} {fidelity:g}" for scheme, fidelity in columns), "at 88"], lines)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
