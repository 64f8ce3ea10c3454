"""Which copies of models are measured, and the tables of what came of it."""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING, Any

from harness.cells import DONE, Cell, Row
from harness.means import mean_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["answer_cells", "model_cells", "model_tables"]

SINGLE = (
    "none", "pruned 50 %", "8 bit", "4 bit", "pruned 90 %", "noise .2", "overwritten", "reordered", "fine-tuned",
)  # fmt: skip
COSTLY = ("fine-tuned",)
"""Attacks that train."""
NETWORKS = ("c2", "residual")
WAYS = ("mean", "median", "minimum", "maximum", "random", "layers", "interpolation")
COLLUDERS = (2, 5, 10)
_WORLD: Cell = {"part": "prints", "network": "residual", "customers": 100, "length": 1216, "against": 10,
                "strength": 0.015}  # fmt: skip
_ANSWERS: Cell = {"part": "prints", "kind": "answers", "network": "c2", "seed": 0, "customers": 100,
                  "profile": "strong", "queries": 200, "populations": 20}  # fmt: skip
TRIGGERED = ("none", "8 bit", "pruned 50 %", "fine-tuned", "distilled", "hard labels")
"""What is done to copies that know verification pictures."""


def model_cells(*, copies: int, tuned: int, trials: int, seeds: int, network: str) -> list[Cell]:
    """List what is measured of models' weights.

    Parameters
    ----------
    copies, tuned : int
        Customers whose copies leak, one after the other; those whose copy is fine-tuned as well.
    trials : int
        Of each way to merge and number of colluders.
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
    return found


def answer_cells(*, network: str, leaks: int, hard: int, triggers: int, strangers: int) -> list[Cell]:
    """List what is measured of copies of whom answers alone are seen.

    Parameters
    ----------
    network : str
        Owner's, copies' and thieves'.
    leaks, hard : int
        Customers whose copies are taught soft-label marks and distilled; of them distilled by hard labels, too.
    triggers : int
        Customers whose copies are taught verification pictures.
    strangers : int
        Students of the unmarked model, who are nobody's.
    """
    soft = {**_ANSWERS, "network": network}
    known = {name: value for name, value in soft.items() if name not in ("profile", "queries")} | {"kind": "triggers"}

    def of(world: Cell, attack: str, customer: int) -> Cell:
        return {**world, "attack": attack, "customer": customer, "group": f"{world['kind']} {network} {customer}"}

    attacks = [(i, attack) for i in range(leaks) for attack in ("none", "distilled", "hard labels")]
    found = [of(soft, attack, i) for i, attack in attacks if attack != "hard labels" or i < hard]
    found += [of(known, attack, i) for i in range(triggers) for attack in TRIGGERED]
    found += [of(soft, attack, -1 - i) for i in range(strangers) for attack in ("distilled", "hard labels")]
    return [*found, *(of(known, "distilled", -1 - i) for i in range(strangers))]


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
        [network, length, attack, len(some), sum(row["named"] == 1 for row in some),
         max(row["log10_best"] for row in some), sum(row["innocents"] for row in some),
         max((row.get("wrong_bits", 0) for row in some), default=0)]
        for network in NETWORKS for length in (304, 1216) for attack in SINGLE
        if (some := _done(rows, kind="single", network=network, attack=attack, length=length))
    ]  # fmt: skip
    merges = [
        [network, then, way, *(_merged(rows, network=network, way=way, then=then, colluders=c) for c in COLLUDERS)]
        for network in NETWORKS for then in ("none", "fine-tuned") for way in WAYS
        if _done(rows, kind="merged", network=network, way=way, then=then)
    ]  # fmt: skip
    return [
        ("One copy leaks, 100 customers",
         ["network", "places", "then", "copies", "right", "worst log10 p", "innocents", "most wrong bits"], singles),
        ("Several copies are merged, 100 customers",
         ["network", "then", "way", *(f"{c} colluders" for c in COLLUDERS)], merges),
        ("Answers alone, 100 customers", ANSWERED, _answered(rows)),
        ("What copies cost", ["network", "", "unmarked", "worst copy", "", ""], _costs(rows)),
    ]  # fmt: skip


def _merged(rows: Sequence[Row], *, colluders: int, **wanted: Any) -> str:
    """Return how many are named on average, and how often nobody was, or somebody innocent."""
    some = _done(rows, kind="merged", colluders=colluders, **wanted)
    if not some:
        return ""
    mean = sum(row["named"] for row in some) / len(some)
    nobody, innocents = sum(not row["named"] for row in some), sum(row["innocents"] for row in some)
    failed = (f", nobody in {nobody}" if nobody else "") + (f", {innocents} INNOCENT" if innocents else "")
    return f"{mean:.1f} of {colluders}, {len(some)} {'trials' if len(some) > 1 else 'trial'}{failed}"


ANSWERED = ["network", "mark", "then", "copies", "right", "worst log10 p", "wrong bits", "innocents",
            "populations accused", "accuracy before, of copies, then"]  # fmt: skip


def _answered(rows: Sequence[Row]) -> list[list[object]]:
    """Return lines of copies whose answers alone are seen, then of students of the unmarked model, nobody's."""
    found: list[list[object]] = []
    mine = [row for kind in ("answers", "triggers") for row in _done(rows, kind=kind)]
    for network, kind, nobodys in itertools.product(("mlp", "c2"), ("answers", "triggers"), (False, True)):
        for attack in TRIGGERED:
            wanted = (network, kind, nobodys, attack)
            some = [
                row for row in mine
                if (row["network"], row["kind"], row["customer"] < 0, row["attack"]) == wanted
                and row.get("profile") in (None, _ANSWERS["profile"])
            ]  # fmt: skip
            if some:
                found.append(_answered_line(network, kind, attack, some))
    return found


def _answered_line(network: str, kind: str, attack: str, some: list[Row]) -> list[object]:
    nobodys = some[0]["customer"] < 0
    mark = "unmarked" if nobodys else "soft labels" if kind == "answers" else "verification pictures"
    if nobodys:
        mark += ", tested for " + ("soft labels" if kind == "answers" else "pictures")
    worst = "-" if nobodys else max(row["log10_best"] for row in some)
    bits = f"{sum(row['wrong_bits'] for row in some)} of {sum(row['n_bits'] for row in some)}" if (
        kind == "triggers" and not nobodys
    ) else "-"  # fmt: skip
    of = sum(row["populations"] for row in some)
    means = [sum(row["accuracies"][i] for row in some) / len(some) for i in range(3)]
    return [
        network, mark, attack, len(some), "-" if nobodys else sum(row["right"] for row in some), worst, bits,
        sum(row["innocents"] for row in some), f"{sum(row['accused_populations'] for row in some)} of {of}",
        ", ".join(f"{100 * one:.2f}" for one in means) + " %",
    ]  # fmt: skip


def _costs(rows: list[Row]) -> list[list[object]]:
    found: list[list[object]] = []
    for row in _done(rows, kind="cost"):
        least = f"{100 * min(row['accuracies']):.2f} %"
        grown = max(abs(one - 1) for one in row["variance"])
        found.append([row["network"], f"accuracy, seed {row['seed']}", f"{100 * row['accuracy']:.2f} %", least,
                      f"variance +- {grown:.1e}", f"largest change {max(row['largest_change']):.3f}"])  # fmt: skip
    for network in NETWORKS:
        lost = [100 * (row["accuracy"] - statistics.mean(row["accuracies"])) for row in _done(rows, kind="cost")
                if row["network"] == network]  # fmt: skip
        if len(lost) > 1:
            mean, half = mean_interval(lost)
            said = f"{mean:.2f} +- {half:.2f} points"
            found.append([network, f"mean cost, {len(lost)} seeds", "", said, "95 %", ""])
    useless: list[list[object]] = [
        [row["network"], "orders of their own", f"{100 * row['accuracy']:.2f} %",
         f"average of {row['colluders']}: {100 * row['accuracies'][0]:.2f} %", "", ""]
        for row in _done(rows, kind="useless")
    ]  # fmt: skip
    speeds: list[list[object]] = [
        ["any", f"seconds, {row['weights']:,} weights", f"{row['prepare_seconds']} once",
         f"{row['copy_seconds']} a copy", "", ""]
        for row in _done(rows, kind="speed")[:1]  # of a network made for it, whichever the rest is of
    ]  # fmt: skip
    return [*found, *useless, *speeds]
