"""What a run is: what was asked for, the shards, and whether a target belongs to it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from watermarking import __version__
from watermarking.datasets.manifest import BOOK, FORMAT, Manifest
from watermarking.datasets.stores.names import check_letter_case
from watermarking.datasets.task import ShardTask
from watermarking.datasets.writing import write_whole
from watermarking.errors import FileAccessError, FileFormatError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from watermarking.datasets.operator import Operator
    from watermarking.datasets.sample import Sample, Shard
    from watermarking.datasets.stores.store import Store
    from watermarking.datasets.wording import Recipient

__all__ = ["Plan", "check_place"]

_WORDS: Final = {
    "scheme": "scheme",
    "fidelity": "fidelity",
    "insist": "insist",
    "peak": "peak",
    "key_commitment": "key",
    "keys_per_sample": "keys per sample",
    "message": "message",
    "recipients": "recipients",
    "collusion": "code against colluders",
    "on_error": "what to do on errors",
    "verify": "reading back",
    "kind": "kind of data set",
    "options": "options of the source",
    "shards": "content of the source",
}
"""What makes two runs the same one, and the words for it; where the source lies does not matter."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run over a data set.

    Parameters
    ----------
    store : Store
    source, target : Path
    operator : Operator
    recipients : of copies, one each; none if there is one copy for all
    shards : the shards of the source
    only : names of recipients
        Whose copies are written now; the others' can be later, by a run with the same recipients. Empty for all.
    """

    store: Store
    source: Path
    target: Path
    operator: Operator
    recipients: Sequence[Recipient] = ()
    shards: Sequence[Shard] = field(repr=False)
    only: Sequence[str] = ()

    def __post_init__(self) -> None:
        known = {one.name for one in self.recipients}
        if unknown := [name for name in self.only if name not in known]:
            raise WatermarkError(f"{unknown[0]!r} is none of the {len(known)} recipients: name one of them")
        if self.operator.on_error == "skip" and not self.store.leaves_out:
            raise WatermarkError(
                f"no sample of {self.store.kind} can be left out, the others would move: use --on-error copy or stop"
            )

    @property
    def manifest(self) -> Manifest:
        """The manifest in the target."""
        return Manifest(self.target / BOOK)

    @property
    def n_samples(self) -> int:
        """How many samples are written now, over all recipients."""
        return sum(shard.n_samples for shard in self.shards) * self._n_copies

    @property
    def n_bytes(self) -> int:
        """How much is read now, over all recipients."""
        return sum(shard.n_bytes for shard in self.shards) * self._n_copies

    @property
    def _n_copies(self) -> int:
        return len(self.only) or max(1, len(self.recipients))

    def tasks(self) -> list[ShardTask]:
        """Return what there is to do, a task a shard and recipient, the same ones each time."""
        book = self.target / BOOK
        if not self.recipients:
            return [ShardTask(i, self.store, shard, self.target, book) for i, shard in enumerate(self.shards)]
        pairs = [(one, shard) for one in self.recipients for shard in self.shards]
        return [
            ShardTask(i, self.store, shard, self.target / one.name, book, one) for i, (one, shard) in enumerate(pairs)
        ]

    def wanted_tasks(self) -> list[ShardTask]:
        """Return those of the tasks that are to be done now."""
        return [one for one in self.tasks() if not self.only or (one.recipient and one.recipient.name in self.only)]

    def description(self) -> dict[str, Any]:
        """Return what is asked for, as the manifest says it; the key is there by its commitment alone."""
        return {
            "format": FORMAT,
            "watermarking": __version__,
            **self.operator.description(),
            "recipients": [[one.name, one.message.hex() if one.message else None] for one in self.recipients],
            "source": str(self.source.resolve()).encode("utf-8", "backslashreplace").decode(),
            "target": str(self.target.resolve()).encode("utf-8", "backslashreplace").decode(),
            "entry": self.source.name if self.source.is_file() else None,
            "kind": self.store.kind,
            "options": self.store.options(),
            "n_shards": len(self.tasks()),
            "n_samples": sum(shard.n_samples for shard in self.shards) * max(1, len(self.recipients)),
            "n_bytes": sum(shard.n_bytes for shard in self.shards) * max(1, len(self.recipients)),
            "shards": _digest(self.shards),
        }

    def check(self) -> None:
        """See to it that a run can do what is asked for, before anything is written.

        Raises
        ------
        WatermarkError
            If the target holds another run (the message says in what it differs), recipients could not be told apart,
            or the first pictures all lack what their message is to be made of.
        """
        if (self.manifest.folder / "run.json").exists():
            self._compare(Manifest.find(self.target).run())
        self.operator.check(self._pictures(), self.recipients)

    def _pictures(self) -> Iterator[tuple[Shard, Sample]]:
        for shard in self.shards:
            for sample in self.store.read(shard):
                if sample.is_picture and sample.flaw is None:
                    yield shard, sample

    def begin(self) -> bool:
        """Get the target ready; return whether a run that is there already goes on.

        The lock must be held, and :meth:`check` have been called since it is.

        Raises
        ------
        FileFormatError
            If names differ in their case alone where the target's file system knows no case.
        """
        manifest = self.manifest
        check_letter_case((name for shard in self.shards for name in shard.members or (shard.name,)), self.target)
        goes_on = (manifest.folder / "run.json").exists()
        for folder in (manifest.parts, manifest.running):
            folder.mkdir(exist_ok=True)
        if not goes_on:
            text = json.dumps(self.description(), indent=1)
            write_whole(manifest.folder / "run.json", lambda stream: stream.write(text.encode()))
        return goes_on

    def _compare(self, before: dict[str, Any]) -> None:
        now = json.loads(json.dumps(self.description()))
        differs = [
            f"{words} ({_short(before.get(name))} there, {_short(now.get(name))} now)"
            for name, words in _WORDS.items()
            if before.get(name) != now.get(name)
        ]
        if differs:
            raise WatermarkError(
                f"{self.target} holds another run, with another {', another '.join(differs)}: name an empty target, or "
                "ask for the same again"
            )


def check_place(source: Path, target: Path, *, make: bool = True) -> None:
    """Refuse a target that is, holds, or lies in the source, or that holds something else; make its folder if told.

    Raises
    ------
    FileFormatError, FileAccessError
    """
    one, other = source.resolve(), target.resolve()
    if one == other or (target.exists() and source.samefile(target)):
        raise FileFormatError(f"{target} is the source: a data set is not marked in place, name another target")
    if other.is_relative_to(one) or one.is_relative_to(other):
        inside = f"{target} lies inside" if other.is_relative_to(one) else f"{target} holds"
        raise FileFormatError(f"{inside} the source {source}: name a target beside it")
    try:
        if target.exists() and not target.is_dir():
            raise FileFormatError(f"{target} is a file: name a folder, the marked data set is put there")
        if target.is_dir() and not (target / BOOK).is_dir() and any(target.iterdir()):
            raise FileFormatError(f"{target} holds files that no run of this wrote: name a new or empty folder")
        if make:
            (target / BOOK).mkdir(parents=True, exist_ok=True)
    except FileFormatError:
        raise
    except OSError as error:
        raise FileAccessError(f"cannot write to {target}: {error.strerror or error}") from error


def _digest(shards: Sequence[Shard]) -> str:
    state = hashlib.sha256()
    for shard in shards:
        line = f"{shard.name}\0{shard.first}\0{shard.n_samples}\0{shard.digest}\n"
        state.update(line.encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
