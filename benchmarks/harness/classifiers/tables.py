"""What the rows of classifiers say, for people."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from harness.cells import DONE

if TYPE_CHECKING:
    from harness.cells import Row

__all__ = ["null_table", "removal_table"]

_BELOW = (0.1, 0.01, 0.001)
_NUMBERS = ("20", "500", "2000", "5000")
_COSTLY = 0.02  # of accuracy: a thief who loses more has ruined what he stole


def removal_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line for each removal: what it costs, and the median and the worst p-value by the number of answers."""
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == DONE and "p" in row:
            groups[tuple(row[name] for name in ("task", "profile", "start", "network", "removal"))].append(row)
    heading = ["task", "profile", "stolen", "network", "removal", "models", "accuracy %", "cost"]
    heading += [f"p of {n}" for n in _NUMBERS] + ["worst 2000", ""]
    lines: list[list[object]] = []
    for name, mine in groups.items():
        accuracy = np.mean([row["accuracy"] for row in mine])
        # A removal is held against what it started from; a theft against the owner's model.
        cost = np.mean([(row["before"] or row["owner"]) - row["accuracy"] for row in mine])
        medians = [_median(mine, n) for n in _NUMBERS]
        most = [max(row["p"]["2000"]) for row in mine if "2000" in row["p"]]
        lines.append(
            [*name, len(mine), f"{100 * accuracy:.2f}", f"{100 * cost:+.2f}", *medians,
             f"{max(most):.0e}" if most else "", "ruins the model" if cost > _COSTLY else ""]
        )  # fmt: skip
    return heading, lines


def null_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
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


def _median(rows: list[Row], n: str) -> str:
    found = [p for row in rows for p in row["p"].get(n, ())]
    return f"{np.median(found):.0e}" if found else ""
