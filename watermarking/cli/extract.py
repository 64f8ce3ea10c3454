"""``watermarking extract``: read the message of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watermarking.cli.options import json_option, keys_option, logging_options, scheme_option
from watermarking.cli.output import print_record, reading_record, verdict_line
from watermarking.cli.pictures import announce_compilation, each_picture, load, prefix
from watermarking.cli.program import DONE, NOT_FOUND

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("extract")
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@keys_option
@scheme_option("without it, every classical one is tried")
@json_option
@logging_options
def command(sources: tuple[str, ...], keys: list[Key], scheme: str | None, as_json: bool) -> int:
    """Read the message of a picture.

    '-' is standard input; of a folder all pictures are read. The message goes to standard output, as hexadecimal digits
    if it is no text, the verdict to standard error.
    """
    announce_compilation()
    from watermarking.messages.marker import Marker, extract_any

    marker = None if scheme is None else Marker(scheme, key=keys)

    def read(file: str) -> int:
        array = load(file).array
        reading = extract_any(array, keys=keys) if marker is None else marker.extract(array)
        record = reading_record(file, reading)
        if as_json:
            print_record(record)
        else:
            if record["found"]:
                click.echo(prefix(file, sources) + (record["message"] or record["message_hex"]))
            marked = reading.detection.is_present()
            absent = "marked with this key, but the message is lost" if marked else "no message found"
            click.echo(verdict_line(record, absent), err=True)
        return DONE if record["found"] else NOT_FOUND

    return each_picture(sources, read)
