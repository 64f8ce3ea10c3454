"""``watermarking detect``: say whether a picture carries a message that is already known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.lines import say
from watermarking.cli.options import (
    json_option,
    key_names,
    keys_option,
    logging_options,
    message_options,
    read_message,
    scheme_option,
)
from watermarking.cli.output import canvas_line, detection_record, verdict_line
from watermarking.cli.pictures import announce_compilation, load
from watermarking.cli.reading import Readers, read_many, reader_options

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["Job", "command"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is looked for in every picture of one call, and with which schemes."""

    keys: tuple[Key, ...]
    names: tuple[str, ...]
    message: str | bytes
    schemes: tuple[str, ...]
    fpr: float

    def run(self, source: str, _target: str) -> dict[str, Any]:
        """Look at one picture; return the record of it."""
        from watermarking.codes.messages import to_bytes
        from watermarking.messages.any_scheme import sighted

        found = sighted(load(source).array, self.message, keys=self.keys, schemes=self.schemes)
        return detection_record(source, to_bytes(self.message), found, self.fpr, self.names)


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
@reader_options
@json_option
@logging_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    keys: list[Key],
    scheme: str | None,
    fpr: float,
    workers: int | None,
    found_only: bool,
    as_json: bool,
    **message: str | None,
) -> int:
    """Say whether a picture carries a known message.

    '-' is standard input; of a folder all pictures are looked at. This is surer than reading: it can find a message in
    a picture that was damaged too much for reading it.
    """
    content = read_message(**message)
    announce_compilation()
    from watermarking.messages.marker import CLASSICAL, Marker

    schemes = CLASSICAL if scheme is None else (Marker(scheme, key=keys).scheme.id,)
    job = Job(keys=tuple(keys), names=key_names(ctx), message=content, schemes=schemes, fpr=fpr)

    def show(record: dict[str, Any], _alone: bool) -> None:
        say(verdict_line(record, several_keys=len(keys) > 1))
        line = None if record["found"] else canvas_line(record)
        if line is not None:
            say(line, err=True)

    what = f"schemes {', '.join(schemes)}; keys {', '.join(job.names)}"
    how = Readers(run=job.run, show=show, workers=workers, as_json=as_json, found_only=found_only, what=what)
    return read_many(sources, how)
