"""``watermarking ownership protect``: mark a model's answers, or the targets of a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.dataset.options import source_options, workers_option
from watermarking.cli.dataset.progress import shown_progress, tell_failures
from watermarking.cli.lines import say
from watermarking.cli.notices import BAD_INPUT, DONE, FAILED, detail
from watermarking.cli.options import json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.options import mark_of, mark_options, peak_option
from watermarking.cli.pictures import announce_compilation

if TYPE_CHECKING:
    from watermarking.datasets.run import Progress
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("protect")
@click.argument("source", metavar="IN", type=click.Path())
@click.option("-o", "--output", metavar="OUT", required=True, type=click.Path(), help="Folder for what is published.")
@mark_options
@key_option
@click.option("--targets", default="*", metavar="PATTERN", help="Which pictures are targets, as 'target/*'; else all.")
@peak_option
@click.option("--commitment", metavar="FILE", type=click.Path(), help="Write the commitment, to be published first.")
@source_options
@workers_option
@json_option
@logging_options
def command(
    source: str, output: str, name: str, mark_text: str, key: Key, targets: str, peak: int | None,
    commitment: str | None, kind: str | None, column: str | None, workers: int | None, as_json: bool,
) -> int:  # fmt: skip
    """Mark the pictures IN, answers of your model or targets of your data set, into OUT.

    Keep IN: it is what suspects are compared with. Publish the commitment before OUT: a hash that ties
    you to the key, so that nobody can say you chose it afterwards, and that tells nobody the key.
    """
    announce_compilation()
    from watermarking.datasets.engines.local import Local
    from watermarking.ownership.proof import subkey
    from watermarking.ownership.targets import protect_dataset

    mark, own = mark_of(mark_text), subkey(key, name)
    detail(f"mark {mark.id}, with the key of {name!r}, hash {own.commitment[:16]}...")
    if commitment is not None:
        _write_commitment(Path(commitment), name, mark, own)
    with shown_progress(as_json) as show:

        def tell(progress: Progress) -> None:
            show(progress)
            tell_failures(progress, as_json)

        done = protect_dataset(
            source, output, mark, key=own, targets=targets, peak=peak, kind=kind, column=column, engine=Local(workers),
            tell=tell,
        )  # fmt: skip
    for line in done.failures:
        say(f"watermarking: {line}", err=True)
    if as_json:
        print_record({"target": output, "whole": done.is_whole, "counts": dict(done.counts)})
    else:
        failed = f", {done.counts['failed']:,} of them could not be marked" if done.counts["failed"] else ""
        say(f"{output}: {done.counts['marked']:,} marked, {done.counts['copied']:,} copied{failed}")
    return FAILED if not done.is_whole else BAD_INPUT if done.counts["failed"] else DONE


def _write_commitment(path: Path, name: str, mark: Any, key: Key) -> None:
    from watermarking.datasets.writing import write_whole
    from watermarking.ownership.report import commitment

    text = json.dumps(commitment(name, mark, key), indent=1) + "\n"
    write_whole(path, lambda stream: stream.write(text.encode()))
