"""Tables of surrogates: what the marks say of them, what R reads, what a regression leaves."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from harness.theft_cells import NUMBERS, STAGES
from harness.theft_judging import LEVELS

if TYPE_CHECKING:
    from harness.cells import Row

__all__ = ["controls", "costs", "reads", "regressed", "table"]

_BOUND = 0.999
"""Of shares of null keys: what binomial bounds hold."""


def table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line a surrogate: how well it does the task, and p-values by the number of its answers.

    Beside its PSNR on the task stands that of the marked answers, which it learnt from, and of the owner's own.
    """
    heading = ["task", "mark", "network", "loss", "thief", "key", "marked dB", "task dB", "served", "owner's"]
    heading += [f"p of {n}" for n in NUMBERS] + ["20, reference", "worst after", ""]
    lines = []
    for row in rows:
        attacked = row["attacked"]
        worst = max(attacked, key=lambda name: attacked[name]) if attacked else ""
        shown = f"{attacked[worst]:.0e} {worst}" if worst else ""
        values = [f"{np.median(row['p'][str(n)]):.0e}" for n in NUMBERS]
        values.append(f"{np.median(row['p_reference']['20']):.0e}")
        lines.append(
            [row["task"], row["mark"]["id"], row["network"], row["loss"], _choices(row), row["key"],
             f"{row['marked']:.1f}", f"{row['psnr']:.1f}", f"{row['served']:.1f}", f"{row['owner']:.1f}", *values,
             shown, _remark(row)]
        )  # fmt: skip
    return heading, lines


def controls(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line an unmarked surrogate and mark: p-values, foreign keys below levels, the highest e-value."""
    heading = ["task", "network", "thief", "task dB", "owner's", "mark", *(f"p of {n}" for n in NUMBERS), "keys"]
    heading += [f"below {level:g}" for level in LEVELS] + ["highest e", ""]
    lines = []
    for row in rows:
        does = [row["task"], row["network"], _choices(row), f"{row['psnr']:.1f}", f"{row['owner']:.1f}"]
        for mark, (n, *counts) in row["null"].items():
            values = [f"{np.median(row['p'][mark][str(number)]):.2f}" for number in NUMBERS]
            lines.append(
                [*does, mark, *values, n, *(_bounded(n, k, level) for k, level in zip(counts, LEVELS, strict=True)),
                 f"{max(row['evidence'][mark]):.2g}", _remark(row)]
            )  # fmt: skip
    return heading, lines


def _bounded(n: int, found: int, level: float) -> str:
    """Return a share, with a word if so many or so few would be found once in a thousand times."""
    low, high = binom.interval(_BOUND, n, level)
    return f"{found / n:.4f}" + ("" if low <= found <= high else " outside")


def _choices(row: Row) -> str:
    return ", ".join(name if value is True else f"{name} {value}" for name, value in row["thief"].items())


def _remark(row: Row) -> str:
    """Say if a surrogate does the task too badly to count: 3 dB worse than the model that it steals, mark and all."""
    stolen = row["served"] if "served" in row else row["owner"]
    return "" if row["psnr"] > stolen - 3 else "too bad a surrogate"


def reads(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line a surrogate: the share of pictures read, and the paper's NC beside zero-mean correlation."""
    kinds = ("B''", "B'' of 128", "B'", "B", "A")
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


def costs(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line a mark: what it costs a served picture, beside writing the picture as PNG."""
    return ["task", "mark", "ms a 512x512 picture, one thread", "ms to write it as PNG"], [
        [row["task"], row["mark"]["id"], f"{row['milliseconds'][0]:.0f}", f"{row['png'][0]:.0f}"] for row in rows
    ]
