"""What a run will take, from a few samples."""

from __future__ import annotations

import itertools
import shutil
import time
from typing import TYPE_CHECKING, Any

from watermarking.datasets.operator import StoppedError
from watermarking.datasets.sample import Placed

if TYPE_CHECKING:
    from pathlib import Path

    from watermarking.datasets.plan import Plan
    from watermarking.datasets.sample import Content

__all__ = ["estimate"]


def estimate(plan: Plan, n: int, n_workers: int) -> dict[str, Any]:
    """Mark samples from shards all over a data set, write none, and say what all of it will take.

    Parameters
    ----------
    plan : Plan
    n : int
        How many samples.
    n_workers : int
        How many processes the run will have.

    Returns
    -------
    dict
        ``n_tried``, ``n_failed``, ``reasons``; ``seconds`` and ``bytes`` of the whole run; ``bytes_free`` there.
    """
    chosen = plan.shards[:: max(1, len(plan.shards) // n)][:n]
    each = -(-n // len(chosen))
    recipient = plan.recipients[0] if plan.recipients else None
    n_tried, n_read, n_written, reasons, seconds, first = 0, 0, 0, [], 0.0, 0.0
    for shard in chosen:
        for offset, sample in enumerate(itertools.islice(plan.store.read(shard), min(each, n - n_tried))):
            began = time.perf_counter()
            try:
                marked = plan.operator(sample, shard=shard.name, index=shard.first + offset, recipient=recipient)
                placed, reason = marked.placed, marked.record.reason
            except StoppedError as error:
                placed, reason = Placed(sample, None), str(error)
            took = time.perf_counter() - began
            if n_tried:
                seconds += took
            else:  # it loads and compiles, which each process of the run does once
                first = took
            n_tried += 1
            n_read += _length(sample.content)
            n_written += 0 if placed.content is None else _length(placed.content)
            if reason is not None:
                reasons.append((sample.name, reason))
    usual = seconds / max(1, n_tried - 1)
    return {
        "n_tried": n_tried,
        "n_failed": len(reasons),
        "reasons": reasons,
        "seconds": usual * plan.n_samples / n_workers + max(0.0, first - usual),
        "bytes": round(n_written / max(1, n_read) * plan.n_bytes),
        "bytes_free": shutil.disk_usage(_existing(plan.target)).free,
    }


def _length(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.nbytes


def _existing(path: Path) -> Path:
    return next(one for one in (path.resolve(), *path.resolve().parents) if one.exists())
