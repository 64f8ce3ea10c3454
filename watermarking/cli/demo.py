"""``watermarking demo``: a page that shows what marks look like and what they withstand, on any picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, FAILED
from watermarking.cli.options import force_option, logging_options
from watermarking.cli.pictures import announce_compilation
from watermarking.errors import FileAccessError, WatermarkError

if TYPE_CHECKING:
    from watermarking.demo.story import Telling

__all__ = ["command"]


@click.command("demo")
@click.argument("photo", required=False, type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(),
    default="watermarking-demo.html",
    show_default=True,
    help="Page to write; its folder is made.",
)
@click.option("-m", "--message", metavar="TEXT", default="Ada 2026", show_default=True, help="Message to mark with.")
@force_option
@logging_options
def command(photo: str | None, output: str, message: str, force: bool) -> int:
    """Mark a picture with every scheme, attack it, read it back, and write what came of it into one page.

    PHOTO is a picture of yours; without it, a photograph that comes with the package is taken. The page is one file
    that needs no other and no network, and PHOTO stays as it is. It takes a minute or two.
    """
    target = Path(output)
    if target.is_dir():
        raise WatermarkError(f"{target} is a folder: name a file in it, as in -o {target / 'report.html'}")
    if target.exists() and not force:
        raise WatermarkError(f"{target} exists already: choose another name, or replace it with --force")
    if not message:
        raise click.UsageError("The message is empty: give a text, a name or a number.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)  # before the work, which takes minutes
    except OSError as error:
        raise FileAccessError(f"cannot make the folder {target.parent}: {error.strerror or error}") from error
    announce_compilation()
    from watermarking.demo.page import credit, render, shipped_photograph
    from watermarking.demo.story import prepared, tell
    from watermarking.pictures.files import read_picture

    picture = read_picture(shipped_photograph() if photo is None else photo)
    original = prepared(picture.array)
    start = time.perf_counter()
    say("marking, attacking and reading: a minute or two", err=True)
    told = tell(original, message)
    name, whose = ("the photograph shipped", credit()) if photo is None else (Path(photo).name, "yours")
    if original.shape[:2] != picture.array.shape[:2]:
        name += f", scaled down from {picture.array.shape[1]}x{picture.array.shape[0]}"
    page = render(told, name=name, whose=whose, seconds=time.perf_counter() - start)
    _write(page, target)
    return _summary(told, target)


def _write(page: str, target: Path) -> None:
    try:
        target.write_text(page, "utf-8")
    except OSError as error:
        raise FileAccessError(f"cannot write {target}: {error.strerror or error}") from error


def _summary(told: Telling, target: Path) -> int:
    from watermarking.demo.story import ATTACKS, came_back

    for story in told.stories:
        n_read = sum(came_back(story.readings[name], told.message) for name in ("none", *ATTACKS))
        say(f"{story.scheme:<16}{n_read} of {len(ATTACKS) + 1} read back")
    for scheme, why in told.refusals.items():
        say(f"{scheme:<16}could not mark it: {why}")
    say(f"page: {target.resolve()}")
    if told.is_as_it_should_be:
        return DONE
    say("watermarking: a message was read that is not there, or an untouched mark was not: see the page", err=True)
    return FAILED
