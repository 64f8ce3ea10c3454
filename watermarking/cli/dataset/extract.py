"""``watermarking dataset extract``: a table of the messages in a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watermarking.cli.dataset.options import open_source, source_options, workers_option
from watermarking.cli.lines import say, shown, write
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import json_option, keys_option, logging_options, scheme_option
from watermarking.cli.output import print_record
from watermarking.cli.pictures import announce_compilation
from watermarking.codes.messages import as_text

if TYPE_CHECKING:
    from watermarking.datasets.stores.store import Store
    from watermarking.datasets.task import SampleReading
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("extract")
@click.argument("source", metavar="IN", type=click.Path())
@keys_option
@scheme_option("without it, every classical one is tried")
@click.option("--manifest", metavar="M", type=click.Path(), help="Data set that says each sample's own key.")
@click.option("--search", type=click.IntRange(0), default=3, show_default=True, help="Alignments tried a picture.")
@click.option("--record", "as_set", is_flag=True, help="Put together the one record that all pictures carry parts of.")
@source_options
@workers_option
@json_option
@logging_options
def command(
    source: str, keys: list[Key], scheme: str | None, manifest: str | None, search: int, kind: str | None,
    column: str | None, workers: int | None, as_set: bool, as_json: bool,
) -> int:  # fmt: skip
    """Read the message of every picture of a data set, whoever made it; a line each, tabs between name and message.

    With --record, what was embedded with --record is read from as many pictures as it takes, in any order.
    """
    announce_compilation()
    if as_set:
        return _tell_record(open_source(source, kind, column), source, keys, scheme, search, as_json)
    from watermarking.datasets.engines.local import Local
    from watermarking.datasets.manifest import Manifest
    from watermarking.datasets.reading import ReadSamples, read_all
    from watermarking.messages.arguments import CLASSICAL
    from watermarking.registry import get_scheme

    schemes = tuple(get_scheme(one) for one in ((scheme,) if scheme else CLASSICAL))
    reader = ReadSamples(keys=tuple(keys), schemes=schemes, search=search)
    known = Manifest.find(manifest) if manifest else None
    n_read = n_found = 0
    for tally in read_all(open_source(source, kind, column), reader, Local(workers), known):
        if tally is None:
            continue
        if tally.failure is not None:
            say(f"watermarking: {tally.failure}", err=True)
        for reading in tally.readings:
            n_read += 1
            n_found += reading.message is not None
            _tell(reading, as_json)
    say(f"{source}: a message in {n_found:,} of {n_read:,} pictures", err=True)
    return DONE if n_found else NOT_FOUND


def _tell_record(store: Store, source: str, keys: list[Key], scheme: str | None, search: int, as_json: bool) -> int:
    from watermarking.datasets.set_reading import read_as_they_lie, read_set_message
    from watermarking.datasets.suspects import Suspects, each_picture

    found = (read_as_they_lie(each_picture(store), key, scheme=scheme) for key in keys)
    best = next((one for one in found if one.record is not None), None)
    if best is None:  # all of it is looked at several times, and kept in memory as it is coded
        pictures = Suspects(store)
        for name, reason in pictures.refused:
            say(f"watermarking: {name}: {reason}", err=True)
        tried = [read_set_message(pictures, key, scheme=scheme, search=search) for key in keys]
        best = max(tried, key=lambda one: (one.record is not None, one.progress.known))
    record, (n_known, n_needed) = best.record, best.progress
    text = None if record is None else as_text(record)
    if as_json:
        print_record(
            {"found": record is not None, "record": text, "record_hex": None if record is None else record.hex(),
             "parts_known": n_known, "parts_needed": n_needed}
        )  # fmt: skip
    elif record is not None:
        write(record.hex() if text is None else shown(text))
    if record is None:
        what = f"{n_known} parts of a record are read, {n_needed} are needed" if n_needed else "no record was found"
        say(f"{source}: {what}", err=True)
    return DONE if record is not None else NOT_FOUND


def _tell(reading: SampleReading, as_json: bool) -> None:
    message = reading.message
    text = None if message is None else as_text(message)
    if as_json:
        print_record(
            {
                "sample": reading.sample, "shard": reading.shard, "found": message is not None, "message": text,
                "message_hex": None if message is None else message.hex(), "p_value": reading.p_value,
                "error": reading.problem,
            }
        )  # fmt: skip
    elif message is not None:
        write(f"{shown(reading.sample)}\t{message.hex() if text is None else shown(text)}")
    elif reading.problem is not None:
        say(f"watermarking: {reading.sample}: {reading.problem}", err=True)
