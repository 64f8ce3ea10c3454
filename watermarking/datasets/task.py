"""One shard of a run: read, marked, written, recorded. Every engine carries out the same tasks."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from watermarking.datasets.manifest import Manifest, Record
from watermarking.datasets.sample import Placed, sha256_of
from watermarking.errors import FileAccessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watermarking.datasets.operator import Operator
    from watermarking.datasets.sample import Sample, Shard
    from watermarking.datasets.stores.store import Store
    from watermarking.datasets.wording import Recipient

__all__ = ["UNHURT", "Begun", "SampleReading", "ShardTask", "Tally", "Task", "last_begun", "noted", "tally"]

_BEGUN: Final = "begun "


@dataclass(frozen=True, slots=True)
class SampleReading:
    """What was read from a sample.

    Attributes
    ----------
    sample, shard : str
    message : bytes, or None where none was found
    p_value : float, chance of finding as much where there is no mark; 1 where nothing was read
    problem : str, what is not as the manifest says; None where it is, or where there is no manifest
    """

    sample: str
    shard: str
    message: bytes | None = None
    p_value: float = 1.0
    problem: str | None = None


@dataclass(frozen=True)
class Tally:
    """What came of a task.

    Attributes
    ----------
    number : int, which task it was
    counts : of samples by status, and ``"failed"`` for those with a reason
    failure : str, why the shard is not done; None where it is
    stopped : bool, nothing more is to be begun
    reasons : the first samples that could not be marked, each with its reason
    readings : what was read, of tasks that read
    seconds : float, that the task took, wherever it was carried out
    """

    number: int
    counts: dict[str, int]
    failure: str | None = None
    stopped: bool = False
    reasons: tuple[tuple[str, str], ...] = ()
    readings: tuple[SampleReading, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Begun:
    """How a task goes about it after processes died at it.

    Attributes
    ----------
    careful : bool, note every sample before it is marked, so that the one at which a process dies is known
    culprits : names of samples at which processes died twice
    """

    careful: bool = False
    culprits: frozenset[str] = frozenset()


UNHURT: Final = Begun()
_SHOWN: Final = 5


class Task(Protocol):
    """What an engine carries out: a shard to be marked, or read; a dataclass that can be pickled."""

    @property
    def number(self) -> int:
        """Which one it is."""
        ...

    @property
    def name(self) -> str:
        """Name for people."""
        ...

    @property
    def book(self) -> Path:
        """Folder of the manifest."""
        ...

    def carry_out(self, operator: Any) -> Tally:
        """Do it."""
        ...


@dataclass(frozen=True)
class ShardTask:
    """A shard to be marked, for one recipient if there are any; it can be pickled.

    Attributes
    ----------
    target : Path, where the shard is written
    book : Path, folder of the manifest
    """

    number: int
    store: Store
    shard: Shard
    target: Path
    book: Path
    recipient: Recipient | None = None
    begun: Begun = UNHURT

    @property
    def name(self) -> str:
        """Name of the shard, with that of the recipient before it."""
        return f"{self.recipient.name}/{self.shard.name}" if self.recipient else self.shard.name

    def carry_out(self, operator: Operator) -> Tally:
        """Mark the shard, write it, and note that it is done.

        Of a folder's shard, the files that an earlier run wrote and noted are left as they are. All else is written
        anew, to the same bytes: marking depends on nothing but the source.

        Raises
        ------
        StoppedError
            If a sample cannot be marked, and that is to end the run.
        FileAccessError, FileFormatError
            If the shard cannot be read or written.
        """
        manifest = Manifest(self.book)
        lines = manifest.lines(self.number)
        records: list[Record] = []
        places, before = itertools.count(), noted(lines)
        try:
            lines.unlink(missing_ok=True)  # an orphan of a killed run writes to what is no file any more
            with lines.open("w", encoding="utf-8") as stream:
                stream.writelines(record.to_json() + "\n" for record in before.values())

                def wrote() -> None:
                    record = records[next(places)]
                    if record.sample not in before:
                        stream.write(record.to_json() + "\n")
                        stream.flush()

                placed = self._placed(operator, records, stream, before)
                self.store.write(self.target, self.shard, placed, wrote)
        except OSError as error:
            if error.errno is None:  # one of ours, which says what is wrong
                raise
            raise FileAccessError(f"shard {self.name}: {error.strerror}: {error.filename or self.target}") from error
        if len(records) != self.shard.n_samples:
            raise FileAccessError(
                f"shard {self.name} gave {len(records)} samples, not the {self.shard.n_samples} that were counted: it "
                "changed while it was read, start again"
            )
        manifest.write_part(self.number, records)
        lines.unlink(missing_ok=True)
        return tally(self.number, records)

    def _placed(
        self, operator: Operator, records: list[Record], stream: IO[str], before: dict[str, Record]
    ) -> Iterator[Placed]:
        for offset, sample in enumerate(self.store.read(self.shard)):
            known = before.get(sample.name)
            if known is not None and self._is_there(sample, known):
                records.append(known)
                yield Placed(sample, None)
                continue
            before.pop(sample.name, None)
            if self.begun.careful:
                stream.write(_BEGUN + sample.name.encode("unicode_escape").decode() + "\n")
                stream.flush()
            marked = operator(
                sample, shard=self.name, index=self.shard.first + offset, recipient=self.recipient,
                died=sample.name in self.begun.culprits,
            )  # fmt: skip
            records.append(marked.record)
            yield marked.placed

    def _is_there(self, sample: Sample, known: Record) -> bool:
        """Say whether an earlier run wrote a sample, and it is still what it wrote, of what it read."""
        if known.sha256_after is None or known.sha256_before != sha256_of(sample.content):
            return False
        found = self.store.written(self.target, sample)
        return found is not None and sha256_of(found) == known.sha256_after


def noted(lines: Path) -> dict[str, Record]:
    """Return the records that a run which was cut short noted of a shard, by their samples; a torn line is none."""
    found: dict[str, Record] = {}
    try:
        text = lines.read_text("utf-8", "replace")
    except OSError:
        return found
    for line in text.splitlines():
        with suppress(ValueError, TypeError):
            record = Record.from_json(line)
            found[record.sample] = record
    return found


def tally(number: int, records: list[Record]) -> Tally:
    """Count the records of a shard that is done."""
    counts = Counter[str](record.status for record in records)
    failed = [(record.sample, record.reason) for record in records if record.reason is not None]
    counts["failed"] = len(failed)
    return Tally(number, dict(counts), reasons=tuple(failed[:_SHOWN]))


def last_begun(lines: Path) -> str | None:
    """Return the sample at which a careful task's process died; None if there is none."""
    try:
        last = lines.read_text("utf-8").splitlines()[-1]
    except (OSError, IndexError):
        return None
    return last.removeprefix(_BEGUN).encode().decode("unicode_escape") if last.startswith(_BEGUN) else None
