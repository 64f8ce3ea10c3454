"""Our schemes beside other packages at equal visibility: same photographs, message and SSIMULACRA2 score.

Success is the exact message. Other packages are marked at the strengths that they allow, searched by score as ours is,
and at their own; at a score they are compared at the most discreet strength that shows at least as much. Most correct
no errors and check nothing, so the share of right bits is given too: what a code around them would have to work with.

make peers && python benchmarks/compare.py      # measures what is installed, names what is not
python benchmarks/compare.py --show
python benchmarks/compare.py --show --image docs/images/visibility.svg   # the curve
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.cells import IMPOSSIBLE
from harness.marking import SHARED, mark_attack_read
from harness.tables import Share, attack_label, family_of, shares, text_table
from harness.visibility import (
    SURVIVES,
    Point,
    claim_tables,
    curve,
    curve_table,
    equally_visible,
    points,
    targets,
)
from peers import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.cells import Row
    from harness.grid import Grid


def main() -> None:
    """Measure, then print what comes back at each score, the points of the curve, and who is above whom."""
    parser = arguments(__doc__, grid="compare")
    parser.add_argument("--image", type=Path, metavar="FILE", help="draw the curve there, as SVG or PNG")
    options = parser.parse_args()
    grid = grid_of(options)
    if not options.show:
        grid = _with_what_is_there(grid)
    cells, pictures = grid_cells(grid)
    rows = carry_out(cells, mark_attack_read, SHARED, options, name=grid.name, pictures=pictures)
    print(report(rows))
    if options.image:
        from harness import plots

        plots.write(plots.visibility(curve(rows)), options.image)


def report(rows: list[Row]) -> str:
    """Return for each message size the tables at equal visibility, losses marked, and the curve in numbers."""
    parts = []
    for n_bytes in sorted({row["bytes"] for row in rows}):
        mine = [row for row in rows if row["bytes"] == n_bytes]
        found = points(mine)
        for target in targets(mine):
            chosen = equally_visible(found, target)
            title = f"{n_bytes} bytes, SSIMULACRA2 {target:g}"
            for what, name in (("family", family_of), ("attack", attack_label)):
                parts.append(f"{title}, exact message back, by {what}\n\n{_table(chosen, what, name)}")
            parts.append(f"{title}, right bits in percent, by family\n\n{_bits_table(chosen)}")
        parts.append(f"{n_bytes} bytes, all attacks\n\n{text_table(*curve_table(found))}")
        parts += [f"{title}\n\n{text_table(heading, lines)}" for title, heading, lines in claim_tables(found, n_bytes)]
    return "\n\n".join(parts)


def _table(chosen: list[Point], what: str, name: Callable[[str], str]) -> str:
    counted = {point.label: shares(point.rows, lambda row: name(row["attack"])) for point in chosen}
    peers = {point.label for point in chosen if point.is_peer}
    lines: list[list[object]] = []
    for group in dict.fromkeys(name(row["attack"]) for point in chosen for row in point.rows):
        found = {label: counts[group] for label, counts in counted.items() if group in counts}
        verdict = _verdict([found[s] for s in found if s not in peers], [found[s] for s in found if s in peers])
        lines.append([group, *(found.get(label, "") for label in counted), verdict])
    return text_table([what, *counted, "our best"], lines)


def _bits_table(chosen: list[Point]) -> str:
    """Return the mean share of right channel bits; where a reader found nothing to compare, half are right."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for point in chosen:
        for row in point.rows:
            if row["status"] != IMPOSSIBLE:
                rate = 0.5 if row.get("ber") is None else row["ber"]  # nothing to compare, or a crash
                found[family_of(row["attack"]), point.label].append(100 * (1 - rate))
    labels = [point.label for point in chosen]
    cells = {which: f"{statistics.fmean(values):.1f}" for which, values in found.items()}
    families = dict.fromkeys(family for family, _ in found)
    return text_table(["family", *labels], [[f, *(cells.get((f, s), "") for s in labels)] for f in families])


def _verdict(ours: list[Share], theirs: list[Share]) -> str:
    best = max((share.value for share in ours if share.trials), default=0.0)
    if not any(share.trials for share in theirs):
        return "no peer measured"
    rival = max(share.value for share in theirs if share.trials)
    if rival < SURVIVES:
        return "no peer survives"
    return "ahead" if best > rival else "even" if best == rival else "BEHIND"


def _with_what_is_there(grid: Grid) -> Grid:
    """Leave out the peers that cannot be asked, and say why."""
    schemes = []
    for scheme in grid.schemes:
        reason = unavailable(scheme.removeprefix("peer:")) if str(scheme).startswith("peer:") else None
        if reason:
            print(reason, file=sys.stderr)
        else:
            schemes.append(scheme)
    return dataclasses.replace(grid, schemes=tuple(schemes))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
