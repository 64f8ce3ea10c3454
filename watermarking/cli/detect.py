"""``watermarking detect``: say whether a picture carries a message that is already known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import (
    json_option,
    keys_option,
    logging_options,
    message_options,
    read_message,
    scheme_option,
)
from watermarking.cli.output import detection_record, print_record, verdict_line
from watermarking.cli.pictures import announce_compilation, each_picture, load

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("detect")
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@message_options
@keys_option
@scheme_option("without it, every classical one is tried")
@click.option(
    "--fpr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=1e-6,
    show_default=True,
    help="Highest acceptable chance of finding the message where it is not.",
)
@json_option
@logging_options
def command(
    sources: tuple[str, ...],
    keys: list[Key],
    scheme: str | None,
    fpr: float,
    as_json: bool,
    **message: str | None,
) -> int:
    """Say whether a picture carries a known message.

    '-' is standard input; of a folder all pictures are looked at. This is surer than reading: it can find a message in
    a picture that was damaged too much for reading it.
    """
    content = read_message(**message)
    announce_compilation()
    from watermarking.messages.marker import Marker, detect_any

    marker = None if scheme is None else Marker(scheme, key=keys)

    def look(file: str) -> int:
        array = load(file).array
        if marker is None:
            found_in, detection = detect_any(array, content, keys=keys)
        else:
            found_in, detection = marker.scheme.id, marker.detect(array, content)
        raw = content.encode() if isinstance(content, str) else content
        record = detection_record(file, raw, found_in, detection, fpr)
        if as_json:
            print_record(record)
        else:
            say(verdict_line(record))
        return DONE if record["found"] else NOT_FOUND

    return each_picture(sources, look)
