"""What classifiers learn here, and who has which part of the data."""

from __future__ import annotations

import functools
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.tasks.labelled import Labelled, fashion
from watermarking.ownership.classifiers.tasks.letters import draw_letters, grey, letter_shapes

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["TASKS", "Task", "classifier_data", "task_of"]

ASKED: Final = 5000
_EXTRA: Final = 20_000  # of the owner's inputs that a thief who wants 50k queries has as well


@dataclass(frozen=True, eq=False)
class Task:
    """Data of a task.

    Attributes
    ----------
    own : Labelled
        What the owner trains on.
    stolen : Labelled
        The thief's queries, with their true labels. Those beyond his half are the owner's as well.
    asked : Labelled
        What suspects are judged by; nobody trains on it. Accuracy is measured on it too.
    outside : array or None
        Queries of another domain.
    other : Labelled or None
        A task that a stolen model is transferred to.
    flips : bool
    network : str
        The owner's.
    """

    name: str
    own: Labelled
    stolen: Labelled
    asked: Labelled
    outside: npt.NDArray[np.uint8] | None
    other: Labelled | None
    flips: bool
    network: str = "c2"


def classifier_data() -> Path:
    """Return the folder with Fashion-MNIST: $FASHION, or the one of the package that ``fetch_data.sh`` unpacks."""
    if named := os.environ.get("FASHION"):
        return Path(named)
    data = Path(os.environ.get("DATA") or Path(__file__).parents[4] / "wm-data")
    plain = data / "fashion"
    return plain if plain.is_dir() else data / "x/dataset-fashion-mnist/usr/share/datasets/fashion-mnist"


@functools.cache
def task_of(name: str) -> Task:
    """Return a task by name.

    Raises
    ------
    WatermarkError
        If there is no such task, or its data is missing.
    """
    if name not in TASKS:
        raise WatermarkError(f"there is no task {name!r}: the tasks are {', '.join(TASKS)}")
    return TASKS[name]()


@functools.cache
def _shapes() -> npt.NDArray[np.uint8]:
    """Draw the letters of twelve DejaVu fonts, matplotlib's or the system's."""
    found = importlib.util.find_spec("matplotlib")
    folders = [Path("/usr/share/fonts/truetype/dejavu")]
    if found is not None and found.origin is not None:
        folders.insert(0, Path(found.origin).parent / "mpl-data/fonts/ttf")
    for folder in folders:
        paths = sorted(p for p in folder.glob("DejaVu*.ttf") if "Display" not in p.name and "Math" not in p.name)
        if paths:
            return letter_shapes(paths)
    raise WatermarkError("the letters need the DejaVu fonts: install matplotlib, which brings them")


def _fashion() -> Task:
    train, test = (fashion(classifier_data(), part) for part in ("train", "test"))
    own, stolen = train.split([30_000, 30_000], seed=14)
    both = Labelled(
        np.concatenate([stolen.inputs, own.inputs[:_EXTRA]]), np.concatenate([stolen.labels, own.labels[:_EXTRA]]), 10
    )
    (asked,) = test.split([ASKED], seed=14)
    letters = grey(draw_letters(_shapes(), 30_000, seed=3))
    other = grey(draw_letters(_shapes()[:10], 10_000, seed=4))
    return Task("fashion", own, both, asked, letters.inputs, other, True)


def _letters() -> Task:
    drawn = draw_letters(_shapes(), 45_000, seed=5)
    own, stolen, asked = (drawn.take(slice(a, b)) for a, b in ((0, 20_000), (20_000, 40_000), (40_000, 45_000)))
    return Task("letters", own, stolen, asked, None, None, False)


def _few_letters() -> Task:
    """Six letters: enough to see that all works, in a minute."""
    drawn = draw_letters(_shapes()[:6], 3000, side=16, seed=6)
    own, stolen, asked = (drawn.take(slice(a, b)) for a, b in ((0, 1200), (1200, 2400), (2400, 3000)))
    other = draw_letters(_shapes()[6:12], 600, side=16, seed=7)
    outside = draw_letters(_shapes()[12:18], 1200, side=16, seed=8)
    return Task("few letters", own, stolen, asked, outside.inputs, other, False)


def _patterns() -> Task:
    """Noisy patterns, four classes of 8x8 pixels, without fonts or files: for tests."""
    rng = np.random.default_rng(9)
    centres = rng.integers(40, 216, (4, 8, 8))

    def some(n: int) -> Labelled:
        labels = rng.integers(0, 4, n)
        noisy = centres[labels] + rng.normal(0, 60, (n, 8, 8))
        return Labelled.of(np.clip(noisy, 0, 255).astype(np.uint8), labels, n_classes=4)

    own, stolen, asked, outside = some(240), some(240), some(200), some(120)
    return Task("patterns", own, stolen, asked, outside.inputs, outside, True)


TASKS: Final = {"fashion": _fashion, "letters": _letters, "few letters": _few_letters, "patterns": _patterns}
"""Fashion-MNIST (28x28 grey, 10 classes); drawn letters (28x28 colour, 26 classes); and two small ones."""
