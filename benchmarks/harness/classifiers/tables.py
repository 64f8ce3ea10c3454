"""What the rows of classifiers say, for people."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.cells import DONE
from watermarking.ownership.classifiers.removal.registry import REMOVALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.cells import Row

    Table = tuple[list[str], list[list[object]]]

__all__ = ["PAGE_TABLES", "null_table", "removal_table"]

_BELOW = (0.1, 0.01, 0.001)
_NUMBERS = ("20", "500", "2000", "5000")
_COSTLY = 0.02  # of accuracy: a thief who loses more has ruined what he stole


def removal_table(rows: list[Row]) -> Table:
    """Return a line for each removal: what it costs, and the median and the worst p-value by the number of answers."""
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == DONE and "p" in row:
            groups[tuple(row[name] for name in ("task", "profile", "start", "network", "removal"))].append(row)
    heading = ["task", "profile", "stolen", "network", "removal", "models", "accuracy %", "cost"]
    heading += [f"p of {n}" for n in _NUMBERS] + ["worst 2000", ""]
    lines: list[list[object]] = []
    for name, mine in groups.items():
        accuracy, cost = _accuracy_and_cost(mine)
        medians = [_median(mine, n) for n in _NUMBERS]
        most = [max(row["p"]["2000"]) for row in mine if "2000" in row["p"]]
        lines.append(
            [*name, len(mine), f"{100 * accuracy:.2f}", f"{100 * cost:+.2f}", *medians,
             f"{max(most):.0e}" if most else "", "ruins the model" if cost > _COSTLY else ""]
        )  # fmt: skip
    return heading, lines


def null_table(rows: list[Row]) -> Table:
    """Return a line for each kind of unmarked model: the shares of keys whose p-values lie below a level."""
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == DONE and "null" in row:
            groups[row["task"], row["start"], row["removal"], row["network"]].append(row)
    heading = ["task", "from", "what", "network", "models", "accuracy %", *(f"below {b:g}" for b in _BELOW), "least p"]
    lines: list[list[object]] = []
    for name, mine in groups.items():
        drawn = np.array([row["null"] for row in mine])
        shares = [f"{np.mean(drawn < level):.5f}" for level in _BELOW]
        accuracy = np.mean([row["accuracy"] for row in mine])
        lines.append([*name, len(mine), f"{100 * accuracy:.2f}", *shares, f"{drawn.min():.0e}"])
    return heading, lines


def _page_table(
    rows: list[Row], *, steals: bool | None = None, task: str = "fashion", start: str = "wrapper",
    profile: str = "standard",
) -> Table:  # fmt: skip
    """Return lines for a page, the plainest traces first: of thefts, of what is done to stolen models, or of both."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] != DONE or "measured" in row or "2000" not in row.get("p", ()):
            continue
        asked = row["task"] == task and row["start"] == start and row["profile"] == profile
        if asked and steals in (None, REMOVALS[row["removal"]].steals):
            groups[row["removal"], row["network"]].append(row)
    lines = sorted((_median_p(mine, "2000"), name, mine) for name, mine in groups.items())
    shown: list[list[object]] = []
    for _, (removal, network), mine in lines:
        accuracy, cost = _accuracy_and_cost(mine)
        shown.append([
            removal, _NETWORKS[network], len(mine),
            f"{100 * accuracy:.1f}", f"{100 * cost:+.1f}{' *' if cost > _COSTLY else ''}",
            *(_power(_median_p(mine, n)) for n in _NUMBERS[:3]), _power(max(_all_p(mine, "2000"))),
        ])  # fmt: skip
    heading = ["what the thief did", "his network", "models", "accuracy, %", "cost, points"]
    return [*heading, "p of 20", "500", "2,000", "worst of 2,000"], shown


def _page_nulls(rows: list[Row]) -> Table:
    """Return how often p-values of unmarked models lie below a level, of all and by what they were trained on."""
    mine = [
        row for row in rows
        if row["status"] == DONE and "null" in row and "measured" not in row and row["task"] == "fashion"
    ]  # fmt: skip
    kinds = {"nobody": "trained by itself", "unmarked": "distilled from the unmarked model"}
    lines: list[list[object]] = []
    for start, said in kinds.items():
        for network, name in _NETWORKS.items():
            if some := [row for row in mine if (row["start"], row["network"]) == (start, network)]:
                lines.append([f"{name}, {said}", *_shares_below(some)])
    lines += [["all", *_shares_below(mine)]] if mine else []
    return ["models", "how many", *(f"below {level:g}" for level in _BELOW), "least p"], lines


def _shares_below(rows: list[Row]) -> list[object]:
    drawn = np.concatenate([row["null"] for row in rows])
    return [len(rows), *(f"{100 * np.mean(drawn < level):.2g} %" for level in _BELOW), _power(drawn.min())]


_NETWORKS: Final = {"c2": "small CNN", "mlp": "perceptron", "residual": "residual net"}
PAGE_TABLES: Final[dict[str, Callable[[list[Row]], Table]]] = {
    "thefts": functools.partial(_page_table, steals=True),
    "stolen models": functools.partial(_page_table, steals=False),
    "marks in weights": functools.partial(_page_table, start="embedded"),
    "light profile": functools.partial(_page_table, profile="light"),
    "strong profile": functools.partial(_page_table, profile="strong"),
    "letters": functools.partial(_page_table, task="letters"),
    "unmarked classifiers": _page_nulls,
}
"""The tables of docs/classifiers.md that are made of rows."""


def _accuracy_and_cost(rows: list[Row]) -> tuple[float, float]:
    """Return means; a removal is held against what it started from, a theft against the owner's model."""
    lost = [(row["before"] or row["owner"]) - row["accuracy"] for row in rows]
    return float(np.mean([row["accuracy"] for row in rows])), float(np.mean(lost))


def _power(p: float) -> str:
    """Write a p-value to one digit, as 4e-7."""
    return "1" if p >= 0.95 else f"{p:.0e}".replace("e-0", "e-")


def _all_p(rows: list[Row], n: str) -> list[float]:
    return [p for row in rows for p in row["p"].get(n, ())]


def _median(rows: list[Row], n: str) -> str:
    return f"{_median_p(rows, n):.0e}" if _all_p(rows, n) else ""


def _median_p(rows: list[Row], n: str) -> float:
    """Return the median; between two of them the geometric mean, as they differ by powers of ten."""
    return float(np.exp(np.median(np.log(np.maximum(_all_p(rows, n), 1e-300)))))
