"""``watermarking embed``: put a message into pictures, or into every picture of a folder."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.batch import embed_many
from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, Failure, detail, heard_by, warn
from watermarking.cli.options import (
    fidelity_number,
    force_option,
    json_option,
    key_names,
    key_option,
    logging_options,
    message_options,
    read_message,
    scheme_option,
    strength_options,
)
from watermarking.cli.output import embedding_line, embedding_record, failure_record, print_record, strength_line
from watermarking.cli.pictures import STANDARD, announce_compilation, check_target, named, staged
from watermarking.cli.planning import is_many, plan_pictures

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.messages.marker import Marker, Receipt

__all__ = ["Job", "command"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is done to every picture of one call."""

    marker: Marker
    message: str | bytes
    verify: bool
    in_place: bool
    quality: int | None
    again: bool
    overwrite: bool = False

    def run(self, source: str, target: str) -> dict[str, Any]:
        """Mark one picture; return the record of it."""
        with staged(source, target) as (read_from, write_to):
            receipt = self.marker.embed_file(
                read_from, write_to, self.message, verify=self.verify, in_place=self.in_place, quality=self.quality,
                again=self.again, overwrite=self.overwrite,
            )  # fmt: skip
            _warn_if_thin(receipt)
        return embedding_record(source, target, receipt)


@click.command("embed")
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option(
    "-o", "--output", metavar="OUT", type=click.Path(allow_dash=True), help="Marked picture, or the folder for several."
)
@message_options
@key_option
@scheme_option("without it, the one that measures best")
@strength_options
@click.option("--insist", is_flag=True, help="Let the mark show more, down to 70, where the message needs it.")
@click.option(
    "--peak",
    type=click.IntRange(255, 65535),
    help="What 16-bit samples stand for at most, 4095 for 12 bits; without it, what IN says or uses.",
)
@click.option("--quality", type=click.IntRange(1, 100), help="Of a JPEG, WebP or AVIF; without it, that of IN.")
@click.option("--reversible", is_flag=True, help="Write what takes the mark back into the picture, too: see restore.")
@click.option("--no-verify", is_flag=True, help="Do not read the written picture back.")
@click.option("--in-place", is_flag=True, help="Write marked pictures over IN.")
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
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
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
    """Put a message into a picture, into several, or into those of folders.

    '-' is standard input or output. Of several pictures, and of folders, OUT is a folder: the pictures in a folder and
    below keep their places, single ones their names. Those that OUT has already are skipped, so that a run that was cut
    short can be taken up again; if they were marked with another message, key, scheme or strength, nothing is done and
    the difference is named. A small hidden file in OUT says what its pictures were marked with.

    A picture that carries the message already is not marked twice: with --in-place it stays as it is, elsewhere it is
    copied. One that carries another message of this key and scheme is refused, unless --again is given.

    --json prints a record a file, whatever became of it: its status is marked, already, skipped, failed or passed over.
    """
    many = _is_many(sources, output, in_place, as_json)
    content = read_message(**message)
    announce_compilation()
    from watermarking.codes.messages import to_bytes
    from watermarking.messages.marker import Marker

    marker = Marker(
        scheme, key=key, fidelity=fidelity_number(fidelity), psnr=psnr, insist=insist, peak=peak, restorable=reversible
    )
    job = Job(
        marker=marker, message=content, verify=not no_verify, in_place=in_place, quality=quality, again=again,
        overwrite=force,
    )  # fmt: skip
    detail(f"{strength_line(marker)}, {len(to_bytes(content))} bytes of message, key {key_names(ctx)[0]}")
    if many:
        return _embed_many(job, sources, output, workers, as_json)
    return _embed_one(job, sources[0], sources[0] if output is None else output, as_json)


def _warn_if_thin(receipt: Receipt) -> None:
    from watermarking.messages.reserve import THIN

    if receipt.reserve is None or receipt.reserve >= THIN or receipt.bit_error_rate is None:
        return
    warnings.warn(
        f"the reserve is thin, {receipt.reserve:.0%}: {receipt.bit_error_rate:.1%} of the bits are wrong already, so "
        "that JPEG or a smaller size may wipe the message out: use a shorter message, a lower --fidelity or --psnr, or "
        "a larger picture",
        stacklevel=2,
    )


def _is_many(sources: tuple[str, ...], output: str | None, in_place: bool, as_json: bool) -> bool:
    """Say whether OUT is a folder, or why what is asked for makes no sense."""
    if (output is None) != in_place:
        raise click.UsageError("Say where to write: one of -o OUT and --in-place.")
    many = is_many(sources, output)
    if many and STANDARD in sources:
        raise click.UsageError("'-' is one picture, standard input: mark it by itself, and name a file with -o.")
    if output == STANDARD and (many or as_json):
        raise click.UsageError("Standard output takes one picture, and no JSON: name a file with -o.")
    return many


def _embed_one(job: Job, source: str, target: str, as_json: bool) -> int:
    try:
        check_target(target, job.overwrite or target == source)  # the source is refused in better words
        with heard_by(functools.partial(warn, file=source)):
            record = job.run(source, target)
    except (BrokenPipeError, click.ClickException):
        raise
    except Exception as error:
        if as_json:
            print_record(failure_record(source, target, Failure.of(error)))
        raise
    if as_json:
        print_record(record)
    else:
        say(embedding_line(record), err=target == STANDARD)
    return DONE


def _embed_many(job: Job, sources: tuple[str, ...], output: str | None, workers: int | None, as_json: bool) -> int:
    from watermarking.cli.past_runs import PastRuns, settings_of
    from watermarking.codes.messages import to_bytes

    plan = plan_pictures(sources, output, force=job.overwrite)
    if plan.target is not None:
        settings = settings_of(job.marker, to_bytes(job.message), job.quality)
        past = PastRuns.of(plan.target, forgiving=job.overwrite)
        past.check(plan.names(plan.skipped), settings)
        if plan.tasks:
            past.note(plan.names(plan.tasks), settings)
    place = named(sources) if output is None else output
    return embed_many(job.run, plan, place=place, workers=workers, as_json=as_json)
