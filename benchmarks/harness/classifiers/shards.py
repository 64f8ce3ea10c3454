"""Stored answers: a few zip files, replaced whole, that hold one array file a group.

A log-probability is kept in steps of 1/128, from -24 on: a probability to within 0.4 %, far below what two trainings
differ by, and lower ones than any reader tells apart. High and low bytes lie apart, which packs the high ones.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.deep.tensors import replace_file
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from harness.classifiers.cells import Group

__all__ = ["Shards", "Trained"]

_STEPS: Final = 128
_LEAST: Final = -24.0
_FULL: Final = 14 << 20  # bytes, of a file


@dataclass(frozen=True, eq=False)
class Trained:
    """Answers of a group's models.

    Attributes
    ----------
    answers : array (k, n, n_classes) float32
        Log-probabilities, for the first n of a task's inputs that suspects are judged by.
    accuracy, before : list of float
        On all of those inputs; and of the models that a removal started from.
    about : dict
        Seconds, device, and what the group was.
    """

    answers: npt.NDArray[np.float32]
    accuracy: list[float]
    before: list[float]
    about: dict[str, Any]


class Shards:
    """The shards of a folder.

    Parameters
    ----------
    folder : path
        Made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._places: dict[str, Path] = {}
        for path in sorted(folder.glob("answers-*.zip")):
            for name in _names(path):
                self._places[name] = path

    def __contains__(self, group: Group) -> bool:
        return group.name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, group: Group, trained: Trained) -> None:
        """Store a group, in the last file or, if that is full, a new one."""
        packed = io.BytesIO()
        steps = np.rint(-np.clip(trained.answers, _LEAST, 0) * _STEPS).astype(np.uint16)
        about = {**trained.about, "accuracy": trained.accuracy, "before": trained.before}
        np.savez_compressed(
            packed,
            high=(steps >> 8).astype(np.uint8),
            low=(steps & 255).astype(np.uint8),
            about=np.array(json.dumps(about)),
        )
        number = len(list(self.folder.glob("answers-*.zip"))) - 1
        path = self.folder / f"answers-{max(number, 0):02}.zip"
        if path.exists() and path.stat().st_size + packed.tell() > _FULL:
            path = self.folder / f"answers-{number + 1:02}.zip"
        whole = io.BytesIO(path.read_bytes() if path.exists() else b"")
        with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as file:
            file.writestr(f"{group.name}.npz", packed.getvalue())
        replace_file(path, whole.getvalue())
        self._places[group.name] = path

    def read(self, group: Group) -> Trained:
        """Return what was stored of a group.

        Raises
        ------
        WatermarkError
            If it is not there.
        """
        if group not in self:
            raise WatermarkError(f"{self.folder} has no answers of {group.start}, {group.removal}: train it first")
        with zipfile.ZipFile(self._places[group.name]) as file:
            stored = np.load(io.BytesIO(file.read(f"{group.name}.npz")), allow_pickle=False)
        about = json.loads(str(stored["about"]))
        answers = -(256.0 * stored["high"] + stored["low"]).astype(np.float32) / _STEPS
        return Trained(answers, about.pop("accuracy"), about.pop("before"), about)


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return [name.removesuffix(".npz") for name in file.namelist()]
    except zipfile.BadZipFile as error:
        raise WatermarkError(f"{path} is damaged ({error}): remove it, its groups are trained again") from error
