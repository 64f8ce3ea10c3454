"""Marking many pictures: several at a time, going on after failures, a record of every file whatever became of it."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking.cli.lines import counted, say
from watermarking.cli.notices import DONE, detail, warn
from watermarking.cli.options import is_verbose
from watermarking.cli.output import embedding_line, failure_record, print_record, untouched_record
from watermarking.cli.pictures import tell_passed_over
from watermarking.cli.progress import clear, progress
from watermarking.cli.workers import outcomes

if TYPE_CHECKING:
    from watermarking.cli.planning import Plan
    from watermarking.cli.tasks import Outcome, Run

__all__ = ["embed_many", "tell_troubles"]

_WORDS: Final = {
    "marked": "marked",
    "already": "marked already",
    "skipped": "skipped since they exist already",
    "failed": "failed",
}


def embed_many(run: Run, plan: Plan, *, place: str, workers: int | None, as_json: bool) -> int:
    """Mark all pictures of a plan; return the exit status.

    Failures are reported as they come; the worst status of any file is that of all. What is passed over is counted by
    reason. Without ``workers`` there are as many as there are threads to use. ``place`` is what the last line is about.
    """
    from watermarking.threads import n_threads

    n_workers = workers or n_threads()
    at_once = max(1, min(n_workers, len(plan.tasks)))
    detail(f"{counted(len(plan.tasks), 'picture')} to mark, {len(plan.skipped)} there already, {at_once} at a time")
    if as_json:
        _tell_untouched(plan)
    counts = Counter(skipped=len(plan.skipped))
    worst = DONE
    with progress(len(plan.tasks)) as advance, closing(outcomes(run, plan.tasks, n_workers)) as found:
        for outcome in found:
            worst = max(worst, _tell(outcome, as_json))
            counts[_record(outcome)["status"]] += 1
            advance()
    parts = [f"{counts[kind]} {words}" for kind, words in _WORDS.items() if counts[kind] or kind == "marked"]
    say(f"{place}: {', '.join([*parts, *tell_passed_over(plan.passed_over)])}", err=as_json)
    return worst


def _tell(outcome: Outcome, as_json: bool) -> int:
    """Print what came of a picture: warnings and failures, with ``as_json`` a record; return its status."""
    status = tell_troubles(outcome)
    if outcome.record is not None and is_verbose(click.get_current_context()):
        clear()
        detail(embedding_line(outcome.record))
    if as_json:
        print_record(_record(outcome))
    return status


def tell_troubles(outcome: Outcome) -> int:
    """Print the steps that are asked for, the warnings and the failure on stderr; return the status."""
    if outcome.steps or outcome.warnings or outcome.failure:
        clear()
    for line in outcome.steps:
        detail(f"{outcome.task.source}: {line}")
    for line in outcome.warnings:
        warn(line, outcome.task.source)
    return DONE if outcome.failure is None else outcome.failure.tell(outcome.task.source)


def _record(outcome: Outcome) -> dict[str, Any]:
    if outcome.failure is not None:
        return failure_record(outcome.task.source, outcome.task.target, outcome.failure)
    assert outcome.record is not None
    return outcome.record


def _tell_untouched(plan: Plan) -> None:
    """Print the records of what is known before any work is done."""
    for one in plan.passed_over:
        print_record(untouched_record(str(one.path), None, "passed over", one.reason))
    for task in plan.skipped:
        print_record(untouched_record(task.source, task.target, "skipped", "exists already"))
