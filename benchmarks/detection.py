"""Whether p-values keep their word: false positives, redrawn keys, and detection under attack.

Pairs: unmarked pictures, and pictures marked with another key, read with keys that have no mark there; flat, dark and
noisy pictures are among them. Redraws: ten million random sign patterns over the soft values of a reading, for rates
that nobody can reach by reading. Presence: marked pictures under heavy attack (grids/roc.toml).

    python benchmarks/detection.py                      # 20,000 pairs a scheme
    python benchmarks/detection.py --pairs 500 --redraws 100000
    python benchmarks/detection.py --schemes dwt --canvases 1000    # unmarked photographs in windows, pages, slides
    python benchmarks/detection.py --schemes deep --moved --pairs 500 --results benchmarks/results/detection_deep
    python benchmarks/detection.py --show
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.campaign import arguments, carry_out, exit_status
from harness.grid import cells_of, read_grid
from harness.nulls import SYNTHETIC, measure_null, measure_presence
from harness.photographs import find
from harness.redraws import STATISTICS, measure_redraws
from harness.tables import attack_label, scheme_label, text_table
from watermarking.messages.marker import CLASSICAL, DEFAULT_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.cells import Cell, Row

Lines: TypeAlias = tuple[list[str], list[list[object]]]
Table: TypeAlias = tuple[str, list[str], list[list[object]]]

NAME = "detection"
RATES = (1e-2, 1e-3)
KEYS_A_BLOCK = 10
NULL_SIDE = 384  # pixels; the bounds hold for any picture, and smaller ones are read sooner
KINDS = ("unmarked", "wrong key")
CANVASES = ("window", "phone", "page", "slide", "story", "collage")
REDRAWN = ("coffee", "camera", "flat grey", "dark noise", "noise", "gradient")
_SEED = 2027
_NULL = "False positives, and the binomial 99.9 % bound"


def main() -> None:
    """Measure, then print the three tables."""
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=20_000, help="(picture, key) pairs a scheme (default 20000)")
    parser.add_argument("--redraws", type=int, default=10**7, help="a picture and scheme (default ten million)")
    parser.add_argument("--schemes", type=lambda text: tuple(text.split(",")), default=CLASSICAL)
    parser.add_argument("--small", action="store_true", help="500 pairs, a million redraws, no heavy attacks")
    parser.add_argument("--moved", action="store_true", help="only reads that search, and nothing but these")
    parser.add_argument("--canvases", type=int, metavar="N", help="pairs of canvases, and nothing but these")
    parser.add_argument("--photographs", default="evaluation", help="set or folder")
    options = parser.parse_args()
    if options.small:
        options.pairs, options.redraws, options.photographs = 500, 10**6, "shipped"
    pictures = {photograph.name: photograph for photograph in find(options.photographs)}
    small = {name: dataclasses.replace(picture, long_side=NULL_SIDE) for name, picture in pictures.items()}
    shared = ("photograph", "kind", "block", "scheme", "question", "search")
    cells = null_cells(options, small) if options.canvases is None else canvas_cells(options, small)
    null = carry_out(cells, measure_null, shared, options, name=NAME, pictures=small)
    if options.moved or options.canvases is not None:
        print(f"{_NULL}\n\n{text_table(*null_table(null))}\n")
        return
    options.fresh = False
    redraws = carry_out(
        redraw_cells(options, pictures), measure_redraws, ("photograph", "scheme"), options, name=NAME,
        pictures=pictures,
    )  # fmt: skip
    grid = read_grid("roc")
    schemes = () if options.small else options.schemes
    presence = carry_out(
        [{"part": "presence", **cell} for cell in cells_of(grid, pictures) if cell["scheme"] in schemes],
        measure_presence, ("scheme", "photograph", "key"), options, name=NAME, pictures=pictures,
    )  # fmt: skip
    for title, heading, lines in tables(null, redraws, presence):
        print(f"{title}\n\n{text_table(heading, lines)}\n")


def null_cells(options: Any, pictures: Iterable[str]) -> list[Cell]:
    """List blocks of keys over all pictures until there are enough pairs.

    The search for moved marks costs most of the time and is the same for all schemes: the default one is asked with
    it as often as without, the others a tenth as often.
    """
    names = [*pictures, *SYNTHETIC]
    cells: list[Cell] = []
    for scheme in options.schemes:
        many, few = options.pairs, 0 if options.small else options.pairs // 10
        most = options.pairs // 2 if options.small else options.pairs
        searched = 0 if scheme == "additive_block" else most if scheme == DEFAULT_SCHEME else few
        for question, search, pairs in (
            ("read", 0, many), ("known", 0, many), ("read", 3, searched), ("known", 3, min(few, searched)),
        ):  # fmt: skip
            if options.moved and not search:
                continue
            blocks = math.ceil(pairs / (KEYS_A_BLOCK * len(names) * len(KINDS)))
            cells += [
                {"part": "null", "scheme": scheme, "photograph": name, "kind": kind, "question": question,
                 "search": search, "block": block, "keys": KEYS_A_BLOCK, "seed": _SEED}
                for block in range(blocks) for name in names for kind in KINDS  # all pictures early on
            ]  # fmt: skip
    return cells


def canvas_cells(options: Any, pictures: Iterable[str]) -> list[Cell]:
    """List blocks of keys over unmarked photographs in canvases of every type, read with the search."""
    blocks = math.ceil(options.canvases / (KEYS_A_BLOCK * len(list(pictures)) * len(CANVASES)))
    return [
        {"part": "null", "scheme": scheme, "photograph": name, "kind": f"paste('{into}', 0.2, 960)", "question": "read",
         "search": 3, "block": block, "keys": KEYS_A_BLOCK, "seed": _SEED}
        for scheme in options.schemes for block in range(blocks) for name in pictures for into in CANVASES
    ]  # fmt: skip


def redraw_cells(options: Any, pictures: Iterable[str]) -> list[Cell]:
    """List the pictures whose soft values get new signs."""
    names = [name for name in REDRAWN if name in (*pictures, *SYNTHETIC)]
    return [
        {"part": "redraws", "scheme": scheme, "photograph": name, "statistic": statistic, "redraws": options.redraws,
         "seed": _SEED}
        for scheme in options.schemes for name in names for statistic in STATISTICS
    ]  # fmt: skip


def upper_bound(n: int, rate: float) -> int:
    """Return the count that n trials at this rate stay at or below with probability 99.9 %."""
    from scipy.stats import binom

    return int(binom.ppf(0.999, n, rate))


def tables(null: list[Row], redraws: list[Row], presence: list[Row]) -> list[Table]:
    """Return the three tables: (title, heading, lines)."""
    return [
        (_NULL, *null_table(null)),
        ("Redrawn keys, p <= 1e-6", *redraw_table(redraws)),
        ("Found at a false-positive rate of 1e-6, percent", *presence_table(presence)),
    ]


def null_table(rows: list[Row]) -> Lines:
    """Return false positives against the binomial bound; each scheme and question, messages that came back."""
    lines: list[list[object]] = []
    for which in dict.fromkeys(_asked(row) for row in rows):
        mine = [row for row in rows if _asked(row) == which and row["status"] == "done"]
        messages = sum(row["messages"] for row in mine)
        values = [value for row in mine for value in row["p"]]
        counts = {rate: sum(value <= rate for value in values) for rate in RATES}
        bounds = {rate: upper_bound(len(values), rate) for rate in RATES}
        kept = all(counts[rate] <= bounds[rate] for rate in RATES) and not messages
        found = [f"{counts[rate]} <= {bounds[rate]}" for rate in RATES]
        name = [scheme_label(which[0]), *which[1:]]
        lines.append([*name, len(values), *found, messages, "pass" if kept else "FAIL"])
    heading = ["scheme", "question", "alignments", "pairs", *(f"p <= {rate:g}" for rate in RATES), "messages", ""]
    return heading, lines


def _asked(row: Row) -> tuple[str, str, int]:
    """Return the scheme, the question, and the alignments."""
    is_usual = row.get("kind", KINDS[0]) in KINDS  # of what was read in a canvas the kind says in which
    question = row["question"] if is_usual else f"{row['question']}, {row['kind']}"
    return row["scheme"], question, row["search"]


def redraw_table(rows: list[Row]) -> Lines:
    """Return how often redrawn signs pass the score that a p-value of 1e-6 stands for."""
    lines: list[list[object]] = []
    for row in rows:
        name = [scheme_label(row["scheme"]), row["statistic"], row["photograph"], row["redraws"]]
        if row["status"] != "done":
            lines.append([*name, "none: " + row["reason"], ""])
            continue
        count, bound = row["passed"]["1e-6"], upper_bound(row["redraws"], 1e-6)
        lines.append([*name, f"{count} <= {bound}", "pass" if count <= bound else "FAIL"])
    heading = ["scheme", "statistic", "picture", "redraws", "passed", ""]
    return heading, lines


def presence_table(rows: list[Row]) -> Lines:
    """Return the share of marked pictures found at 1e-6, by reading and by asking for the message."""
    lines: list[list[object]] = []
    for scheme, attack in dict.fromkeys((row["scheme"], row["attack"]) for row in rows):
        mine = [r for r in rows if (r["scheme"], r["attack"]) == (scheme, attack) and r["status"] == "done"]
        found = [100 * sum(row[question] <= 1e-6 for row in mine) / max(1, len(mine)) for question in ("read", "known")]
        lines.append([scheme_label(scheme), attack_label(attack), *(f"{share:.1f}" for share in found)])
    heading = ["scheme", "attack", "read", "known message"]
    return heading, lines


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
