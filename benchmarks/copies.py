"""Copies with a code against colluders, marked as customers get them: merged photographs, and mixed data sets.

``merged``: ten copies of a photograph of 0.3 megapixels at the default fidelity, merged pixel by pixel. ``sets``:
twenty pictures of 256x256 at the default fidelity, each from the copy of one of five of 1,000 recipients. What is read
is judged against several populations: the guilty, and as many innocents as there are others, with names of their own
each time, whose words nobody's copy holds.

    python benchmarks/copies.py --workers 0
    python benchmarks/copies.py --show
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.campaign import arguments, carry_out, exit_status, stored_cells
from harness.cells import DONE
from harness.copies import measure_copies
from harness.photographs import find
from harness.tables import text_table

if TYPE_CHECKING:
    from harness.cells import Cell, Row

NAME = "copies"
PHOTOGRAPHS = ("coffee", "chelsea", "flower")
COLLUSIONS = ("mean", "minimum", "maximum", "random", "blocks")
ATTACKS = ("none", "jpeg(80)")
_SEED = 2030


def main() -> None:
    """Measure, then print the table."""
    parser = arguments(__doc__)
    parser.set_defaults(workers=0)
    parser.add_argument("--photographs", type=int, default=1, help="that are merged (default 1, at most 3)")
    parser.add_argument("--sets", type=int, default=3, help="of mixed pictures (default 3)")
    parser.add_argument("--populations", type=int, default=50, help="each is judged against (default 50)")
    options = parser.parse_args()
    pictures = {photograph.name: photograph for photograph in find("shipped")}
    asked = cells_of(options.photographs, options.sets, options.populations)
    cells = stored_cells(options, NAME) if options.show else asked
    rows = carry_out(cells, measure_copies, ("part", "trial"), options, name=NAME, pictures=pictures)
    print(text_table(*table(rows)))


def cells_of(photographs: int, sets: int, populations: int) -> list[Cell]:
    """List what is measured."""
    shared = {"customers": 1000, "populations": populations, "fpr": 1e-6, "seed": _SEED}
    found: list[Cell] = [
        {"part": "sets", "trial": trial, "colluders": 5, "pictures": 20, "side": 256, "attack": attack, **shared}
        for trial in range(sets) for attack in ATTACKS
    ]  # fmt: skip
    found += [
        {"part": "merged", "trial": name, "photograph": name, "colluders": 10, "way": way, "attack": attack, **shared}
        for name in PHOTOGRAPHS[:photographs] for attack in ATTACKS for way in COLLUSIONS
    ]  # fmt: skip
    return found


def table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return how many colluders were named, and innocents in how many trials."""
    lines: list[list[object]] = []
    fields = ("part", "way", "attack")
    mine = [row for row in rows if row["status"] == DONE]
    for which in dict.fromkeys(tuple(row.get(name, "mixed") for name in fields) for row in mine):
        some = [row for row in mine if tuple(row.get(name, "mixed") for name in fields) == which]
        named = [n for row in some for n in row["named"]]
        all_named = sum(n == some[0]["colluders"] for n in named)
        lines.append([*which, some[0]["places"], len(some), len(named), f"{min(named)} to {max(named)}",
                      f"{all_named} of {len(named)}", sum(row["trials_with_innocents"] for row in some)])  # fmt: skip
    heading = ["part", "way", "then", "places", "leaks", "trials", "named", "all named", "trials with innocents"]
    return heading, lines


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
