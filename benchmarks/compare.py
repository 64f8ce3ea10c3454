"""Our schemes beside other packages: same photographs, message and PSNR, every attack family.

Success is the exact message. The others correct no errors and check nothing, so the share of right bits is given too:
what an error-correcting code around them would have to work with.

make peers && python benchmarks/compare.py      # measures what is installed, names what is not
python benchmarks/compare.py --show
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.cells import IMPOSSIBLE
from harness.marking import SHARED, mark_attack_read
from harness.tables import Share, attack_label, family_of, scheme_label, shares, text_table
from peers import unavailable

if TYPE_CHECKING:
    from harness.cells import Row
    from harness.grid import Grid

_SURVIVES = 0.05  # a share of successes below this is luck, not survival


def main() -> None:
    """Measure, then print what comes back, by family and by attack."""
    options = arguments(__doc__, grid="compare").parse_args()
    grid = grid_of(options)
    if not options.show:
        grid = _with_what_is_there(grid)
    cells, pictures = grid_cells(grid)
    rows = carry_out(cells, mark_attack_read, SHARED, options, name=grid.name, pictures=pictures)
    print(report(rows))


def report(rows: list[Row]) -> str:
    """Return the tables by family and by attack for each message size, losses marked."""
    parts = []
    for n_bytes in sorted({row["bytes"] for row in rows}):
        mine = [row for row in rows if row["bytes"] == n_bytes]
        for what, name in (("family", family_of), ("attack", attack_label)):
            parts.append(f"{n_bytes} bytes, exact message back, by {what}\n\n{_table(mine, what, name)}")
        parts.append(f"{n_bytes} bytes, right bits in percent, by family\n\n{_bits_table(mine)}")
    return "\n\n".join(parts)


def _table(rows: list[Row], what: str, name: object) -> str:
    assert callable(name)
    counted = shares(rows, lambda row: (scheme_label(row["scheme"]), name(row["attack"])))
    schemes = dict.fromkeys(scheme_label(row["scheme"]) for row in rows)
    peers = {scheme_label(row["scheme"]) for row in rows if str(row["scheme"]).startswith("peer:")}
    lines = []
    for group in dict.fromkeys(name(row["attack"]) for row in rows):
        found = {scheme: counted[scheme, group] for scheme in schemes if (scheme, group) in counted}
        verdict = _verdict([found[s] for s in found if s not in peers], [found[s] for s in found if s in peers])
        lines.append([group, *(found.get(scheme, "") for scheme in schemes), verdict])
    return text_table([what, *schemes, "our best"], lines)


def _bits_table(rows: list[Row]) -> str:
    """Return the mean share of right channel bits; where a reader found nothing to compare, half are right."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if row["status"] != IMPOSSIBLE:
            rate = 0.5 if row.get("ber") is None else row["ber"]  # nothing to compare, or a crash
            found[family_of(row["attack"]), scheme_label(row["scheme"])].append(100 * (1 - rate))
    schemes = dict.fromkeys(scheme_label(row["scheme"]) for row in rows)
    cells = {which: f"{statistics.fmean(values):.1f}" for which, values in found.items()}
    families = dict.fromkeys(family for family, _ in found)
    return text_table(["family", *schemes], [[f, *(cells.get((f, s), "") for s in schemes)] for f in families])


def _verdict(ours: list[Share], theirs: list[Share]) -> str:
    best = max((share.value for share in ours if share.trials), default=0.0)
    rival = max((share.value for share in theirs if share.trials), default=0.0)
    if rival < _SURVIVES:
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
