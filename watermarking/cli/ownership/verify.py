"""``watermarking ownership verify``: test whether a suspect learnt from marked pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.options import mark_of, mark_options, read_commitment
from watermarking.cli.pictures import announce_compilation

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.ownership.proof import Proof

__all__ = ["command"]


@click.command("verify")
@click.argument("suspect", metavar="SUSPECT", type=click.Path())
@click.option("--own", required=True, metavar="OWN", type=click.Path(), help="Your answers without the mark: a folder, "
              "or your model as an ONNX file.")  # fmt: skip
@click.option("--queries", metavar="DIR", type=click.Path(), help="Pictures to ask, where one side is a model.")
@click.option("--reference", metavar="R", multiple=True, type=click.Path(),
              help="Answers of a surrogate that you trained on unmarked answers.")  # fmt: skip
@mark_options
@key_option
@click.option("--fpr", type=click.FloatRange(0, 1, min_open=True), default=1e-6, show_default=True, metavar="P",
              help="False-positive rate at which the mark counts as found.")  # fmt: skip
@click.option("--report", metavar="DIR", type=click.Path(), help="Write a report for third parties into a new folder.")
@click.option("--commitment", metavar="FILE", type=click.Path(), help="What you published, for the report.")
@json_option
@logging_options
def command(
    suspect: str, own: str, queries: str | None, reference: tuple[str, ...], name: str, mark_text: str, key: Key,
    fpr: float, report: str | None, commitment: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Test whether SUSPECT, a folder of its answers or an ONNX file, learnt from what you marked.

    Answers are paired with yours by their names, or where no name fits, by what they show. The exit status is 0 if the
    mark is found, 1 if not.
    """
    announce_compilation()
    from watermarking.ownership.proof import subkey, verify
    from watermarking.ownership.report import check_new, write_report

    published = None if commitment is None else read_commitment(commitment)
    own_key, mark = subkey(key, name), mark_of(mark_text)
    if report is not None:  # before a suspect is asked who costs money
        check_new(Path(report), name, mark, own_key, published)
    proof = verify(suspect, queries, own=own, mark=mark, key=own_key, references=reference)
    if report is not None:
        page = write_report(Path(report), proof, own_key, name=name, published=published, fpr=fpr)
        if not as_json:
            say(f"{page}: written; it holds the key of {name!r}, which is secret no more", err=True)
    return _tell(suspect, proof, fpr, as_json)


def _tell(suspect: str, proof: Proof, fpr: float, as_json: bool) -> int:
    found, p_value = proof.detection.is_present(fpr), float(proof.detection.p_value)
    if as_json:
        print_record(
            {"suspect": suspect, "found": found, "p_value": p_value, "score": float(proof.detection.score),
             "statistic": proof.detection.statistic, "compared": proof.n_compared, "queries": proof.n_queries,
             "failures": dict(proof.failures)}
        )  # fmt: skip
        return DONE if found else NOT_FOUND
    for name, reason in proof.failures.items():
        say(f"watermarking: {name}: {reason}", err=True)
    verdict = "carry the mark" if found else "do not carry the mark, as far as can be told"
    say(f"{suspect}: {proof.n_compared} of {proof.n_queries} answers compared, they {verdict} (p = {p_value:.2g})")
    return DONE if found else NOT_FOUND
