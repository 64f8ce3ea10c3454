"""``watermarking dataset trace``: whose copy leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watermarking.cli.dataset.options import open_source, source_options
from watermarking.cli.lines import say, shown, write
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.pictures import announce_compilation

if TYPE_CHECKING:
    from watermarking.datasets.trace import Tracing
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("trace")
@click.argument("source", metavar="SUSPECT", type=click.Path())
@click.option(
    "--manifest", metavar="M", required=True, type=click.Path(), help="Data set that was marked for recipients."
)
@key_option
@click.option("--fpr", type=click.FloatRange(0, 1, min_open=True), default=1e-6, show_default=True,
              help="Chance to name anybody where nobody's copy is.")  # fmt: skip
@click.option("--search", type=click.IntRange(0), default=3, show_default=True, help="Alignments tried a picture.")
@source_options
@json_option
@logging_options
def command(
    source: str, manifest: str, key: Key, fpr: float, search: int, kind: str | None, column: str | None, as_json: bool
) -> int:
    """Say from whose copies the pictures of SUSPECT were made.

    They may be few, renamed, scaled, cropped, coded anew, of several recipients, or averages of their copies. A line
    for each recipient that is named, tabs between name and p-value.
    """
    announce_compilation()
    from watermarking.datasets.collusion import code_of
    from watermarking.datasets.manifest import Manifest
    from watermarking.datasets.suspects import Suspects
    from watermarking.datasets.trace import trace

    known = Manifest.find(manifest)
    run = known.run_of(key, manifest)
    suspects = Suspects(open_source(source, kind, column))
    for name, reason in suspects.refused:
        say(f"watermarking: {name}: {reason}", err=True)
    if (code := code_of(run)) is not None:
        from watermarking.datasets.words import trace_words

        names = [one[0] for one in run["recipients"]]
        found = trace_words(suspects, names, code, key, scheme=run["scheme"], search=search)
    else:
        found = trace(suspects, known.records(), key, scheme=run["scheme"], search=search)
    _tell(source, len(suspects), found, fpr, as_json)
    return DONE if found.named(fpr) else NOT_FOUND


def _tell(source: str, n_pictures: int, found: Tracing, fpr: float, as_json: bool) -> None:
    if as_json:
        for name, verdict in found.items():
            print_record(
                {"recipient": name, "named": verdict.is_present(fpr), "p_value": verdict.p_value,
                 "score": verdict.score, "statistic": verdict.statistic}
            )  # fmt: skip
    else:
        for name in found.named(fpr):
            write(f"{shown(name)}\t{found[name].p_value:.3g}")
    say(f"{source}: {n_pictures:,} pictures, {found.summary(fpr)}", err=True)
