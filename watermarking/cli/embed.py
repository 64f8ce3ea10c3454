"""``watermarking embed``: put a message into a picture, or into every picture of a folder."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.batch import embed_folder
from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, heard_by, warn
from watermarking.cli.options import (
    force_option,
    json_option,
    key_option,
    logging_options,
    message_options,
    read_message,
    scheme_option,
)
from watermarking.cli.output import embedding_line, embedding_record, print_record
from watermarking.cli.pictures import STANDARD, announce_compilation, check_target, staged

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.messages.marker import Marker

__all__ = ["Job", "command", "fidelity_number"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is done to every picture of one call."""

    marker: Marker
    message: str | bytes
    verify: bool
    in_place: bool
    quality: int | None
    again: bool

    def run(self, source: str, target: str) -> dict[str, Any]:
        """Mark one picture; return the record of it."""
        with staged(source, target) as (read_from, write_to):
            receipt = self.marker.embed_file(
                read_from, write_to, self.message, verify=self.verify, in_place=self.in_place, quality=self.quality,
                again=self.again,
            )  # fmt: skip
        return embedding_record(source, target, receipt)


@click.command("embed")
@click.argument("source", metavar="IN", type=click.Path(allow_dash=True))
@click.option("-o", "--output", metavar="OUT", type=click.Path(allow_dash=True), help="Marked picture or folder.")
@message_options
@key_option
@scheme_option("without it, the one that measures best")
@click.option(
    "--fidelity",
    metavar="SCORE",
    help="How little the mark shows: discreet (90), normal (88; pages 86, large pictures 84), strong (80) or another "
    "SSIMULACRA2 score.  [default: normal]",
)
@click.option("--psnr", type=float, metavar="DB", help="Strength in dB instead; more is fainter.")
@click.option("--insist", is_flag=True, help="Let the mark show more, down to 70, where the message needs it.")
@click.option(
    "--peak",
    type=click.IntRange(255, 65535),
    help="What 16-bit samples stand for at most, 4095 for 12 bits; without it, what IN says or uses.",
)
@click.option("--quality", type=click.IntRange(1, 100), help="Of a JPEG, WebP or AVIF; without it, that of IN.")
@click.option("--reversible", is_flag=True, help="Write what takes the mark back into the picture, too: see restore.")
@click.option("--no-verify", is_flag=True, help="Do not read the written picture back.")
@click.option("--in-place", is_flag=True, help="Write the marked picture over IN.")
@click.option("--again", is_flag=True, help="Mark pictures that are marked with this key already once more.")
@force_option
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Pictures of a folder at a time; without it, one a core, or WATERMARKING_THREADS.",
)
@json_option
@logging_options
def command(
    source: str,
    output: str | None,
    key: Key,
    scheme: str | None,
    fidelity: str | None,
    psnr: float | None,
    insist: bool,
    reversible: bool,
    peak: int | None,
    quality: int | None,
    no_verify: bool,
    in_place: bool,
    again: bool,
    force: bool,
    workers: int | None,
    as_json: bool,
    **message: str | None,
) -> int:
    """Put a message into a picture, or into those of a folder.

    '-' is standard input or output. If IN is a folder, the pictures in it and below are written to the folder OUT under
    the same names; those that OUT has already are skipped, so that a run that was cut short can be taken up again.

    A picture that carries the message already is not marked twice: with --in-place it stays as it is, elsewhere it is
    copied. One that carries another message of this key and scheme is refused, unless --again is given.
    """
    target = _target(source, output, in_place, force, as_json)
    content = read_message(**message)
    announce_compilation()
    from watermarking.messages.marker import Marker

    marker = Marker(
        scheme, key=key, fidelity=fidelity_number(fidelity), psnr=psnr, insist=insist, peak=peak, restorable=reversible
    )
    job = Job(marker=marker, message=content, verify=not no_verify, in_place=in_place, quality=quality, again=again)
    if source != STANDARD and Path(source).is_dir():
        return embed_folder(job.run, Path(source), Path(target), workers=workers, force=force, as_json=as_json)
    with heard_by(functools.partial(warn, file=source)):
        record = job.run(source, target)
    if as_json:
        print_record(record)
    else:
        say(embedding_line(record), err=target == STANDARD)
    return DONE


def fidelity_number(text: str | None) -> float | str | None:
    """Return the number that was typed, if it is one."""
    try:
        return text if text is None else float(text)
    except ValueError:
        return text


def _target(source: str, output: str | None, in_place: bool, force: bool, as_json: bool) -> str:
    """Return where to write, or say why not there."""
    if (output is None) != in_place:
        raise click.UsageError("Say where to write: one of -o OUT and --in-place.")
    target = source if output is None else output
    if target == STANDARD and (as_json or (source != STANDARD and Path(source).is_dir())):
        raise click.UsageError("Standard output takes one picture, and no JSON: name a file with -o.")
    check_target(target, force or target == source)
    return target
