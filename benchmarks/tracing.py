"""Whose copy leaked, and what a set says: tracing and set messages on tiles of photographs.

Tracing: 50 recipients; 3 or 50 pictures leak, renamed and shuffled, resized to 0.7 and saved as JPEG 60, every other
one cropped to half its area before; from one recipient's copy, from three mixed, or averages of three. Innocent: sets
that are unmarked, marked with another key, or of another manifest of the same key. Set message: a record of 1 KB from
5 % of 2,000 pictures after JPEG 60; and what soft values of unread pictures add where damage is heavy.

    python benchmarks/tracing.py
    python benchmarks/tracing.py --small
    python benchmarks/tracing.py --show
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from detection import upper_bound
from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE
from harness.photographs import find
from harness.tables import text_table
from harness.tracing import measure_tracing

if TYPE_CHECKING:
    from harness.cells import Cell, Row

NAME = "tracing"
WORDS = ("one a recipient", "one a sample")
SIDES = ((384, 512), (256, 256))
RATES = (1e-2, 1e-3)
_SEED = 2027
_SETS_A_CELL = 10
_INNOCENT = {"unmarked": (192, 192), "wrong key": (192, 192), "other manifest": SIDES[0]}
"""Size of pictures: where no mark of the key is, the bound holds for any; other copies' marks had better be strong."""


def main() -> None:
    """Measure, then print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--trials", type=int, default=2, help="of each way to leak 50 pictures (default 2)")
    parser.add_argument("--threes", type=int, default=20, help="trials of 3 pictures that leak (default 20)")
    parser.add_argument("--sets", type=int, default=1000, help="innocent sets (default 1000)")
    parser.add_argument("--records", type=int, default=20, help="records read from 5 %% of a set (default 20)")
    parser.add_argument("--small", action="store_true", help="one trial or two, 30 sets, 2 records")
    parser.add_argument("--photographs", default="shipped", help="set or folder")
    options = parser.parse_args()
    if options.small:
        options.trials, options.threes, options.sets, options.records = 1, 2, 30, 2
    pictures = {photograph.name: photograph for photograph in find(options.photographs)}
    rows = carry_out(cells_of(options), measure_tracing, ("part", "trial"), options, name=NAME, pictures=pictures)
    for title, heading, lines in (trace_table(rows), innocent_table(rows), set_table(rows)):
        print(f"{title}\n\n{text_table(heading, lines)}\n")


def cells_of(options: Any) -> list[Cell]:
    """List what is measured; the promised rows first."""
    traced = [
        {"part": "trace", "side": side, "words": words, "recipients": 50, "pictures": pictures, "guilty": guilty,
         "way": way, "trial": trial, "seed": _SEED}
        for side in SIDES for words in WORDS
        for pictures, guilty, way in ((3, 1, "one"), (50, 1, "one"), (50, 3, "mixed"), (50, 3, "averaged"))
        for trial in range(options.threes if pictures == 3 else options.trials)
    ]  # fmt: skip
    records = [
        {"part": "set message", "side": SIDES[0], "bytes": 1024, "samples": 2000, "pictures": 100,
         "attack": "jpeg(60)", "trial": trial, "seed": _SEED}
        for trial in range(options.records)
    ]  # fmt: skip
    damaged = [
        {"part": "set message", "side": side, "bytes": 200, "samples": 2000, "pictures": 200, "attack": attack,
         "trial": trial, "seed": _SEED}
        for side, attack in ((SIDES[1], "jpeg(30)"), (SIDES[0], "resize(0.7) | jpeg(60)"))
        for trial in range(100, 101 if options.small else 103)
    ]  # fmt: skip
    blocks = -(-options.sets // _SETS_A_CELL)
    innocent = [
        {"part": "innocent", "side": _INNOCENT[kind], "words": WORDS[block // len(_INNOCENT) % 2], "recipients": 50,
         "pictures": 3, "kind": kind, "sets": _SETS_A_CELL, "trial": block, "seed": _SEED}
        for block, kind in zip(range(blocks), itertools.cycle(_INNOCENT))
    ]  # fmt: skip
    return [*traced, *records, *innocent, *damaged]


def trace_table(rows: list[Row]) -> tuple[str, list[str], list[list[object]]]:
    """Return how often exactly the guilty were named, and the p-values at their worst."""
    lines: list[list[object]] = []
    mine = [row for row in rows if row["part"] == "trace"]
    fields = ("side", "words", "pictures", "guilty", "way")
    for which in dict.fromkeys(tuple(map(str, (row[name] for name in fields))) for row in mine):
        group = [row for row in mine if tuple(map(str, (row[name] for name in fields))) == which]
        done = [row for row in group if row["status"] == DONE]
        right = sum(row["right"] for row in done)
        worst = max((p for row in done for p in row["p_guilty"]), default=1.0)
        least = min((row["p_innocent"] for row in done), default=1.0)
        lines.append([*which, f"{right} of {len(group)}", f"{worst:.1g}", f"{least:.2g}"])
    heading = ["size", "messages", "leaked", "guilty", "way", "exactly they named", "worst p", "least p of others"]
    return "Tracing, 50 recipients", heading, lines


def innocent_table(rows: list[Row]) -> tuple[str, list[str], list[list[object]]]:
    """Return false positives against the binomial bound."""
    lines: list[list[object]] = []
    mine = [row for row in rows if row["part"] == "innocent" and row["status"] == DONE]
    for kind in (*_INNOCENT, "all"):
        group = [row for row in mine if kind in (row["kind"], "all")]
        values = [p for row in group for p in row["least"]]
        counts = {rate: sum(p <= rate for p in values) for rate in RATES}
        bounds = {rate: upper_bound(len(values), rate) for rate in RATES}
        named = sum(row["named"] for row in group)
        passed = all(counts[rate] <= bounds[rate] for rate in RATES) and not named
        found = [f"{counts[rate]} <= {bounds[rate]}" for rate in RATES]
        lines.append([kind, len(values), *found, named, "pass" if passed else "FAIL"])
    heading = ["sets", "number", *(f"p <= {rate:g}" for rate in RATES), "named", ""]
    return "Innocent sets, and the binomial 99.9 % bound", heading, lines


def set_table(rows: list[Row]) -> tuple[str, list[str], list[list[object]]]:
    """Return how often records came back, from pictures read alone and with those that only agree."""
    lines: list[list[object]] = []
    mine = [row for row in rows if row["part"] == "set message"]
    fields = ("side", "bytes", "samples", "pictures", "attack")
    for which in dict.fromkeys(tuple(str(row[name]) for name in fields) for row in mine):
        group = [row for row in mine if tuple(str(row[name]) for name in fields) == which]
        done = [row for row in group if row["status"] == DONE]
        alone, found = (f"{sum(row[name] for row in done)} of {len(group)}" for name in ("alone", "recovered"))
        known = "/".join(str(min((row[name] for row in done), default=0)) for name in ("known_alone", "known"))
        needed = done[0]["needed"] if done else ""
        lines.append([*which, alone, found, known, needed, sum(row["wrong"] for row in done)])
    heading = ["size", "bytes", "of", "pictures", "attack", "read alone", "with all", "fewest known", "needed", "wrong"]
    return "Set messages", heading, lines


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
