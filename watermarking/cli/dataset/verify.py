"""``watermarking dataset verify``: read a marked data set back against its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from watermarking.cli.dataset.options import workers_option
from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, FAILED
from watermarking.cli.options import json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.pictures import announce_compilation

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("verify")
@click.argument("target", metavar="DATASET", type=click.Path())
@key_option
@workers_option
@json_option
@logging_options
def command(target: str, key: Key, workers: int | None, as_json: bool) -> int:
    """Read every sample of a marked data set back: nothing missing, nothing changed, every message there."""
    announce_compilation()
    from watermarking.datasets.engines.local import Local
    from watermarking.datasets.reading import verify

    n_read = n_wrong = 0
    for tally in verify(Path(target), key, Local(workers)):
        if tally is None:
            continue
        if tally.failure is not None:
            n_wrong += 1
            _tell(tally.failure.partition(":")[0], tally.failure, as_json)
        for reading in tally.readings:
            n_read += 1
            if reading.problem is not None:
                n_wrong += 1
                _tell(reading.sample, reading.problem, as_json)
    if as_json:
        print_record({"dataset": target, "samples": n_read, "wrong": n_wrong})
    else:
        verdict = f"{n_wrong:,} not as they should be" if n_wrong else "all well"
        say(f"{target}: {n_read:,} samples read back, {verdict}")
    return FAILED if n_wrong else DONE


def _tell(sample: str, problem: str, as_json: bool) -> None:
    if as_json:
        print_record({"sample": sample, "problem": problem})
    else:
        say(f"watermarking: {sample}: {problem}", err=True)
