"""Thieves of classifiers: what they train on marked answers, what they do about the mark, and what it says then.

Training and judging are apart. Training writes every model's answers to fixed inputs into a few zip files; judging
reads them and stores rows. Both go on where they were. Training wants a GPU for minutes or a CPU for many hours:

    python benchmarks/classifiers.py --train-only OUT --device cuda --minutes 8    # then fetch OUT
    python benchmarks/classifiers.py --answers OUT                                  # judge, on any machine
    python benchmarks/classifiers.py --keys 3 --seeds 1                             # a thin grid, hours on a CPU
    python benchmarks/classifiers.py --keys 3:10 --seeds 1                          # the rest of its keys
    python benchmarks/classifiers.py --small                                        # all of it, in a few minutes
    python benchmarks/classifiers.py --labels --workers 0                           # thieves who are told labels alone
    python benchmarks/classifiers.py --cheap --workers 0                            # time, clients, e-values, ...
    python benchmarks/classifiers.py --show

On a machine without Fashion-MNIST's package, $FASHION names the folder of its four files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from harness.classifiers.cells import OWNER, REFERENCES, SMOOTHED, groups_of
from harness.classifiers.engines import fastest_engines
from harness.classifiers.owner import Owner
from harness.classifiers.shards import Shards
from harness.classifiers.tasks import TASKS
from harness.classifiers.training import path_of, train_groups
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.tasks.engine import Engine
from watermarking.ownership.classifiers.tasks.networks import CLASSIFIERS

if TYPE_CHECKING:
    from harness.classifiers.cells import Group

NAME = "classifiers"
SMALL = ("few letters",)
USUAL = ("fashion", "letters")
OWN_SIDE = (OWNER, REFERENCES, SMOOTHED)
ANSWERS = Path(__file__).resolve().parents[2] / "wm-data/classifiers"


def parsed() -> argparse.Namespace:
    """Read the command line; what training needs must not load what judging does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-only", type=Path, metavar="OUT", help="train, write answers there, and judge nothing")
    parser.add_argument("--answers", type=Path, help=f"folder of answers to judge (default {ANSWERS})")
    parser.add_argument("--kept", type=Path, help="folder of checkpoints; left out: with the answers, or none on a GPU")
    parser.add_argument("--tasks", type=lambda text: text.split(","), help=f"of {', '.join(TASKS)}; with commas")
    parser.add_argument("--export-nulls", type=Path, metavar="TO", help="copy unmarked models' answers, and stop")
    parser.add_argument("--only", help="groups whose network, start, profile or removal has this text in it")
    parser.add_argument(
        "--groups", type=_slice, default=slice(None), metavar="A:B", help="these of each task, in order"
    )
    parser.add_argument("--keys", type=_range, metavar="N", help="the first N of the ten keys, or those of A:B")
    parser.add_argument("--seeds", type=_range, metavar="N", help="of the three thieves a key, in the same way")
    parser.add_argument("--minutes", type=float, help="begin nothing that would end later")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--fp32", action="store_true", help="no bfloat16")
    parser.add_argument("--plain", action="store_true", help="on a GPU, try no faster engines than the plainest")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    parser.add_argument("--labels", action="store_true", help="only: train and judge thieves who get labels alone")
    parser.add_argument("--cheap", action="store_true", help="only: what is measured without training thieves")
    parser.add_argument("--small", action="store_true", help="six letters, one key, a few removals")
    parser.add_argument("--results", type=Path, help="folder of the rows (default benchmarks/results/NAME)")
    parser.add_argument("--workers", type=int, default=2, help="processes that judge (default 2); 0 for none")
    parser.add_argument("--fresh", action="store_true", help="forget the rows there")
    parser.add_argument("--show", action="store_true", help="train and judge nothing, print the tables of stored rows")
    return parser.parse_args()


def thinned(options: argparse.Namespace) -> dict[str, Any]:
    """Return what :func:`groups_of` is told."""
    return {"small": options.small, "keys": options.keys, "seeds": options.seeds}


def wanted(options: argparse.Namespace, task: str) -> list[Group]:
    """List the groups that are asked for."""
    found = groups_of(task, **thinned(options))
    chosen = found[options.groups]
    text = options.only or ""
    named = {one.name: f"{one.network} {one.start} {one.profile}: {one.removal}" for one in found}
    # The owner's side goes with every choice: nothing can be judged without.
    return [one for one in found if one.removal in OWN_SIDE or (one in chosen and text in named[one.name])]


def train(options: argparse.Namespace, folder: Path) -> int:
    """Train what is asked for; return how many groups were left out for want of time."""
    torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    engine = Engine(device=options.device, bf16=not options.fp32, graph=False, streams=1)
    begun = _now()
    engines = {} if options.plain else fastest_engines(options.tasks[0], engine, CLASSIFIERS)
    kept = options.kept or (None if engine.on_gpu else folder / "kept")
    left_out, minutes = 0, None if options.minutes is None else options.minutes - (_now() - begun) / 60
    for task in options.tasks:
        start = _now()
        owner = Owner(task, engine, kept, engines)
        n = len(owner.task.own) if options.small else None
        left_out += train_groups(
            wanted(options, task), owner, Shards(path_of(folder, task)), minutes=minutes, n=n
        )  # fmt: skip
        minutes = None if minutes is None else max(0.0, minutes - (_now() - start) / 60)
    return left_out


def judge(options: argparse.Namespace, folder: Path) -> None:
    """Store a row for every model, and print the tables."""
    from harness.campaign import carry_out
    from harness.classifiers.judging import NULL_KEYS, SMALL_NULL_KEYS, measure_classifiers
    from harness.classifiers.tables import null_table, removal_table
    from harness.tables import text_table

    groups = [group for task in options.tasks for group in wanted(options, task) if group.removal not in OWN_SIDE]
    judged = [cell for group in groups for cell in group.cells()]
    shared = ("task", "start", "removal", "network", "profile", "key")
    rows = carry_out(
        judged, measure_classifiers, shared, options, name=NAME, folder=folder, thin=thinned(options),
        null_keys=SMALL_NULL_KEYS if options.small else NULL_KEYS,
    )  # fmt: skip
    for heading, lines in (removal_table(rows), null_table(rows)):
        if lines:
            print(text_table(heading, lines), end="\n\n")


def measure_apart(options: argparse.Namespace) -> None:
    """Store a row for every thief who is told labels alone, and every small measurement, and print the tables."""
    from harness.campaign import carry_out
    from harness.classifiers.labels import label_cells, label_table, measure_labels
    from harness.classifiers.small import measure_small, small_cells, small_table
    from harness.tables import text_table

    torch.set_num_threads(options.threads)
    kept = options.kept or ANSWERS / "kept"
    parts = (
        (options.labels, label_cells(), measure_labels, label_table),
        (options.cheap, small_cells(), measure_small, small_table),
    )
    for chosen, cells, measure, table in parts:
        if not chosen and not options.show:
            continue
        some = [cell for cell in cells if (options.only or "") in " ".join(map(str, cell.values()))]
        every = sorted({name for cell in some for name in cell})
        rows = carry_out(some, measure, every, options, name=NAME, kept=kept)
        heading, lines = table(rows)
        if lines:
            print(text_table(heading, lines), end="\n\n")


def main() -> None:
    """Train, judge, print."""
    options = parsed()
    options.tasks = options.tasks or (SMALL if options.small else USUAL)
    if options.train_only is not None:
        left_out = train(options, options.train_only)
        print(f"{left_out} groups are left: the same command goes on with them" if left_out else "all is trained")
        return
    folder = options.answers or (ANSWERS / "small" if options.small else ANSWERS)
    if options.labels or options.cheap or options.show:
        measure_apart(options)
        if not options.show:
            return
    if options.export_nulls is not None:
        from harness.classifiers.judging import export_nulls

        copied = [export_nulls(folder, task, options.export_nulls, small=options.small) for task in options.tasks]
        print(f"{sum(copied)} models copied to {options.export_nulls}")
        return
    if not options.show and options.answers is None:
        train(options, folder)
    judge(options, folder)


def _slice(text: str) -> slice:
    """Read A:B, either of which may be missing."""
    start, colon, stop = text.partition(":")
    try:
        if colon:
            return slice(int(start) if start else None, int(stop) if stop else None)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no A:B: give two numbers, or one, such as 60:")


def _range(text: str) -> range:
    """Read how many from the first, or A:B."""
    asked = _slice(text if ":" in text else f":{text}")
    found = range(asked.start or 0, 10 if asked.stop is None else asked.stop)
    if not found or found.start < 0:
        raise argparse.ArgumentTypeError(f"{text!r} names none of 0 to 9: give 1 or more, or A:B with A below B")
    return found


def _now() -> float:
    import time

    return time.monotonic()


def _status() -> int:
    """Run; the light path has no use for what the other scripts load to say what went wrong."""
    if "--train-only" in sys.argv:
        try:
            main()
        except WatermarkError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        return 0
    from harness.campaign import exit_status

    return exit_status(main)


if __name__ == "__main__":
    raise SystemExit(_status())
