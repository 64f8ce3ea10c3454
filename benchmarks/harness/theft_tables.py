"""Tables of surrogates: what the marks say of them, what R reads, what a regression leaves."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from harness.theft_cells import NUMBERS, STAGES

if TYPE_CHECKING:
    from harness.cells import Row

__all__ = ["reads", "regressed", "table"]

BELOW = (0.1, 0.01, 0.001)


def table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line a surrogate: how well it does the task, and p-values by the number of its answers."""
    heading = ["task", "mark", "network", "loss", "thief", "key", "marked dB", "task dB", "owner's"]
    heading += [f"p of {n}" for n in NUMBERS] + ["20, reference", "worst after", ""]
    lines = []
    for row in rows:
        what = "none" if row["mark"] is None else row["mark"]["id"]
        choices = ", ".join(name if value is True else f"{name} {value}" for name, value in row["thief"].items())
        attacked = row["attacked"]
        worst = max(attacked, key=lambda name: attacked[name]) if attacked else ""
        shown = f"{attacked[worst]:.0e} {worst}" if worst else ""
        if row["mark"] is None:
            null = np.array(row["null"])
            shown = ", ".join(f"{np.mean(null < level):.4f} < {level:g}" for level in BELOW)
        values = [f"{np.median(row['p'][str(n)]):.0e}" for n in NUMBERS]
        values.append(f"{np.median(row['p_reference']['20']):.0e}")
        lines.append(
            [row["task"], what, row["network"], row["loss"], choices, row["key"], f"{row['marked']:.1f}",
             f"{row['psnr']:.1f}", f"{row['owner']:.1f}", *values, shown,
             "" if row["psnr"] > row["owner"] - 3 else "too bad a surrogate"]
        )  # fmt: skip
    return heading, lines


def reads(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line a surrogate: the share of pictures read, and the paper's NC beside zero-mean correlation."""
    kinds = ("B''", "B'", "B", "A")
    heading = ["part", "task", "network", "loss", "thief"]
    heading += [f"{kind} {stage}" for kind, stage in itertools.product(kinds, ("before", "after"))]
    heading += ["NC of B''", "zero-mean", "NC of A", "zero-mean"]
    lines = []
    for row in rows:
        values = [row["reads"][stage].get(kind) for kind, stage in itertools.product(kinds, STAGES)]
        shares = ["" if value is None else f"{100 * value[0]:.0f} %" for value in values]
        after = row["reads"][STAGES[1]]
        means = [f"{value:.3f}" for kind in ("B''", "A") for value in after[kind][1:]]
        thief = "moves" if row["thief"].get("resize") else "still"
        lines.append([row["part"], row["task"], row["network"], row["loss"], thief, *shares, *means])
    return heading, lines


def regressed(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line a regression: the share of the mark's energy that it leaves, and what that still proves."""
    heading = ["task", "regressed on", "expecting", "left", "p of 20 cleaned", "task dB", "owner's"]
    return heading, [
        [row["task"], " ".join(map(str, reversed(row["features"]))), row["expected"], f"{row['left']:.2f}",
         f"{row['p']:.0e}", f"{row['psnr']:.1f}", f"{row['owner']:.1f}"]
        for row in rows
    ]  # fmt: skip
