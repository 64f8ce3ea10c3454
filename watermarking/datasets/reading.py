"""Reading marked data sets back: verified against their manifest, or as a table of messages."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from watermarking.datasets.collusion import code_of
from watermarking.datasets.engines.engine import followed
from watermarking.datasets.manifest import BOOK, Manifest, shown_name
from watermarking.datasets.sample import sha256_of
from watermarking.datasets.stores.store import open_store
from watermarking.datasets.task import UNHURT, Begun, SampleReading, Tally
from watermarking.errors import FileFormatError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watermarking.codes.tracing.code import TardosCode
    from watermarking.datasets.engines.engine import Engine
    from watermarking.datasets.manifest import Record
    from watermarking.datasets.sample import Content, Sample, Shard
    from watermarking.datasets.stores.store import Store
    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key
    from watermarking.messages.reading import Reading

__all__ = ["ReadSamples", "ReadTask", "read_all", "verify"]

_UNKNOWN: Final = "the manifest does not know it"


@dataclass(frozen=True, kw_only=True)
class ReadSamples:
    """Reads samples; it can be pickled.

    Parameters
    ----------
    keys : of the marks
    schemes : that are tried
    search : int
        How many alignments are tried where a picture was moved; 0 where none was.
    code : TardosCode, optional
        Of the words that copies carry in place of messages: a sample is read for the one that its record says.
    """

    keys: tuple[Key, ...]
    schemes: tuple[Scheme, ...]
    search: int = 0
    code: TardosCode | None = None

    def __call__(self, content: Content, keys: Sequence[Key] | None = None, expected: bytes | None = None) -> Reading:
        """Read one picture; ``expected`` is what it is said to carry, which words alone need.

        Raises
        ------
        WatermarkError
            If it is none that can be read.
        """
        from watermarking.messages.reader import read
        from watermarking.pictures.arrays import to_array
        from watermarking.pictures.files import read_picture
        from watermarking.pictures.ranges import rescaled

        peak = None
        if isinstance(content, bytes):
            picture = read_picture(content)
            array, peak = picture.array, picture.peak
        else:
            array, _ = to_array(content)
        seen = rescaled(array, peak)
        if self.code is not None and expected is not None:
            return self._word(seen, expected)
        return read(self.schemes, seen, keys or self.keys, self.search)

    def _word(self, seen: Image, expected: bytes) -> Reading:
        from watermarking.messages.reading import Reading
        from watermarking.messages.words import SURE, CopyWord, plane_scheme
        from watermarking.pictures.plane import luma_plane

        assert self.code is not None
        word = CopyWord.of(self.code, expected.decode(), self.keys[0])
        reads = plane_scheme(self.schemes[0]).read(luma_plane(seen), key=self.keys[0])
        found, wrong = word.found_in(reads)
        there = found.is_present(SURE)
        message, rate, index = (expected, wrong, 0) if there else (None, None, None)
        return Reading(message, expected.decode() if there else None, found, rate, None, self.schemes[0].id, index)


@dataclass(frozen=True)
class ReadTask:
    """A shard to be read; it can be pickled.

    Attributes
    ----------
    book : Path, folder of a manifest, if there is one
    use : "compare", read against the manifest; "keys", take the samples' keys from it; "nothing"
    """

    number: int
    store: Store
    shard: Shard
    book: Path
    use: Literal["compare", "keys", "nothing"]
    recipient: str | None = None
    begun: Begun = UNHURT

    @property
    def name(self) -> str:
        """Name of the shard, with that of the recipient before it."""
        return f"{self.recipient}/{self.shard.name}" if self.recipient else self.shard.name

    def carry_out(self, reader: ReadSamples) -> Tally:
        """Read the shard; what cannot be read is part of the tally."""
        records = {} if self.use == "nothing" else self._records()
        every = itertools.chain.from_iterable(records.values())
        expected = {one.message for one in every} if self.use == "compare" else None
        found = []
        for number, sample in enumerate(self.store.read(self.shard)):
            known = records.get(str(number) if self.store.numbered else sample.name)
            record = known.popleft() if known else None
            if self.use == "compare":
                found.append(self._compared(reader, sample, record))
            elif sample.is_picture:
                found.append(self._read(reader, sample, record))
        if not self.store.exact:
            found = _pooled(found, expected)
        left = itertools.chain.from_iterable(records.values()) if self.use == "compare" else ()
        missing = [one for one in left if one.sha256_after is not None]
        found += [SampleReading(one.sample, self.name, problem="it is missing") for one in missing]
        return Tally(self.number, {}, readings=tuple(found))

    def _records(self) -> dict[str, deque[Record]]:
        """Return the records of the shard by the samples' names, which may be there several times, in their order."""
        manifest = Manifest(self.book)
        found: dict[str, deque[Record]] = {}
        if self.shard.members:  # of a folder, whose shards are cut anew
            names = [shown_name(name) for name in self.shard.members]
            records = manifest.look_up(names, recipient=self.recipient)
        else:
            records = manifest.look_up(shard=self.name) or self._of_any_copy(manifest)
        if self.store.numbered:  # which are other numbers where some are left out
            kept = (one for one in records if one.sha256_after is not None)
            return {str(number): deque([one]) for number, one in enumerate(kept)}
        for one in records:
            found.setdefault(one.sample, deque()).append(one)
        return found

    def _of_any_copy(self, manifest: Manifest) -> list[Record]:
        """Return the records of the shard in some recipient's copy: keys of samples are the same in all of them."""
        names = [one[0] for one in manifest.run()["recipients"]] if self.recipient is None else []
        return next((found for name in names if (found := manifest.look_up(shard=f"{name}/{self.name}"))), [])

    def _compared(self, reader: ReadSamples, sample: Sample, record: Record | None) -> SampleReading:
        if record is None:
            return SampleReading(sample.name, self.name, problem=_UNKNOWN)
        if record.sha256_after is None:
            return SampleReading(sample.name, self.name, problem="the manifest says that it was left out")
        changed = self.store.exact and sha256_of(sample.content) != record.sha256_after
        found = SampleReading(sample.name, self.name)
        if record.message is not None:
            found = self._read(reader, sample, record)
        if record.message is not None and found.message != record.message:
            what = "another message is read from it" if found.message is not None else "no message can be read from it"
            changed_too = ", and its content is not what was written" if changed else ""
            problem: str | None = found.problem or f"{what}{changed_too}"
        else:
            problem = "its content is not what was written" if changed else None
        return SampleReading(sample.name, self.name, found.message, found.p_value, problem)

    def _read(self, reader: ReadSamples, sample: Sample, record: Record | None) -> SampleReading:
        label = record.key_label if record else None
        keys = [key.derive(label) for key in reader.keys] if label else None
        try:
            reading = reader(sample.content, keys, record.message if record else None)
        except Exception as error:  # noqa: BLE001  # one picture does not end a run of days
            said = str(error) if isinstance(error, WatermarkError) else f"{type(error).__name__}: {error}"
            return SampleReading(sample.name, self.name, problem=shown_name(" ".join(said.split())))
        return SampleReading(sample.name, self.name, reading.message, float(reading.detection.p_value))


def _pooled(found: list[SampleReading], expected: set[bytes | None] | None) -> list[SampleReading]:
    """Judge the frames of a film together: what is read from one of them by its keyed check is the film's message.

    Frames that say nothing are what coding leaves of faint marks; frames that say something else are not as they should
    be, and neither is a film that says nothing of what is ``expected``, where that is known. The p-value of the film is
    that of its best frame, times the frames that were tried. (Their mean was tried as well and read no more: what a
    coder predicts from another frame brings that frame's mark along, moved.)
    """
    said = Counter(one.message for one in found if one.message is not None)
    if not said:
        return found
    usual, _ = said.most_common(1)[0]
    if expected is not None and usual not in expected:
        return found
    best = min(1.0, min(one.p_value for one in found if one.message == usual) * len(found))
    return [replace(one, message=usual, p_value=best, problem=None) if one.message is None else one for one in found]


def verify(target: Path, key: Key, engine: Engine) -> Iterator[Tally | None]:
    """Read every sample of a marked data set back against its manifest.

    Yields
    ------
    Tally
        Of each shard, its ``readings`` with what is not as it should be; at the end one for all that is missing.

    Raises
    ------
    FileFormatError
        If there is no manifest, or the run is not finished.
    KeyFileError
        If the key is not the one that the data set was marked with.
    """
    from watermarking.registry import get_scheme

    manifest = Manifest.find(target)
    run = manifest.run_of(key, target)
    copies = _whole_copies(manifest, run)
    if not copies:
        n_left = run["n_shards"] - len(manifest.done())
        raise FileFormatError(f"{target} is not finished, {n_left} shards are left: start 'dataset embed' again first")
    schemes = () if "purpose" in run else (get_scheme(run["scheme"]),)  # marks of other kinds: files are compared
    reader = ReadSamples(keys=(key,), schemes=schemes, code=code_of(run))
    tasks = _tasks_of(manifest.folder.parent, manifest, run, copies)
    seen: set[tuple[str | None, str]] = set()
    n_known = 0
    for tally in followed(engine, tasks, reader):
        if tally is not None:
            names = (one.sample if tasks[tally.number].shard.members else None for one in tally.readings)
            who = tasks[tally.number].recipient
            n_known += sum(one.problem != _UNKNOWN for one in tally.readings)
            seen.update((who, name if name is not None else tasks[tally.number].name) for name in names)
        yield tally
    if n_known < manifest.n_written():
        by_file = not any(one.shard.members for one in tasks)
        yield Tally(-1, {}, readings=tuple(_missing(manifest, seen, by_file=by_file)))


def _whole_copies(manifest: Manifest, run: dict[str, Any]) -> list[str | None]:
    """Return whose copies are finished; None stands for the one of a run without recipients."""
    names: list[str | None] = [one[0] for one in run["recipients"]] or [None]
    n = run["n_shards"] // len(names)
    done = Counter(number // n for number in manifest.done())
    begun = [(name, done[i]) for i, name in enumerate(names) if done[i]]
    return [name for name, _ in begun] if all(n_done == n for _, n_done in begun) else []


def _tasks_of(target: Path, manifest: Manifest, run: dict[str, Any], names: Sequence[str | None]) -> list[ReadTask]:
    tasks: list[ReadTask] = []
    for name in names:
        place = target / name if name else target
        entry = run["entry"]
        store = open_store(place / entry if entry else place, run["kind"], **run["options"])
        for shard in store.shards():
            tasks.append(ReadTask(len(tasks), store, shard, manifest.folder, "compare", name))
    return tasks


def _missing(manifest: Manifest, seen: set[tuple[str | None, str]], *, by_file: bool) -> Iterator[SampleReading]:
    """Yield what the manifest knows and nobody saw: samples of folders, whole files of other stores."""
    for record in manifest.records():
        name = record.shard if by_file else record.sample
        if record.sha256_after is not None and (record.recipient, name) not in seen:
            yield SampleReading(record.sample, record.shard, problem="it is missing")


def read_all(
    store: Store, reader: ReadSamples, engine: Engine, manifest: Manifest | None = None
) -> Iterator[Tally | None]:
    """Read the message of every picture of a data set.

    With the manifest of a data set whose samples have keys of their own, the keys are derived by the samples' names.
    """
    book = manifest.folder if manifest else Path(BOOK)
    use: Literal["keys", "nothing"] = "keys" if manifest else "nothing"
    tasks = [ReadTask(i, store, shard, book, use) for i, shard in enumerate(store.shards())]
    yield from followed(engine, tasks, reader)
