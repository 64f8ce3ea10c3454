"""Who stole a model: surrogates of marked and of unmarked models, and what the marks say of them.

Every surrogate is trained anew (two minutes on a core, seconds on a GPU), kept beside the data, and judged by 100
tiles of photographs, or views of a chest, that nothing was trained on. Beside each stands its PSNR on the task and the
owner's: a surrogate that does the task badly proves nothing.

    python benchmarks/surrogates.py                 # the whole matrix: hours
    python benchmarks/surrogates.py --parts zoo     # four networks, five losses, thieves who move their pairs
    python benchmarks/surrogates.py --parts paper   # the same with H and R, thieves who do not, as in the paper
    python benchmarks/surrogates.py --axes          # one axis at a time: the U-Net with each loss, each network with L2
    python benchmarks/surrogates.py --train --device cuda --workers 12   # trains all, judges nothing
    python benchmarks/surrogates.py --small         # two surrogates and a control, few steps
    python benchmarks/surrogates.py --show
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE
from harness.tables import text_table
from harness.theft import MATRIX, task
from harness.theft_cells import measure_theft, train_theft
from harness.theft_tables import controls, costs, reads, regressed, table
from harness.workers import compute

if TYPE_CHECKING:
    from harness.cells import Cell

NAME = "surrogates"
NETWORKS = ("cnet", "res9", "res16", "unet")
LOSSES = ("l1", "l2", "l1-adversarial", "l2-adversarial", "perceptual-adversarial")
ORDER = sorted(itertools.product(NETWORKS, LOSSES), key=lambda pair: (pair[0] != "unet") + (pair[1] != "l2"))
"""All twenty, those first that the paper has: each network with L2, each loss with the U-Net."""
LEARNABLE, HIDDEN = {"id": "learnable"}, {"id": "hidden"}
BASELINES = ({"id": "bits", "scheme": "additive_block"}, {"id": "bits", "scheme": "dwt"})
MOVED = {"flips": True, "turns": True, "crops": True, "resize": [0.7, 1.3]}
STILL = {"crops": False}
STEPS, SMALL_STEPS = 4000, 300
TASKS = (*MATRIX, "rtv", "data")
PARTS = ("controls", "zoo", "paper", "thief", "tasks", "baselines", "regress", "cost")
KNOWN = (["polynomials", 2], ["polynomials", 4], ["functions of other keys", 1], ["functions of other keys", 8])
"""What a thief who has no key regresses answers on."""
NULL_KEYS = {"learnable": 1000, "hidden": 20000}


def cell(part: str, task: str, mark: Any, network: str | None, loss: str | None, **more: Any) -> Cell:
    """Return a cell with what is usual."""
    usual = {"thief": MOVED, "steps": STEPS, "seed": 1, "key": 0, "with_attacks": True}
    return {"part": part, "task": task, "mark": mark, "network": network, "loss": loss, **usual, **more}


def control(task: str, network: str, **more: Any) -> Cell:
    """Return a cell of a surrogate of unmarked answers."""
    return cell("controls", task, None, network, "l2", null_keys=NULL_KEYS, **more)


def of_matrix(part: str, mark: Any, task: str, network: str, loss: str, **more: Any) -> Cell:
    """Return a cell of the twenty; attacked afterwards are those along the axes."""
    return cell(part, task, mark, network, loss, with_attacks=on_axes(network, loss), **more)


def cells_of(options: Any) -> list[Cell]:
    """List what is trained and judged."""
    if options.small:
        return small_cells()
    matrix = [(task, network, loss) for task in MATRIX for network, loss in ORDER]
    parts = {
        "controls": control_cells(),
        "zoo": [of_matrix("zoo", LEARNABLE, *which) for which in matrix],
        "paper": [of_matrix("paper", HIDDEN, *which, thief=STILL) for which in matrix],
        "thief": thief_cells(),
        "tasks": [
            cell("tasks", task, mark, network, "l2", thief=thief)
            for network in ("unet", "res9") for task in TASKS if task not in MATRIX
            for mark, thief in ((LEARNABLE, MOVED), (HIDDEN, STILL))
        ],
        "baselines": [
            cell("baselines", "derain", mark, "unet", "l2", thief=thief)
            for thief in (STILL, MOVED) for mark in BASELINES
        ],
        "regress": [
            cell("regress", task, LEARNABLE, None, None, features=known, expected=expected)
            for task in MATRIX for expected in ("queries", "answers") for known in KNOWN
        ],
        "cost": [
            cell("cost", task, mark, None, None)
            for task in MATRIX for mark in (LEARNABLE, HIDDEN, {"id": "several"})
        ],
    }  # fmt: skip
    wanted = [one for part in options.parts for one in parts[part] if one["task"] in options.tasks]
    wanted = [one for one in wanted if one["loss"] in (None, *options.losses)]
    return [one for one in wanted if on_axes(one["network"], one["loss"]) or not options.axes]


def control_cells() -> list[Cell]:
    """List surrogates of unmarked answers: three networks where a network answers, one elsewhere."""
    still = [
        control(task, network, seed=seed, thief=STILL)
        for task in TASKS
        for network, seed in (("unet", 11), ("cnet", 12), ("res9", 13))
        if task in MATRIX or network == "unet"
    ]
    return [*still, *(control(task, "unet", seed=11, thief=MOVED) for task in MATRIX)]


def thief_cells() -> list[Cell]:
    """List what else a thief may do to a U-Net with L2, and other keys."""
    tried = (
        *((mark, 0, {**thief, "unmarked": 0.5}) for mark, thief in ((LEARNABLE, MOVED), (HIDDEN, STILL))),
        (HIDDEN, 0, {"crops": True}), (HIDDEN, 0, MOVED), (LEARNABLE, 0, STILL),
        *((mark, key, thief) for key in (1, 2) for mark, thief in ((LEARNABLE, MOVED), (HIDDEN, STILL))),
        (LEARNABLE, 0, {**MOVED, "jpeg": [70, 95]}),
    )  # fmt: skip
    cells = [cell("thief", "derain", mark, "unet", "l2", key=key, thief=thief) for mark, key, thief in tried]
    return [cell("thief", "derain", LEARNABLE, "unet", "l2", steps=3 * STEPS), *cells]


def on_axes(network: Any, loss: Any) -> bool:
    """Say whether a surrogate differs from the U-Net with L2 in one thing at most."""
    return network in (None, "unet") or loss == "l2"


def small_cells() -> list[Cell]:
    """List two surrogates and a control, all of few steps."""
    steps = {"steps": SMALL_STEPS}
    return [
        cell("zoo", "derain", LEARNABLE, "unet", "l2", **steps),
        cell("paper", "derain", HIDDEN, "cnet", "l1", thief=STILL, **steps),
        control("derain", "unet", **steps),
    ]


def main() -> None:
    """Measure, then print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=PARTS, help="only these, with commas")
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=TASKS, help="only these, with commas")
    parser.add_argument("--losses", type=lambda text: text.split(","), default=LOSSES, help="only these, with commas")
    parser.add_argument("--axes", action="store_true", help="only the U-Net's losses, and L2 of other networks")
    parser.add_argument("--small", action="store_true", help="two surrogates and a control")
    parser.add_argument("--device", default="cpu", help="where networks are trained: cpu, cuda")
    parser.add_argument("--train", action="store_true", help="train and keep the surrogates, judge nothing")
    options = parser.parse_args()
    cells = cells_of(options)
    if options.train:
        train(cells, options)
        return
    shared = ("part", "task", "mark", "network", "loss", "thief", "steps", "key")
    rows = carry_out(cells, measure_theft, shared, options, name=NAME, device=options.device)
    for part in PARTS:
        mine = [row for row in rows if row["part"] == part and row["status"] == DONE]
        if mine:
            shown = {"regress": regressed, "controls": controls, "cost": costs}.get(part, table)(mine)
            print(f"{part}\n\n{text_table(*shown)}\n")
    if read := [row for row in rows if row["status"] == DONE and row.get("reads")]:
        print(f"what R reads, before and after the adversarial stage\n\n{text_table(*reads(read))}\n")


def train(cells: list[Cell], options: Any) -> None:
    """Train what is not kept yet, saying what is done."""
    for name in dict.fromkeys(one["task"] for one in cells):
        task(name, options.device)  # before the workers start: all need the owner's model
    bound = functools.partial(train_theft, device=options.device)
    for number, (group, results) in enumerate(compute(bound, [[one] for one in cells], options.workers), 1):
        what = " ".join(str(group[0][name]) for name in ("part", "task", "network", "loss"))
        print(f"{number}/{len(cells)} {what}: {results[0].get('reason', 'done')}", flush=True)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
