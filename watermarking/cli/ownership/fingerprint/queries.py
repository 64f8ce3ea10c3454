"""``watermarking ownership fingerprint queries``: the verification pictures that a suspect is to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import key_option, logging_options

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("queries")
@click.argument("manifest", metavar="MANIFEST", type=click.Path())
@key_option
@click.option("-o", "--output", "out", metavar="FILE", required=True, type=click.Path(dir_okay=False),
              help="An .npy file, (pictures, channels, rows, columns) uint8.")  # fmt: skip
@click.option("--customer", metavar="C", help="As this customer's copy knows them, with the customer's bits in them.")
@logging_options
def command(manifest: str, key: Key, out: str, customer: str | None) -> int:
    """Write the verification pictures of copies that were issued with --carrier triggers.

    Ask the suspect for the label of each, in their order, and give the answers to 'trace'. The pictures are as secret
    as the key until then: whoever knows them can have them answered otherwise.
    """
    from watermarking.datasets.writing import write_whole
    from watermarking.errors import WatermarkError
    from watermarking.ownership.fingerprints.answers import served_mark
    from watermarking.ownership.fingerprints.issue import read_pictures
    from watermarking.ownership.fingerprints.manifest import read_manifest
    from watermarking.ownership.fingerprints.triggers import TriggerMark
    from watermarking.ownership.proof import subkey

    if Path(out).suffix.lower() != ".npy":
        raise click.UsageError(f"Pictures are written as .npy, not as {out}.")
    place = Path(manifest)
    known = read_manifest(place)
    mine = subkey(key, known.name)
    known.check_key(mine)
    mark = served_mark(known)
    if not isinstance(mark, TriggerMark):
        raise WatermarkError(f"the copies of {known.name!r} know no verification pictures: ask inputs of your own")
    if customer is not None and customer not in known.customers:
        raise WatermarkError(f"{customer!r} has no copy of {known.name!r}: name a customer who has")
    pictures = read_pictures(place if place.is_dir() else place.parent, known)
    if customer is not None:
        pictures = mark.marked(pictures, customer, key=mine)
    import numpy as np

    write_whole(Path(out), lambda stream: np.save(stream, pictures, allow_pickle=False))
    say(f"{out}: {len(pictures)} pictures to ask")
    return DONE
