"""How long collusion-secure codes must be, who is found, and who is accused wrongly: a million customers, five rules.

Length is given in units of 2 c^2 ln(n / a): c colluders of n customers, a = 1e-6 the chance of accusing any innocent.
``drawn``: a million customers whose words are drawn, 10 and 20 colluders. ``keyed``: a million words from the key.
``length``: colluders alone, at more lengths and numbers. ``merged``: ten copies of a photograph of 0.3 megapixels that
carry words of 4,096 places by the default scheme, merged pixel by pixel, among 10,000 customers. ``sets``: sets of 20
pictures of 256x256, each from one of five customers' copies. ``prints``: copies of networks on Fashion-MNIST, which
are trained once and kept beside the data; with ``--models`` nothing else is measured, with ``--answers`` copies of whom
answers alone are seen.

    python benchmarks/fingerprints.py
    python benchmarks/fingerprints.py --small
    python benchmarks/fingerprints.py --models --network c2 --copies 100
    python benchmarks/fingerprints.py --answers --network mlp --leaks 20
    python benchmarks/fingerprints.py --show
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detection import upper_bound
from harness.campaign import arguments, carry_out, exit_status, stored_cells
from harness.cells import DONE
from harness.fingerprints import LEVELS, measure_fingerprints
from harness.photographs import find
from harness.prints.tables import answer_cells, model_cells, model_tables
from harness.tables import text_table
from watermarking.codes.tracing.biases import gauss_legendre
from watermarking.codes.tracing.lengths import bound, unit_length

if TYPE_CHECKING:
    from harness.cells import Cell, Row

NAME = "fingerprints"
RULES = ("interleaving", "majority", "minority", "all-one", "all-zero")
SHORTER = {2: (1.0, 1.2), 3: (1.2, 1.35), 4: (1.2,), 5: (1.0, 1.2), 10: (0.8, 1.0), 20: (0.8,)}
"""Ratios to the unit of length, by colluders, at which colluders alone are judged."""
PHOTOGRAPHS = ("chelsea", "coffee", "flower")
COLLUSIONS = ("mean", "median", "minimum", "maximum", "random", "blocks")
ATTACKS = ("none", "jpeg(80)")
SHARED = ("part", "group", "photograph", "pictures", "colluders", "rule", "ratio", "trial")
_SEED, _CUSTOMERS, _FPR = 2029, 1_000_000, 1e-6


def main() -> None:
    """Measure, then print the tables."""
    parser = arguments(__doc__)
    parser.set_defaults(workers=0)
    parser.add_argument("--trials", type=int, default=40, help="of each rule, 10 colluders (default 40)")
    parser.add_argument("--twenties", type=int, default=5, help="of each rule, 20 colluders (default 5)")
    parser.add_argument("--lengths", type=int, default=20, help="of each rule and length (default 20)")
    parser.add_argument("--keyed", type=int, default=1, help="of a million words from a key (default 1, interleaving)")
    parser.add_argument("--small", action="store_true", help="a trial or two of each, of 10,000 customers")
    parser.add_argument("--copies", type=int, default=10, help="copies of models that leak, each attack (default 10)")
    parser.add_argument("--tuned", type=int, default=5, help="of them fine-tuned (default 5)")
    parser.add_argument("--merges", type=int, default=2, help="of each way and number of colluders (default 2)")
    parser.add_argument("--leaks", type=int, default=2, help="copies whose answers are distilled (default 2)")
    parser.add_argument("--hard", type=int, default=1, help="of them by hard labels, too (default 1)")
    parser.add_argument("--triggers", type=int, default=1, help="copies that know verification pictures (default 1)")
    parser.add_argument("--strangers", type=int, default=1, help="students of the unmarked model (default 1)")
    parser.add_argument("--answers", action="store_true", help="models of whom answers alone are seen, nothing else")
    parser.add_argument("--seeds", type=int, default=1, help="networks whose cost is measured (default 1)")
    parser.add_argument("--network", help="residual (if left out) or c2; of answers c2 (if left out) or mlp")
    parser.add_argument("--models", action="store_true", help="models alone")
    options = parser.parse_args()
    pictures = {photograph.name: photograph for photograph in find("shipped")}
    cells = stored_cells(options, NAME) if options.show else cells_of(options)
    rows = carry_out(cells, measure_fingerprints, SHARED, options, name=NAME, pictures=pictures)
    alone = options.models or options.answers
    of_codes = () if alone else (found_table(rows), null_table(rows), merged_table(rows), bound_table())
    for title, heading, lines in (*of_codes, *model_tables(rows)):
        print(f"{title}\n\n{text_table(heading, lines)}\n")


def cells_of(options: Any) -> list[Cell]:
    """List what is measured; the promised rows first, a trial of each before the next."""
    answers = answer_cells(
        network=options.network or "c2", leaks=options.leaks, hard=options.hard, triggers=options.triggers,
        strangers=options.strangers,
    )  # fmt: skip
    if options.answers:
        return answers
    models = model_cells(
        copies=options.copies, tuned=options.tuned, trials=options.merges, seeds=options.seeds,
        network=options.network or "residual",
    )  # fmt: skip
    return models if options.models else [*_code_cells(options), *models, *answers]


def _code_cells(options: Any) -> list[Cell]:
    """List what is measured of codes, and of pictures and sets that carry them."""
    customers = 10_000 if options.small else _CUSTOMERS
    asked = (options.trials, options.twenties, options.lengths, options.keyed)
    tens, twenties, lengths, keyed = (1, 1, 1, 1) if options.small else asked

    def cell(part: str, colluders: int, rule: str, ratio: float, trial: int) -> Cell:
        return {"part": part, "customers": customers, "colluders": colluders, "rule": rule, "ratio": ratio,
                "fpr": _FPR, "trial": trial, "seed": _SEED}  # fmt: skip

    wanted = [cell("drawn", 10, rule, 1.2, trial) for trial in range(tens) for rule in RULES]
    wanted += [cell("drawn", 20, rule, 1.2, trial) for trial in range(twenties) for rule in RULES]
    wanted += [
        cell("length", colluders, rule, ratio, trial)
        for trial in range(lengths)
        for colluders, ratios in SHORTER.items() for ratio in ratios for rule in (*RULES, "coin")
        if colluders < 20 or trial < (lengths + 3) // 4
    ]  # fmt: skip
    merged: list[Cell] = [
        {"part": "merged", "customers": 10_000, "colluders": 10, "photograph": name, "way": way, "attack": attack,
         "fpr": _FPR, "trial": 0, "seed": _SEED}
        for name in PHOTOGRAPHS[: 1 if options.small else None] for attack in ATTACKS for way in COLLUSIONS
    ]  # fmt: skip
    sets: list[Cell] = [
        {"part": "sets", "customers": 10_000, "colluders": 5, "pictures": 20, "side": 256, "attack": attack,
         "fpr": _FPR, "trial": trial, "seed": _SEED}
        for trial in range(1 if options.small else 3) for attack in ATTACKS
    ]  # fmt: skip
    return [*wanted, *merged, *sets, *(cell("keyed", 10, "interleaving", 1.2, trial) for trial in range(keyed))]


def found_table(rows: list[Row]) -> tuple[str, list[str], list[list[object]]]:
    """Return how often a colluder was named, how many were, and how many innocents."""
    lines: list[list[object]] = []
    fields = ("part", "customers", "colluders", "ratio", "rule")
    mine = [row for row in rows if "rule" in row]
    for which in sorted({tuple(row[name] for name in fields) for row in mine}):
        done = [row for row in mine if tuple(row[name] for name in fields) == which and row["status"] == DONE]
        if done:
            some = sum(row["named"] > 0 for row in done)
            mean = sum(row["named"] for row in done) / len(done)
            innocents = sum(row["innocents"] for row in done) if which[0] != "length" else "-"
            lines.append([*which, done[0]["length"], f"{some} of {len(done)}", f"{mean:.1f}", innocents])
    heading = ["part", "customers", "colluders", "ratio", "rule", "places", "one named", "named", "innocents"]
    return "Colluders named, at 1e-6 over all customers", heading, lines


def lengths_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return what docs/tracing-codes.md shows: who is found by the length of the code, all rules together."""
    lines: list[list[object]] = []
    done = [row for row in rows if row["status"] == DONE and row.get("rule") in RULES]
    kinds = {"drawn": "a million customers", "keyed": "a million words from a key", "length": "colluders alone"}
    for part, colluders, ratio in sorted({(row["part"], row["colluders"], row["ratio"]) for row in done}):
        mine = [row for row in done if (row["part"], row["colluders"], row["ratio"]) == (part, colluders, ratio)]
        some = sum(row["named"] > 0 for row in mine)
        mean = sum(row["named"] for row in mine) / len(mine)
        innocents = sum(row["innocents"] for row in mine) if part != "length" else "-"
        lines.append([kinds[part], colluders, f"{ratio:g}", mine[0]["length"], f"{some} of {len(mine)}",
                      f"{mean:.1f}", innocents])  # fmt: skip
    heading = ["", "colluders", "length / unit", "places", "a colluder named", "named on average", "innocents accused"]
    return heading, lines


def null_table(rows: list[Row]) -> tuple[str, list[str], list[list[object]]]:
    """Return innocents' p-values in the first round, each for itself, against the binomial bound; and accusations."""
    lines: list[list[object]] = []
    for rule in (*RULES, "all"):
        mine = [
            row for row in rows if row["part"] == "drawn" and row["status"] == DONE and rule in (row["rule"], "all")
        ]
        n = sum(row["customers"] - row["colluders"] for row in mine)
        counts = [sum(row["below"][i] for row in mine) for i in range(len(LEVELS))]
        found = [f"{count} <= {upper_bound(n, level)}" for count, level in zip(counts, LEVELS, strict=True)]
        accused = sum(row["innocents"] for row in mine)
        passed = (
            all(count <= upper_bound(n, level) for count, level in zip(counts, LEVELS, strict=True)) and not accused
        )
        lines.append([rule, n, *found, accused, "pass" if passed else "FAIL"])
    heading = ["rule", "innocents", *(f"p <= {level:g}" for level in LEVELS), "accused", ""]
    return "Innocents, and the binomial 99.9 % bound", heading, lines


def merged_table(rows: list[Row]) -> tuple[str, list[str], list[list[object]]]:
    """Return how many of ten who merged their copies of a photograph were named."""
    lines: list[list[object]] = []
    for attack in ATTACKS:
        for way in COLLUSIONS:
            mine = [row for row in rows if row["part"] == "merged" and (row["way"], row["attack"]) == (way, attack)]
            if mine:
                named = ", ".join(str(row["named"]) for row in mine)
                innocents = sum(row["innocents"] for row in mine)
                lines.append([way, attack, len(mine), named, innocents])
    for attack in ATTACKS:
        mine = [row for row in rows if row["part"] == "sets" and row["attack"] == attack]
        if mine:
            named, innocents = ", ".join(str(row["named"]) for row in mine), sum(row["innocents"] for row in mine)
            lines.append(["sets mixed, of 5", attack, len(mine), named, innocents])
    heading = ["way", "then", "pictures or sets", "of 10 named", "innocents"]
    return "Ten copies of a photograph merged, and five sets mixed, 10,000 customers", heading, lines


def bound_table() -> tuple[str, list[str], list[list[object]]]:
    """Return what is proven of the symmetric score, for every mixing rule."""
    lines: list[list[object]] = []
    for colluders in (2, 3, 5, 10, 20):
        places = bound(_CUSTOMERS, colluders, _FPR, 0.05, biases=gauss_legendre(colluders))
        lines.append([colluders, places, f"{places / unit_length(_CUSTOMERS, colluders, _FPR):.2f}"])
    return "Proven, symmetric score, every rule, at least 95 %", ["colluders", "places", "ratio"], lines


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
