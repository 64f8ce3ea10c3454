"""Whether p-values keep their word: false positives, redrawn keys, and detection under attack.

Pairs: unmarked pictures, and pictures marked with another key, read with keys that have no mark there; flat, dark and
noisy pictures are among them. Redraws: ten million random sign patterns over the soft values of a reading, for rates
that nobody can reach by reading. Presence: marked pictures under heavy attack (grids/roc.toml).

    python benchmarks/detection.py                      # 20,000 pairs a scheme
    python benchmarks/detection.py --pairs 500 --redraws 100000
    python benchmarks/detection.py --show
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.campaign import arguments, carry_out, exit_status
from harness.grid import cells_of, read_grid
from harness.nulls import SYNTHETIC, measure_null, measure_presence, measure_redraws
from harness.photographs import find
from harness.tables import attack_label, scheme_label, text_table
from watermarking.marker import CLASSICAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.cells import Cell, Row

NAME = "detection"
RATES = (1e-2, 1e-3)
KEYS_A_BLOCK = 50
KINDS = ("unmarked", "wrong key")
REDRAWN = ("coffee", "camera", "flat grey", "dark noise", "noise", "gradient")
_SEED = 2027


def main() -> None:
    """Measure, then print the three tables."""
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=20_000, help="(picture, key) pairs a scheme (default 20000)")
    parser.add_argument("--redraws", type=int, default=10**7, help="a picture and scheme (default ten million)")
    parser.add_argument("--schemes", type=lambda text: tuple(text.split(",")), default=CLASSICAL)
    parser.add_argument("--photographs", default="evaluation", help="set or folder")
    options = parser.parse_args()
    pictures = {photograph.name: photograph for photograph in find(options.photographs)}
    null = carry_out(
        null_cells(options, pictures), measure_null, ("photograph", "kind", "block", "scheme"), options, name=NAME,
        pictures=pictures,
    )  # fmt: skip
    options.fresh = False
    redraws = carry_out(
        redraw_cells(options, pictures), measure_redraws, ("photograph", "scheme"), options, name=NAME,
        pictures=pictures,
    )  # fmt: skip
    grid = read_grid("roc")
    presence = carry_out(
        [{"part": "presence", **cell} for cell in cells_of(grid, pictures) if cell["scheme"] in options.schemes],
        measure_presence, ("scheme", "photograph", "key"), options, name=NAME, pictures=pictures,
    )  # fmt: skip
    print(null_table(null), redraw_table(redraws), presence_table(presence), sep="\n\n")


def null_cells(options: Any, pictures: Iterable[str]) -> list[Cell]:
    """List blocks of keys over all pictures until there are enough pairs."""
    names = [*pictures, *SYNTHETIC]
    blocks = math.ceil(options.pairs / (KEYS_A_BLOCK * len(names) * len(KINDS)))
    return [
        {"part": "null", "scheme": scheme, "photograph": name, "kind": kind, "block": block, "keys": KEYS_A_BLOCK,
         "seed": _SEED}
        for scheme in options.schemes for name in names for kind in KINDS for block in range(blocks)
    ]  # fmt: skip


def redraw_cells(options: Any, pictures: Iterable[str]) -> list[Cell]:
    """List the pictures whose soft values get new signs."""
    names = [name for name in REDRAWN if name in (*pictures, *SYNTHETIC)]
    return [
        {"part": "redraws", "scheme": scheme, "photograph": name, "redraws": options.redraws, "seed": _SEED}
        for scheme in options.schemes for name in names
    ]  # fmt: skip


def upper_bound(n: int, rate: float) -> int:
    """Return the count that n trials at this rate stay at or below with probability 99.9 %."""
    from scipy.stats import binom

    return int(binom.ppf(0.999, n, rate))


def null_table(rows: list[Row]) -> str:
    """Return false positives against the binomial bound; both questions, each scheme, messages that came back."""
    lines = []
    for scheme in dict.fromkeys(row["scheme"] for row in rows):
        mine = [row for row in rows if row["scheme"] == scheme and row["status"] == "done"]
        messages = sum(row["messages"] for row in mine)
        for question in ("read", "known"):
            values = [value for row in mine for value in row[question]]
            counts = {rate: sum(value <= rate for value in values) for rate in RATES}
            bounds = {rate: upper_bound(len(values), rate) for rate in RATES}
            kept = all(counts[rate] <= bounds[rate] for rate in RATES) and not messages
            lines.append([
                scheme_label(scheme), question, len(values), *(f"{counts[rate]} <= {bounds[rate]}" for rate in RATES),
                messages, "pass" if kept else "FAIL",
            ])  # fmt: skip
    heading = ["scheme", "question", "pairs", *(f"p <= {rate:g}" for rate in RATES), "messages", ""]
    return "false positives and the binomial 99.9 % bound\n\n" + text_table(heading, lines)


def redraw_table(rows: list[Row]) -> str:
    """Return how often redrawn signs pass the score that a p-value of 1e-6 stands for."""
    lines = []
    for row in rows:
        if row["status"] != "done":
            lines.append([scheme_label(row["scheme"]), row["photograph"], "", row["reason"], ""])
            continue
        count, bound = row["passed"]["1e-6"], upper_bound(row["redraws"], 1e-6)
        verdict = "pass" if count <= bound else "FAIL"
        lines.append([scheme_label(row["scheme"]), row["photograph"], row["redraws"], f"{count} <= {bound}", verdict])
    return "redrawn keys, p <= 1e-6\n\n" + text_table(["scheme", "picture", "redraws", "passed", ""], lines)


def presence_table(rows: list[Row]) -> str:
    """Return the share of marked pictures found at 1e-6, by reading and by asking for the message."""
    lines = []
    for scheme, attack in dict.fromkeys((row["scheme"], row["attack"]) for row in rows):
        mine = [r for r in rows if (r["scheme"], r["attack"]) == (scheme, attack) and r["status"] == "done"]
        found = [
            100 * sum(row[question][0] <= 1e-6 for row in mine) / max(1, len(mine)) for question in ("read", "known")
        ]
        lines.append([scheme_label(scheme), attack_label(attack), *(f"{share:.1f}" for share in found)])
    heading = ["scheme", "attack", "read", "known message"]
    return "found at a false-positive rate of 1e-6, percent\n\n" + text_table(heading, lines)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
