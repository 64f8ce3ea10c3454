"""``watermarking capacity``: say how long a message a picture can carry."""

from __future__ import annotations

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import json_option, logging_options, scheme_option
from watermarking.cli.output import print_record
from watermarking.cli.pictures import each_picture, load, prefix

__all__ = ["command"]


@click.command("capacity")
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@scheme_option("without it, the one that measures best")
@json_option
@logging_options
def command(sources: tuple[str, ...], scheme: str | None, as_json: bool) -> int:
    """Print how long a message fits, in bytes."""
    from watermarking.keys import Key
    from watermarking.messages.marker import Marker

    marker = Marker(scheme, key=Key.generate())  # the room does not depend on the key

    def measure(file: str) -> int:
        shape = load(file).array.shape
        n_bytes = marker.capacity(shape)
        if as_json:
            size = {"height": shape[0], "width": shape[1]}
            print_record({"file": file, "scheme": marker.scheme.id, **size, "capacity": n_bytes})
        else:
            say(f"{prefix(file, sources)}{n_bytes}")
        return DONE

    return each_picture(sources, measure)
