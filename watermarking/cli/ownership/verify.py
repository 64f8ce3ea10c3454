"""``watermarking ownership verify``: test whether a suspect learnt from marked pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, NOT_FOUND, detail
from watermarking.cli.options import is_verbose, json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.options import (
    convention_options,
    conventions_of,
    mark_of,
    mark_options,
    read_commitment,
)
from watermarking.cli.pictures import announce_compilation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watermarking.keys import Key
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.proof import Proof

__all__ = ["command"]

_NAMED: Final = 5
"""Answers of those left out for one reason that are named."""


@click.command("verify")
@click.argument("suspect", metavar="SUSPECT", type=click.Path())
@click.option("--own", metavar="OWN", type=click.Path(), help="Your answers without the mark: a folder, or your model "
              "as an ONNX file. Left out, the mark is read blind, which not every mark can.")  # fmt: skip
@click.option("--queries", metavar="DIR", type=click.Path(), help="Pictures to ask, where one side is a model.")
@click.option("--reference", metavar="R", multiple=True, type=click.Path(),
              help="Answers of a surrogate that you trained on unmarked answers.")  # fmt: skip
@click.option("--control", metavar="C", multiple=True, type=click.Path(),
              help="A model that never saw the mark, or its answers: what it scores is what chance makes.")  # fmt: skip
@click.option("--controls", metavar="DIR", type=click.Path(exists=True, file_okay=False),
              help="A folder of such models and folders of answers.")  # fmt: skip
@click.option("--control-level", type=float, default=0.01, show_default=True, metavar="P",
              help="Refuse too few controls for p-values as low as this.")  # fmt: skip
@click.option("--metered", is_flag=True, help="Ask query by query, and stop when the evidence is enough.")
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="P",
              help="With --metered: false-positive rate at which it is; 1e-6 if left out.")  # fmt: skip
@click.option("--at-most", type=click.IntRange(1), metavar="N", help="With --metered: queries to ask.")
@convention_options(suspect="the suspect", own="yours", reference="references and controls")
@mark_options
@key_option
@click.option("--fpr", type=click.FloatRange(0, 1, min_open=True), metavar="P",
              help="False-positive rate at which the mark counts as found; 1e-6 if left out.")  # fmt: skip
@click.option("--report", metavar="DIR", type=click.Path(), help="Write a report for third parties into a new folder.")
@click.option("--commitment", metavar="FILE", type=click.Path(), help="What you published, for the report.")
@json_option
@logging_options
def command(suspect: str, name: str, mark_text: str, key: Key, as_json: bool, **given: Any) -> int:
    """Test whether SUSPECT, a folder of its answers or an ONNX file, learnt from what you marked.

    Answers are paired with yours by their names, those whose names do not fit by what they show. What
    --range, --channels, --pick and --peak say holds for all sides, but for those that have their own. The exit status
    is 0 if the mark is found, 1 if not.
    """
    _check_usage(given)
    announce_compilation()
    from watermarking.ownership.proof import subkey
    from watermarking.ownership.report import check_new, write_report

    published = None if given["commitment"] is None else read_commitment(given["commitment"])
    own_key, mark, report = subkey(key, name), mark_of(mark_text), given["report"]
    detail(f"mark {mark.id}, with the key of {name!r}, hash {own_key.commitment[:16]}...")
    if report is not None:  # before a suspect is asked who costs money
        check_new(Path(report), name, mark, own_key, published)
    proof = _proof(suspect, mark, own_key, given, quiet=as_json)
    fpr = (given["level"] if given["metered"] else given["fpr"]) or 1e-6
    if report is not None:
        page = write_report(Path(report), proof, own_key, name=name, published=published, fpr=fpr)
        if not as_json:
            say(f"{page}: written; it holds the key of {name!r}, which is secret no more", err=True)
    return _tell(suspect, proof, fpr, as_json)


def _check_usage(given: dict[str, Any]) -> None:
    if not given["metered"]:
        if given["level"] is not None or given["at_most"] is not None:
            raise click.UsageError("--level and --at-most are for --metered: add it.")
        return
    if given["own"] is None:
        raise click.UsageError("--metered compares each answer with yours: add --own.")
    if given["reference"] or given["control"] or given["controls"]:
        raise click.UsageError("--metered goes without references and controls: their number of queries is fixed.")
    if given["fpr"] is not None:
        raise click.UsageError("--metered stops at --level: give that instead of --fpr.")


def _proof(suspect: str, mark: OwnershipMark, key: Key, given: dict[str, Any], *, quiet: bool) -> Proof:
    from watermarking.ownership.metered import gather
    from watermarking.ownership.proof import verify

    theirs, ours, others = (conventions_of(given, role) for role in ("suspect", "own", "reference"))
    if given["metered"]:
        return gather(
            suspect, given["queries"], own=given["own"], mark=mark, key=key, level=given["level"] or 1e-6,
            at_most=given["at_most"], conventions=theirs, own_conventions=ours, tell=None if quiet else _tell_evidence,
        )  # fmt: skip
    return verify(
        suspect, given["queries"], own=given["own"], mark=mark, key=key, references=given["reference"],
        controls=[*given["control"], *_models_in(given["controls"])], control_level=given["control_level"],
        conventions=theirs, own_conventions=ours, reference_conventions=others,
    )  # fmt: skip


def _tell_evidence(n: int, e_value: float) -> None:
    """Say how far it is, for whoever may want to stop here."""
    say(f"{n} asked, e = {e_value:.2g}", err=True)


def _models_in(folder: str | None) -> list[Path]:
    """Return the models and the folders of answers in a folder."""
    if folder is None:
        return []
    inside = sorted(path for path in Path(folder).iterdir() if not path.name.startswith("."))
    found = [path for path in inside if path.is_dir() or path.suffix.lower() == ".onnx"]
    if not found:
        raise click.UsageError(f"{folder} holds no ONNX files and no folders of answers, --controls needs some.")
    return found


def _tell_failures(failures: Mapping[str, str]) -> None:
    """Name what was left out, of many with the same reason the first ones."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in failures.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        shown = names if is_verbose(click.get_current_context()) else names[:_NAMED]
        for name in shown:
            say(f"watermarking: {name}: {reason}", err=True)
        if left := len(names) - len(shown):
            say(f"watermarking: {left} more: {reason} (-v names them)", err=True)


def _tell(suspect: str, proof: Proof, fpr: float, as_json: bool) -> int:
    found, p_value = proof.detection.is_present(fpr), float(proof.detection.p_value)
    metering, control = proof.metering, proof.control
    if as_json:
        record = {
            "suspect": suspect, "found": found, "p_value": p_value, "score": float(proof.detection.score),
            "statistic": proof.detection.statistic, "compared": proof.n_compared, "queries": proof.n_queries,
            "failures": dict(proof.failures),
        }  # fmt: skip
        if metering is not None:
            record |= {"e_value": metering.e_values[-1], "level": metering.level, "stopped": metering.stopped}
        if control is not None:
            record |= {"control_p_value": control.p_value, "controls": len(control.scores)}
        print_record(record)
        return DONE if found else NOT_FOUND
    _tell_failures(proof.failures)
    verdict = "carry the mark" if found else "do not carry the mark, as far as can be told"
    how = f"p = {p_value:.2g}"
    if metering is not None:
        how = f"e = {metering.e_values[-1]:.2g}, {how}, whenever one stops; it ended for: {metering.stopped}"
    if control is not None:
        how += f"; beside {len(control.scores):,} models that never saw it p = {control.p_value:.2g}"
    say(f"{suspect}: {proof.n_compared} of {proof.n_queries} answers compared, they {verdict} ({how})")
    return DONE if found else NOT_FOUND
