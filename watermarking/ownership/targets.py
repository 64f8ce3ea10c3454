"""Protecting a data set: its targets are marked, so that whoever trains on it learns the mark."""

from __future__ import annotations

import dataclasses
import fnmatch
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watermarking.datasets.engines.local import Local
from watermarking.datasets.operator import Marked, Operator, as_placed
from watermarking.datasets.plan import Plan, check_place
from watermarking.datasets.run import carry_out
from watermarking.datasets.stores.store import open_store
from watermarking.errors import WatermarkError
from watermarking.metrics.psnr import psnr
from watermarking.ownership.marks import mark_config
from watermarking.ownership.protect import marked_answer
from watermarking.pictures.arrays import to_array
from watermarking.pictures.files import read_picture, write_picture

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
    """

    mark: OwnershipMark
    key: Key
    targets: str = "*"

    def check(self, pictures: Iterable[tuple[Shard, Sample]], recipients: Sequence[Recipient]) -> None:
        """Look at nothing: the first target may be the last picture, and each copy has a key of its own."""
        del pictures, recipients

    def description(self) -> dict[str, Any]:
        """Return what it is asked to do, as the manifest says it."""
        return {
            "purpose": PURPOSE, "scheme": mark_config(self.mark), "fidelity": None, "insist": False, "peak": None,
            "key_commitment": self.key.commitment, "keys_per_sample": False, "message": {"targets": self.targets},
            "on_error": self.on_error, "verify": False,
        }  # fmt: skip

    def _marked(self, sample: Sample, record: Record, recipient: Recipient | None) -> Marked:
        del recipient  # a copy for each has a mark, and so a key, of its own
        if not fnmatch.fnmatchcase(sample.name, self.targets):
            return as_placed(sample, sample.content, record)
        if isinstance(sample.content, bytes):
            content, level = self._of_file(sample.content)
        else:
            array, restore = to_array(sample.content)
            marked = marked_answer(array, self.mark, self.key)
            content, level = restore(marked), psnr(array, marked)
        record = dataclasses.replace(record, status="marked", psnr=None if level == float("inf") else float(level))
        return as_placed(sample, content, record)

    def _of_file(self, content: bytes) -> tuple[Any, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd files: what came of them the record says
            picture = read_picture(content)
            target = io.BytesIO()
            marked: Image = marked_answer(picture.array, self.mark, self.key)
            write_picture(marked, target, like=picture)
            written = read_picture(target.getvalue()).array
        return target.getvalue(), psnr(picture.array, written)


def protect_dataset(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    mark: OwnershipMark,
    *,
    key: Key,
    targets: str = "*",
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
    operator = MarkTargets(mark=mark, key=key, targets=targets, on_error=on_error)
    store = open_store(place, kind, **({} if column is None else {"column": column}))
    plan = Plan(store=store, source=place, target=goal, operator=operator, shards=store.shards())
    check_place(place, goal)
    for progress in carry_out(plan, engine or Local()):
        if tell is not None:
            tell(progress)
    if progress.is_whole and not progress.counts["marked"] and not progress.counts["failed"]:
        raise WatermarkError(
            f"none of the {progress.n_samples:,} samples is a target by {targets!r}: nothing is marked"
        )
    return progress
