"""Who stole a model: surrogates of marked and of unmarked models, and what the marks say of them.

Every surrogate is trained anew (one to three minutes on a core), kept beside the data, and judged by 100 tiles of
photographs, or views of a chest, that nothing was trained on. Beside each stands its PSNR on the task and the owner's:
a surrogate that does the task badly proves nothing.

    python benchmarks/surrogates.py                 # the whole matrix: hours
    python benchmarks/surrogates.py --parts zoo     # four networks, five losses
    python benchmarks/surrogates.py --small         # two surrogates and a control, few steps
    python benchmarks/surrogates.py --show
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE
from harness.tables import text_table
from harness.theft_cells import NUMBERS, measure_theft

if TYPE_CHECKING:
    from harness.cells import Cell, Row

NAME = "surrogates"
NETWORKS = ("cnet", "res9", "res16", "unet")
LOSSES = ("l1", "l2", "l1-adversarial", "l2-adversarial", "perceptual-adversarial")
ORDER = sorted(itertools.product(NETWORKS, LOSSES), key=lambda pair: (pair[0] != "unet") + (pair[1] != "l2"))
"""All twenty, those first that the paper has: each network with L2, each loss with the U-Net."""
LEARNABLE = {"id": "learnable"}
BASELINES = ({"id": "bits", "scheme": "additive_block"}, {"id": "bits", "scheme": "dwt"})
MOVED = {"flips": True, "turns": True, "crops": True, "resize": [0.7, 1.3]}
STEPS, SMALL_STEPS = 3000, 300
TASKS = ("derain", "debone", "rtv", "data")
PARTS = ("controls", "zoo", "thief", "tasks", "baselines", "regress")
KNOWN = (["polynomials", 2], ["polynomials", 4], ["functions of other keys", 1], ["functions of other keys", 8])
"""What a thief who has no key regresses answers on."""
BELOW = (0.1, 0.01, 0.001)


def cell(part: str, task: str, mark: Any, network: str | None, loss: str | None, **more: Any) -> Cell:
    """Return a cell with what is usual."""
    usual = {"thief": {"crops": True}, "steps": STEPS, "seed": 1, "key": 0}
    return {"part": part, "task": task, "mark": mark, "network": network, "loss": loss, **usual, **more}


def cells_of(options: Any) -> list[Cell]:
    """List what is trained and judged."""
    if options.small:
        steps = {"steps": SMALL_STEPS}
        return [
            cell("zoo", "derain", LEARNABLE, "unet", "l2", **steps),
            cell("zoo", "derain", LEARNABLE, "cnet", "l1", **steps),
            cell("controls", "derain", None, "unet", "l2", **steps),
        ]  # fmt: skip
    zoo = [
        cell("zoo", task, LEARNABLE, network, loss, thief=MOVED)
        for task in ("derain", "debone") for network, loss in ORDER
    ]  # fmt: skip
    controls = [
        cell("controls", task, None, network, "l2", seed=seed, thief=MOVED)
        for task in ("derain", "debone") for network, seed in (("unet", 11), ("cnet", 12), ("res9", 13))
    ]  # fmt: skip
    thief = [
        cell("thief", "derain", LEARNABLE, "unet", "l2", key=key, thief=choices)
        for key in (0, 1, 2)
        for choices in ({"crops": True}, MOVED, {**MOVED, "unmarked": 0.5}, {**MOVED, "jpeg": [70, 95]})
    ]
    baselines = [cell("baselines", "derain", mark, "unet", "l2", thief={"crops": False}) for mark in BASELINES]
    baselines += [cell("baselines", "derain", mark, "unet", "l2", thief=MOVED) for mark in BASELINES]
    tasks = [cell("tasks", task, LEARNABLE, "unet", "l2", thief=MOVED) for task in ("rtv", "data")]
    regress = [
        cell("regress", task, LEARNABLE, None, None, features=known, expected=expected)
        for task in ("derain", "debone") for expected in ("queries", "answers") for known in KNOWN
    ]  # fmt: skip
    parts = {
        "regress": regress,
        "zoo": zoo,
        "controls": controls,
        "thief": thief,
        "baselines": baselines,
        "tasks": tasks,
    }
    return [one for part in options.parts for one in parts[part] if one["task"] in options.tasks]


def main() -> None:
    """Measure, then print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=PARTS, help="only these, with commas")
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=TASKS, help="only these, with commas")
    parser.add_argument("--small", action="store_true", help="two surrogates and a control")
    options = parser.parse_args()
    rows = carry_out(cells_of(options), measure_theft, ("part", "network", "loss", "key", "seed"), options, name=NAME)
    for part in PARTS:
        mine = [row for row in rows if row["part"] == part and row["status"] == DONE]
        if mine:
            print(f"{part}\n\n{text_table(*(regressed(mine) if part == 'regress' else table(mine)))}\n")


def regressed(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line a regression: the share of the mark's energy that it leaves, and what that still proves."""
    heading = ["task", "regressed on", "expecting", "left", "p of 20 cleaned", "task dB", "owner's"]
    return heading, [
        [row["task"], " ".join(map(str, reversed(row["features"]))), row["expected"], f"{row['left']:.2f}",
         f"{row['p']:.0e}", f"{row['psnr']:.1f}", f"{row['owner']:.1f}"]
        for row in rows
    ]  # fmt: skip


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


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
