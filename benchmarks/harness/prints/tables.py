"""Which copies of models are measured, and the tables of what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.cells import DONE, Cell, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["model_cells", "model_markdown", "model_tables"]

SINGLE = (
    "none", "pruned 50 %", "8 bit", "4 bit", "pruned 90 %", "noise .2", "overwritten", "reordered", "fine-tuned",
)  # fmt: skip
COSTLY = ("fine-tuned",)
"""Attacks that train."""
WAYS = ("mean", "median", "minimum", "maximum", "random", "layers", "interpolation")
COLLUDERS = (2, 5, 10)
_WORLD: Cell = {"part": "prints", "network": "residual", "customers": 100, "length": 1216, "against": 10,
                "strength": 0.03}  # fmt: skip
_ANSWERS: Cell = {"part": "prints", "kind": "answers", "network": "c2", "seed": 0, "customers": 100,
                  "profile": "standard", "queries": 200}  # fmt: skip


def model_cells(*, copies: int, tuned: int, trials: int, answers: int, seeds: int, network: str) -> list[Cell]:
    """List what is measured of models.

    Parameters
    ----------
    copies, tuned : int
        Customers whose copies leak, one after the other; those whose copy is fine-tuned as well.
    trials : int
        Of each way to merge and number of colluders.
    answers : int
        Customers whose copies are taught to mark answers, and distilled.
    seeds : int
        Owners' networks whose cost is measured.
    network : str
        Theirs.
    """
    world = {**_WORLD, "network": network}
    found: list[Cell] = [{**world, "kind": "speed", "group": "speed", "copies": 10, "seed": 0}]
    short = {"length": 304, "against": 3}
    for attack in SINGLE:
        n = tuned if attack in COSTLY else copies
        found += [_single(attack, i, world) for i in range(n)]
    found += [_single("none", i, {**world, **short}) for i in range(copies)]
    found += [
        {**world, "kind": "merged", "group": f"merged {c} {way} none {trial}", "colluders": c, "way": way,
         "then": "none", "trial": trial, "seed": 0}
        for trial in range(trials) for c in COLLUDERS for way in WAYS
    ]  # fmt: skip
    found += [{**world, "kind": "useless", "group": "useless", "colluders": 2, "seed": 0}]
    found += [{**world, "kind": "cost", "group": f"cost {seed}", "copies": 2, "seed": seed} for seed in range(seeds)]
    found += [
        {**world, "kind": "merged", "group": f"merged {c} {way} tuned", "colluders": c, "way": way,
         "then": "fine-tuned", "trial": 0, "seed": 0}
        for c in COLLUDERS for way in ("mean", "minimum", "random")
    ][: 9 if tuned else 0]  # fmt: skip
    return [*found, *(
        {**_ANSWERS, "attack": attack, "customer": i, "group": f"answers {i} {attack}", "trial": 0}
        for i in range(answers) for attack in ("none", "distilled")
    )]  # fmt: skip


def _single(attack: str, customer: int, world: Cell) -> Cell:
    return {**world, "kind": "single", "attack": attack, "customer": customer, "reshaped": customer % 2 == 1,
            "group": f"single {attack} {customer // 5} {world['length']}", "seed": 0}  # fmt: skip


def _done(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    return [
        row for row in rows
        if row.get("part") == "prints" and row["status"] == DONE and all(row.get(n) == v for n, v in wanted.items())
    ]  # fmt: skip


def model_tables(rows: list[Row]) -> list[tuple[str, list[str], list[list[object]]]]:
    """Return the tables of copies that leak alone, that are merged, of what they cost, and of answers."""
    singles = [
        [length, attack, len(some), sum(row["named"] == 1 for row in some), max(row["log10_best"] for row in some),
         sum(row["innocents"] for row in some), max((row.get("wrong_bits", 0) for row in some), default=0)]
        for length in (304, 1216) for attack in SINGLE
        if (some := _done(rows, kind="single", attack=attack, length=length))
    ]  # fmt: skip
    merges = [
        [colluders, way, then, len(some), sum(row["named"] > 0 for row in some),
         f"{sum(row['named'] for row in some) / len(some):.1f}", sum(row["innocents"] for row in some)]
        for then in ("none", "fine-tuned") for colluders in COLLUDERS for way in WAYS
        if (some := _done(rows, kind="merged", colluders=colluders, way=way, then=then))
    ]  # fmt: skip
    answers = [
        [attack, len(some), sum(row["right"] for row in some), max(row["log10_best"] for row in some),
         sum(row["innocents"] for row in some)]
        for attack in ("none", "distilled") if (some := _done(rows, kind="answers", attack=attack))
    ]  # fmt: skip
    return [
        ("One copy leaks, 100 customers",
         ["places", "then", "copies", "right", "worst log10 p", "innocents", "wrong bits"], singles),
        ("Several copies are merged, 100 customers",
         ["colluders", "way", "then", "trials", "one named", "named", "innocents"], merges),
        ("Answers to 200 queries, c2, 100 customers",
         ["then", "copies", "right", "worst log10 p", "innocents"], answers),
        ("What copies cost", ["", "", "", "", "", ""], _costs(rows)),
    ]  # fmt: skip


def _costs(rows: list[Row]) -> list[list[object]]:
    found: list[list[object]] = []
    for row in _done(rows, kind="cost"):
        least = f"{100 * min(row['accuracies']):.2f} %"
        grown = max(abs(one - 1) for one in row["variance"])
        found.append(["accuracy", row["seed"], f"{100 * row['accuracy']:.2f} %", least,
                      f"variance +- {grown:.1e}", f"largest change {max(row['largest_change']):.3f}"])  # fmt: skip
    useless: list[list[object]] = [
        ["reshaped", "", f"{100 * row['accuracy']:.2f} %",
         f"average of {row['colluders']}: {100 * row['accuracies'][0]:.2f} %", "", ""]
        for row in _done(rows, kind="useless")
    ]  # fmt: skip
    speeds: list[list[object]] = [
        ["seconds", f"{row['weights']:,} weights", f"{row['prepare_seconds']} once", f"{row['copy_seconds']} a copy",
         "", ""]
        for row in _done(rows, kind="speed")
    ]  # fmt: skip
    return [*found, *useless, *speeds]


def model_markdown(rows: list[Row]) -> str:
    """Return the tables of docs/fingerprints.md."""
    text = []
    for _, heading, lines in model_tables(rows)[:2]:
        text += [f"| {' | '.join(heading)} |", f"|{'---|' * len(heading)}"]
        text += [f"| {' | '.join(map(str, line))} |" for line in lines]
        text.append("")
    return "\n".join(text).strip()
