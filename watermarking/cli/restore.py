"""``watermarking restore``: take a reversible mark off a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import force_option, keys_option, logging_options
from watermarking.cli.pictures import STANDARD, announce_compilation, check_target, staged

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("restore")
@click.argument("source", metavar="IN", type=click.Path(allow_dash=True))
@click.option(
    "-o", "--output", metavar="OUT", required=True, type=click.Path(allow_dash=True), help="The picture as it was."
)
@keys_option
@force_option
@logging_options
def command(source: str, output: str, keys: list[Key], force: bool) -> int:
    """Give back the picture that was marked with --reversible or --scheme reversible, bit for bit.

    '-' is standard input or output. A picture that was changed since, or marked with another key, is refused: nothing
    is ever restored by halves. OUT must be a PNG, a TIFF or another format that keeps samples as they are.
    """
    check_target(output, force)
    announce_compilation()
    from watermarking.errors import RestorationError
    from watermarking.messages.marker import Marker

    with staged(source, output) as (read_from, write_to):
        try:
            Marker("reversible", key=keys).restore_file(read_from, write_to, overwrite=force)
        except RestorationError:
            Marker(key=keys).restore_file(read_from, write_to, overwrite=force)
    say(f"{source}: restored bit for bit to {output}", err=output == STANDARD)
    return DONE
