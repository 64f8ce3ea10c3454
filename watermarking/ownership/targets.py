"""Protecting a data set: its targets are marked, so that whoever trains on it learns the mark."""

from __future__ import annotations

import dataclasses
import fnmatch
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.datasets.engines.local import Local
from watermarking.datasets.manifest import shown_name
from watermarking.datasets.operator import Marked, Operator, as_placed
from watermarking.datasets.plan import Plan, check_place
from watermarking.datasets.run import carry_out
from watermarking.datasets.stores.store import open_store
from watermarking.errors import WatermarkError
from watermarking.metrics.psnr import psnr
from watermarking.ownership.answers import check_depth
from watermarking.ownership.marks import mark_config
from watermarking.ownership.models import white_of
from watermarking.ownership.protect import marked_answer
from watermarking.pictures.arrays import to_array
from watermarking.pictures.files import read_picture, write_picture
from watermarking.pictures.ranges import check_peak

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from watermarking.datasets.engines.engine import Engine
    from watermarking.datasets.manifest import Record
    from watermarking.datasets.operator import OnError
    from watermarking.datasets.run import Progress
    from watermarking.datasets.sample import Sample, Shard
    from watermarking.datasets.wording import Recipient
    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.marks import OwnershipMark

__all__ = ["PURPOSE", "MarkTargets", "protect_dataset"]

PURPOSE = "ownership"


@dataclass(frozen=True, kw_only=True)
class MarkTargets(Operator):
    """Marks those pictures of a data set that are targets; inputs and all else stay as they are.

    Parameters
    ----------
    mark : OwnershipMark
    key : Key
        Of the mark, see :func:`watermarking.ownership.proof.subkey`.
    targets : str
        Pattern of the targets' names (``"target/*"``), as shells know them; ``*`` goes over folders, too.
    peak : int, optional
        White of 16-bit targets. Left out, it is what a file says itself, else 65535; a target that holds no more than
        14 bits and says nothing is not marked: whether it is dark, or that is all its bits, nobody knows.
    """

    mark: OwnershipMark
    key: Key
    targets: str = "*"
    peak: int | None = None

    def __post_init__(self) -> None:
        check_peak(self.peak)

    def is_target(self, name: str) -> bool:
        """Say whether a sample of this name is a target."""
        return fnmatch.fnmatchcase(name, self.targets)

    def check(self, pictures: Iterable[tuple[Shard, Sample]], recipients: Sequence[Recipient]) -> None:
        """Look at nothing: :func:`protect_dataset` has looked for targets, and each copy has a key of its own."""
        del pictures, recipients

    def description(self) -> dict[str, Any]:
        """Return what it is asked to do, as the manifest says it."""
        return {
            "purpose": PURPOSE, "scheme": mark_config(self.mark), "fidelity": None, "insist": False, "peak": self.peak,
            "key_commitment": self.key.commitment, "keys_per_sample": False, "message": {"targets": self.targets},
            "on_error": self.on_error, "verify": False,
        }  # fmt: skip

    def _marked(self, sample: Sample, record: Record, recipient: Recipient | None) -> Marked:
        del recipient  # a copy for each has a mark, and so a key, of its own
        if not self.is_target(sample.name):
            return as_placed(sample, sample.content, record)
        if isinstance(sample.content, bytes):
            content, level = self._of_file(sample.content)
        else:
            array, restore = to_array(sample.content)
            marked, white = self._of_array(array, self.peak)
            content, level = restore(marked), psnr(array, marked, peak=white)
        record = dataclasses.replace(record, status="marked", psnr=None if level == float("inf") else float(level))
        return as_placed(sample, content, record)

    def _of_file(self, content: bytes) -> tuple[Any, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd files: what came of them the record says
            picture = read_picture(content)
            target = io.BytesIO()
            marked, white = self._of_array(picture.array, picture.peak if self.peak is None else self.peak)
            write_picture(marked, target, like=picture)
            written = read_picture(target.getvalue()).array
        return target.getvalue(), psnr(picture.array, written, peak=white)

    def _of_array(self, array: Image, peak: int | None) -> tuple[Image, float]:
        """Return an array marked, and what white is in it.

        Raises
        ------
        WatermarkError
            If nobody knows what white is, or nothing came of it.
        """
        check_depth({"": array}, peak, "this kind")
        marked = marked_answer(array, self.mark, self.key, peak=peak)
        if np.array_equal(marked, array):
            raise WatermarkError("the mark left it as it was: it is too flat, or too small, to carry any")
        return marked, white_of(array, peak)


def protect_dataset(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    mark: OwnershipMark,
    *,
    key: Key,
    targets: str = "*",
    peak: int | None = None,
    kind: str | None = None,
    column: str | None = None,
    on_error: OnError = "copy",
    engine: Engine | None = None,
    tell: Callable[[Progress], object] | None = None,
) -> Progress:
    """Mark the targets of a data set, going on where an earlier call with the same arguments was cut short.

    Parameters
    ----------
    source, target : path
        As for :func:`watermarking.datasets.marking.mark_dataset`.
    mark : OwnershipMark
    key : Key
        Of the mark; keep its name and your master key.
    targets : str
        Pattern of the targets' names; all pictures without it.
    peak : int, optional
        White of 16-bit targets, see :class:`MarkTargets`.
    kind, column, on_error, engine, tell
        As for :func:`watermarking.datasets.marking.mark_dataset`.

    Returns
    -------
    Progress

    Raises
    ------
    WatermarkError
        If the target holds another run, another process is at work on it, or nothing is a target.
    FileFormatError, FileAccessError
        If the source cannot be read, or the target cannot be written.
    """
    place, goal = Path(source), Path(target)
    operator = MarkTargets(mark=mark, key=key, targets=targets, peak=peak, on_error=on_error)
    store = open_store(place, kind, **({} if column is None else {"column": column}))
    plan = Plan(store=store, source=place, target=goal, operator=operator, shards=store.shards())
    _check_targets(plan, operator)
    check_place(place, goal)
    for progress in carry_out(plan, engine or Local()):
        if tell is not None:
            tell(progress)
    if progress.is_whole and not progress.counts["marked"] and not progress.counts["failed"]:
        raise WatermarkError(f"no picture among the {progress.n_samples:,} samples is a target by {targets!r}")
    return progress


def _check_targets(plan: Plan, operator: MarkTargets) -> None:
    """Refuse a pattern that no sample's name fits, before anything is copied.

    Where the names lie in the shards these are read, until the first target.
    """
    first = ""
    for shard in plan.shards:
        names = map(shown_name, shard.members) if shard.members else (one.name for one in plan.store.read(shard))
        for name in names:
            if operator.is_target(name):
                return
            first = first or name
    raise WatermarkError(
        f"none of the {plan.n_samples:,} samples is a target by {operator.targets!r}, the first is {first!r}: nothing "
        "is copied"
    )
