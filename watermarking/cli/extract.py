"""``watermarking extract``: read the message of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.lines import can_print, say, shown, write
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import json_option, keys_option, logging_options, scheme_option
from watermarking.cli.output import print_record, reading_record, verdict_line
from watermarking.cli.pictures import announce_compilation, each_picture, load, prefix

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
    if it is no text, the verdict to standard error; so do the digits of a text that the terminal cannot show.
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
                _print_message(record, prefix(file, sources))
            marked = reading.detection.is_present()
            absent = "marked with this key, but the message is lost" if marked else "no message found"
            say(verdict_line(record, absent), err=True)
        return DONE if record["found"] else NOT_FOUND

    return each_picture(sources, read)


def _print_message(record: dict[str, Any], before: str) -> None:
    """Print a message; offer its digits where the terminal lacks characters of it."""
    text = record["message"] or record["message_hex"]
    write(shown(before) + text)
    if not can_print(text):
        line = f"{record['file']}: not all of the message can be shown here, as hexadecimal digits it is"
        say(f"{line} {record['message_hex']}", err=True)
