"""Marking a data set: planned, locked, gone on with, counted."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watermarking.datasets.engines.engine import followed
from watermarking.datasets.lock import locked
from watermarking.datasets.statistics import statistics
from watermarking.datasets.writing import remove_parts, write_whole
from watermarking.extras import needed
from watermarking.steps import LOG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watermarking.datasets.engines.engine import Engine
    from watermarking.datasets.manifest import Manifest
    from watermarking.datasets.plan import Plan

__all__ = ["Progress", "Seen", "carry_out"]


@dataclass
class Progress:
    """How far a run is.

    Attributes
    ----------
    n_samples, n_shards : int, of the whole run, or of the copies that are wanted now
    counts : of samples of finished shards by status, of this run and those before it
    n_before : int, samples that were done before this run
    at_hand : int, samples of unfinished shards that are done
    failures : why shards are not done
    reasons : samples that could not be marked, the first of each shard, with reasons
    stopped : bool
    """

    n_samples: int
    n_shards: int
    counts: Counter[str] = field(default_factory=Counter)
    n_before: int = 0
    n_shards_done: int = 0
    at_hand: int = 0
    failures: list[str] = field(default_factory=list)
    reasons: list[tuple[str, str]] = field(default_factory=list)
    stopped: bool = False

    @property
    def n_done(self) -> int:
        """Samples that are done."""
        return sum(n for status, n in self.counts.items() if status != "failed") + self.at_hand

    @property
    def is_whole(self) -> bool:
        """Whether every shard is done."""
        return self.n_shards_done == self.n_shards


def carry_out(plan: Plan, engine: Engine) -> Iterator[Progress]:
    """Carry out a plan, going on where an earlier run of it was; yield how far it is, now and then and at the end.

    Parameters
    ----------
    plan : Plan
        Its target has been checked by :func:`~watermarking.datasets.plan.check_place`.
    engine : Engine

    Raises
    ------
    MissingExtraError
        If the extra ``datasets`` is not installed.
    WatermarkError
        If the target holds another run, or another process is at work on it.
    FileAccessError
        If the system fails to write.
    """
    manifest = plan.manifest
    needed("pyarrow", "datasets")  # before hours of work that could not be noted
    with locked(manifest.folder):
        plan.check()  # here, where no other run can begin between the look and what follows
        if plan.begin():
            remove_parts(plan.target)
        tasks = plan.wanted_tasks()
        done = manifest.done() & {task.number for task in tasks}
        progress = Progress(plan.n_samples, len(tasks))
        progress.counts.update(statistics(manifest, plan.only)["counts"] if done else {})
        progress.n_before, progress.n_shards_done = progress.n_done, len(done)
        yield progress
        LOG.info("%s, %d samples in %d shards, %d done before", plan.store.kind, plan.n_samples, len(tasks), len(done))
        todo = [task for task in tasks if task.number not in done]
        try:
            yield from _work(plan, engine, todo, progress)
        finally:
            if todo:
                remove_parts(plan.target)
        _finish(plan, manifest, progress)
    yield progress


def _work(plan: Plan, engine: Engine, todo: list[Any], progress: Progress) -> Iterator[Progress]:
    if not todo:
        return
    seen = Seen(plan.manifest.running)
    with closing(followed(engine, todo, plan.operator)) as found:  # type: ignore[type-var]  # generators can be closed
        for tally in found:
            if tally is not None:
                progress.counts.update(tally.counts)
                progress.reasons = list(tally.reasons)
                if tally.failure is None:
                    progress.n_shards_done += 1
                else:
                    progress.failures.append(tally.failure)
                progress.stopped |= tally.stopped
            progress.at_hand = seen.count()
            yield progress
            progress.reasons = []
            if progress.stopped:
                return


def _finish(plan: Plan, manifest: Manifest, progress: Progress) -> None:
    progress.at_hand = 0
    found = statistics(manifest)
    text = json.dumps(found, indent=1)
    write_whole(manifest.folder / "_stats.json", lambda stream: stream.write(text.encode()))
    if not progress.is_whole:
        return
    from watermarking.datasets.card import write_card

    tag = json.dumps([plan.description()["key_commitment"], plan.description()["shards"]])
    for target in {task.target for task in plan.wanted_tasks()}:
        plan.store.finish(target, tag)
    write_card(manifest, found)


class Seen:
    """Counts the samples of shards at hand by the lines that were written about them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[Path, tuple[int, int]] = {}

    def count(self) -> int:
        """Return how many samples of unfinished shards are done; reads only what is new."""
        found: dict[Path, tuple[int, int]] = {}
        for path in self._folder.glob("*.jsonl"):
            at, n = self._counts.get(path, (0, 0))
            try:
                with path.open("rb") as stream:
                    if stream.seek(0, 2) < at:
                        at, n = 0, 0
                    stream.seek(at)
                    new = stream.read()
            except OSError:  # it is done meanwhile
                continue
            found[path] = (at + len(new), n + new.count(b"\n{") + new.startswith(b"{"))
        self._counts = found
        return sum(n for _, n in found.values())
