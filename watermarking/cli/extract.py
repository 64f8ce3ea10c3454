"""``watermarking extract``: read the message of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking.cli.lines import can_print, say, shown, write
from watermarking.cli.options import force_option, json_option, key_names, keys_option, logging_options, scheme_option
from watermarking.cli.output import canvas_line, reading_record, verdict_line
from watermarking.cli.pictures import STANDARD, announce_compilation, check_target, load
from watermarking.cli.reading import Readers, read_many, reader_options
from watermarking.interface import Detection

if TYPE_CHECKING:
    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.messages.marker import Marker
    from watermarking.messages.reading import Reading

__all__ = ["Job", "command"]

_MOST: Final = 16
_HINT: Final = "; a message that you know may still be found: watermarking detect -m TEXT"


@dataclass(frozen=True, kw_only=True)
class Job:
    """How every picture of one call is read: by the marker, or without one by every scheme."""

    keys: tuple[Key, ...]
    names: tuple[str, ...]
    marker: Marker | None
    most: int | None = None
    map_to: str | None = None

    def run(self, source: str, _target: str) -> dict[str, Any]:
        """Read one picture; return the record of it."""
        from watermarking.messages.any_scheme import extract_all_any, extract_any
        from watermarking.messages.arguments import CLASSICAL

        array = load(source).array
        if self.most is not None:
            schemes = CLASSICAL if self.marker is None else (self.marker.scheme.id,)
            canvas = extract_all_any(array, keys=self.keys, schemes=schemes, most=self.most)
            first, *others = (reading_record(source, one, self.names) for one in canvas.readings)
            there = {"others": others} if others else {}
            return {**first, **there, "maybe_more": canvas.maybe_more}
        wanted = self.map_to is not None
        if self.marker is None:
            reading = extract_any(array, keys=self.keys, presence=wanted)
        else:
            reading = self.marker.extract(array, presence=wanted)
        if self.map_to is not None:
            _write_map(self.map_to, reading, array)
        return reading_record(source, reading, self.names)


@click.command("extract")
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@keys_option
@scheme_option("without it, every classical one is tried")
@reader_options
@click.option("--all", "every", is_flag=True, help="Read every marked picture that a canvas shows.")
@click.option(
    "--most", type=click.IntRange(1, 1000), metavar="N",
    help="With --all: so many at most, 16 if left out; time grows with them.",
)
@click.option(
    "--map",
    "map_to",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write where the mark is, over the picture: red where it is missing, blue where it cannot be said.",
)
@force_option
@json_option
@logging_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    keys: list[Key],
    scheme: str | None,
    workers: int | None,
    found_only: bool,
    every: bool,
    most: int | None,
    map_to: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Read the message of a picture.

    '-' is standard input; of a folder all pictures are read. The message goes to standard output, as hexadecimal digits
    if it is no text, the verdict to standard error; so do the digits of a text that the terminal cannot show.

    A picture inside another one, on a page or a screen, is found as well; with --all every one of several, its place
    in the JSON record's 'outline' (top, left, rows, columns), all but the first under 'others'; 'maybe_more' says that
    --most was reached, or places were left untried. Large canvases are shrunk before they are searched, to
    1/'searched_at' of their size: small pictures in them are left out, cut them into parts.

    Where a message cannot be read, 'watermarking detect' may still find it, if it is known.
    """
    if map_to is not None:
        if len(sources) > 1 or every or Path(sources[0]).is_dir():
            raise click.UsageError("--map goes with one picture, and not with --all")
        _check_map(map_to, sources[0], force)
    if most is not None and not every:
        raise click.UsageError("--most goes with --all")
    announce_compilation()
    from watermarking.messages.marker import CLASSICAL, Marker

    marker = None if scheme is None else Marker(scheme, key=keys)
    sought = (most or _MOST) if every else None
    job = Job(keys=tuple(keys), names=key_names(ctx), marker=marker, most=sought, map_to=map_to)

    def show(record: dict[str, Any], alone: bool) -> None:
        for one in (record, *record.get("others", ())):
            show_one(one, alone and not record.get("others"))
        if record.get("maybe_more"):
            say(f"{record['file']}: no more than {sought} are looked for, others may be left out: see --most", err=True)
        line = canvas_line(record) if every or not record["found"] else None
        if line is not None:
            say(line, err=True)

    def show_one(record: dict[str, Any], alone: bool) -> None:
        if record["found"]:
            _print_message(record, "" if alone else f"{record['file']}: ")
        marked = Detection(0.0, record["p_value"], "").is_present()
        absent = "marked with this key, but the message is lost" if marked else "no message found"
        hint = _HINT if alone and not record["found"] else ""
        say(verdict_line(record, absent, several_keys=len(keys) > 1) + hint, err=True)

    schemes = CLASSICAL if job.marker is None else (job.marker.scheme.id,)
    what = f"schemes {', '.join(schemes)}; keys {', '.join(job.names)}"
    how = Readers(run=job.run, show=show, workers=workers, as_json=as_json, found_only=found_only, what=what, hint=True)
    return read_many(sources, how)


def _check_map(map_to: str, source: str, force: bool) -> None:
    """Refuse what a map cannot be written to, before anything is read."""
    from watermarking.pictures.files import format_of

    if map_to == STANDARD:
        raise click.UsageError("--map takes a file: standard output has the message")
    format_of(map_to)
    if source != STANDARD and Path(map_to).exists() and Path(source).exists() and Path(map_to).samefile(source):
        raise click.UsageError(f"{map_to} is the picture itself, its map would replace it: choose another name")
    check_target(map_to, force)


def _write_map(path: str, reading: Reading, array: Image) -> None:
    """Write a heat map in the format that the name says, or say why there is none."""
    from watermarking.messages.presence import has_maps
    from watermarking.pictures.files import write_picture
    from watermarking.registry import scheme_class

    if reading.presence is not None:
        write_picture(reading.presence.heat_map(array), path)
        return
    if reading.message is None:
        why = "there is no message that could be mapped"
    elif not has_maps(scheme_class(reading.scheme)):
        why = f"scheme {reading.scheme} has no maps"
    else:
        why = "it cannot be said where in the picture the message is"
    say(f"{path}: not written, {why}", err=True)


def _print_message(record: dict[str, Any], before: str) -> None:
    """Print a message; offer its digits where the terminal lacks characters of it."""
    text = record["message"] or record["message_hex"]
    write(shown(before) + text)
    if not can_print(text):
        line = f"{record['file']}: not all of the message can be shown here, as hexadecimal digits it is"
        say(f"{line} {record['message_hex']}", err=True)
