"""``watermarking ownership classifier verify``: test whether a suspect learnt from marked answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.classifier.options import (
    answers_of,
    classes_option,
    features_of,
    features_option,
    interface_of,
    label_of,
    mark_option,
    own_side_options,
    queries_option,
    read_names,
    role_options,
    say_notes,
)
from watermarking.cli.ownership.options import read_commitment

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.interface import Detection
    from watermarking.keys import Key
    from watermarking.ownership.classifiers.files.mark import MarkFile
    from watermarking.ownership.classifiers.proof import ClassifierProof

__all__ = ["command"]

_EVERY = 64  # queries


class _Case(NamedTuple):
    """All that a suspect is held against."""

    inputs: Any
    features: Any
    suspect: Any
    sides: list[Any]
    found: MarkFile
    keys: dict[str, Key]
    published: dict[str, dict[str, Any]]


@click.command("verify")
@click.argument("suspect", metavar="SUSPECT", type=click.Path())
@click.argument("inputs", metavar="INPUTS", type=click.Path())
@own_side_options(required=True)
@mark_option
@click.option("--name", "names", required=True, multiple=True, metavar="NAME",
              help="Of the model and its version, as it was marked. Several are tried in turn.")  # fmt: skip
@click.option("--client", "clients", multiple=True, metavar="C", help="Whose key is tried; several may be given.")
@click.option("--clients", "clients_file", metavar="FILE", type=click.Path(), help="Names of clients, one a line.")
@key_option
@queries_option
@click.option("--fpr", type=click.FloatRange(0, 1, min_open=True), metavar="P",
              help="False-positive rate at which the mark counts as found; 1e-6 if left out.")  # fmt: skip
@click.option("--metered", is_flag=True, help="Ask query by query, and stop when the evidence is enough.")
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="P",
              help="With --metered: false-positive rate at which it is; 1e-6 if left out.")  # fmt: skip
@click.option("--at-most", type=click.IntRange(1), metavar="N", help="With --metered: queries to ask.")
@role_options("own", "your side")
@role_options("suspect", "the suspect")
@classes_option
@features_option
@click.option("--report", metavar="DIR", type=click.Path(), help="Write a report for third parties into a new folder.")
@click.option("--commitment", "commitments", multiple=True, metavar="FILE", type=click.Path(),
              help="What you published, for the report; of several clients one each.")  # fmt: skip
@click.option("--enclose-inputs", is_flag=True, help="Put INPUTS into the report, for whoever wants to ask again.")
@json_option
@logging_options
def command(suspect: str, inputs: str, key: Key, as_json: bool, **given: Any) -> int:
    """Test whether SUSPECT, its answers to INPUTS or an ONNX file, learnt from what you marked.

    Answers that name their queries are put in order by them. With several keys p is times their number. The exit
    status is 0 if the mark is found, 1 if not.
    """
    _check_usage(given)
    case = _case(suspect, inputs, key, given)
    if given["report"] is not None:  # before a suspect is asked who costs money
        _check_report(case, Path(given["report"]))
    proof, clients = _proof(case, given, quiet=as_json)
    fpr = (given["level"] if given["metered"] else given["fpr"]) or 1e-6
    label = min(clients, key=lambda name: clients[name].p_value)
    if given["report"] is not None:
        _write(case, proof, label, fpr, given, as_json)
    if as_json:
        _print(suspect, proof, clients, label, fpr)
    else:
        _tell(suspect, proof, clients, fpr)
    return DONE if proof.detection.is_present(fpr) else NOT_FOUND


def _check_usage(given: dict[str, Any]) -> None:
    if not given["metered"]:
        if given["level"] is not None or given["at_most"] is not None:
            raise click.UsageError("--level and --at-most are for --metered: add it.")
    elif given["fpr"] is not None:
        raise click.UsageError("--metered stops at --level: give that instead of --fpr.")
    elif given["smoothed"]:
        raise click.UsageError("--metered goes without --smoothed: give clean models with --reference.")
    if given["report"] is None and (given["commitments"] or given["enclose_inputs"]):
        raise click.UsageError("--commitment and --enclose-inputs are for a report: add --report.")


def _case(suspect: str, inputs: str, key: Key, given: dict[str, Any]) -> _Case:
    """Read everything, and have the owner's side answer: the suspect is asked last."""
    from watermarking.ownership.classifiers.files.inputs import read_inputs
    from watermarking.ownership.classifiers.files.mark import MarkFile, read_mark
    from watermarking.ownership.classifiers.proof import of_owner

    keys = _keys(key, given)
    found = read_mark(Path(given["mark_file"]))
    if given["classes"] is not None:
        found = MarkFile(found.mark, tuple(read_names(given["classes"], "names of classes")))
    everything, n = read_inputs(inputs), given["queries"]
    asked = everything.first(n)
    features = features_of(given["features"], len(everything))
    sides = [
        answers_of(one, everything, found, n, own=True)
        for one in (given["own"], *given["reference"], *given["smoothed"])
    ]
    theirs = answers_of(suspect, everything, found, n, own=False)
    ours = of_owner(sides, asked.values, interface_of(given, "own"), found.mark, None)
    published = [read_commitment(path) for path in given["commitments"]]
    return _Case(
        asked.values, None if features is None else features[:n], theirs, ours, found, keys, _fitting(keys, published)
    )


def _keys(key: Key, given: dict[str, Any]) -> dict[str, Key]:
    """Return the keys that are tried, by the names of their commitments."""
    clients: list[str | None] = list(given["clients"])
    if given["clients_file"] is not None:
        clients += read_names(given["clients_file"], "clients")
    pairs = [label_of(name, client, key) for name in given["names"] for client in clients or [None]]
    found = dict(pairs)
    if len(found) < len(pairs):
        raise click.UsageError("A name or client is given twice: give each once, p is times their number.")
    if given["metered"] and len(found) > 1:
        raise click.UsageError("--metered goes with one key: name one client, or ask a fixed number of queries.")
    return found


def _fitting(keys: dict[str, Key], published: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what was published by the names of the keys.

    Raises
    ------
    WatermarkError
        If it is of none of them.
    """
    from watermarking.errors import WatermarkError

    names = {key.commitment: name for name, key in keys.items()}
    found = {}
    for one in published:
        name = names.get(str(one.get("key_commitment")))
        if name is None:
            raise WatermarkError(
                f"the commitment of {one.get('name')!r} is of no key that is tried here: check --name, --client and -k"
            )
        found[name] = one
    return found


def _numbers(case: _Case) -> npt.NDArray[Any]:
    return case.found.mark.coarse.numbers(case.inputs if case.features is None else case.features)


def _check_report(case: _Case, folder: Path) -> None:
    import numpy as np

    from watermarking.ownership.classifiers.report import answers_digest
    from watermarking.ownership.sealing import check_new

    digest = answers_digest(np.stack(case.sides), _numbers(case))
    for label, key in case.keys.items():
        check_new(folder, label, case.found.mark, key, case.published.get(label), answers=digest)


def _proof(case: _Case, given: dict[str, Any], *, quiet: bool) -> tuple[ClassifierProof, dict[str, Detection]]:
    """Return the proof about the likeliest client, and the verdict on each."""
    from watermarking.ownership.classifiers.metered import gather_classifier
    from watermarking.ownership.classifiers.proof import verify_classifier

    mark, n_references = case.found.mark, len(given["reference"])
    label, key = next(iter(case.keys.items()))
    common: dict[str, Any] = {
        "own": case.sides[0], "mark": mark, "key": key, "references": case.sides[1 : 1 + n_references],
        "interface": interface_of(given, "suspect", case.found.classes),
        "features": None if case.features is None else lambda some: case.features[: len(some)],
    }  # fmt: skip
    if given["metered"]:
        proof = gather_classifier(
            case.suspect, case.inputs, level=given["level"] or 1e-6, at_most=given["at_most"],
            tell=None if quiet else _told(), **common,
        )  # fmt: skip
        return proof, {label: proof.detection}
    smoothed = case.sides[1 + n_references :]
    proof = verify_classifier(case.suspect, case.inputs, smoothed=smoothed, **common)
    return (proof, {label: proof.detection}) if len(case.keys) == 1 else _of_clients(case, proof)


def _of_clients(case: _Case, proof: ClassifierProof) -> tuple[ClassifierProof, dict[str, Detection]]:
    from watermarking.ownership.classifiers.clients import identify
    from watermarking.ownership.classifiers.outcome import of_client
    from watermarking.ownership.classifiers.references import check_references

    if proof.compared.form == "labels" and not case.found.mark.reach:  # no claim about anybody
        return proof, dict.fromkeys(case.keys, proof.detection)
    for key in case.keys.values():  # an own side with one client's mark would hide him
        check_references(proof.compared, case.found.mark, key, keys=len(case.keys))
    found = identify(proof.compared, case.found.mark, case.keys)
    best = next(iter(found))
    return of_client(proof, case.found.mark, case.keys[best], len(case.keys)), found


def _told() -> Callable[[int, float], None]:
    """Return what says how far it is, for whoever may want to stop there: when the evidence grew, and now and then."""
    last = 0.0

    def tell(n: int, e_value: float) -> None:
        nonlocal last
        if e_value > last or n % _EVERY == 0:
            last = e_value
            say(f"{n} asked, e = {e_value:.2g}", err=True)

    return tell


def _write(case: _Case, proof: ClassifierProof, label: str, fpr: float, given: dict[str, Any], quiet: bool) -> None:
    from watermarking.ownership.classifiers.report import write_classifier_report

    page = write_classifier_report(
        Path(given["report"]), proof, case.keys[label], name=label, published=case.published.get(label), fpr=fpr,
        inputs=case.inputs if given["enclose_inputs"] else None,
    )  # fmt: skip
    if not quiet:
        say(f"{page}: written; it holds the key of {label!r}, which is secret no more", err=True)


def _print(suspect: str, proof: ClassifierProof, clients: dict[str, Detection], label: str, fpr: float) -> None:
    found, metering = proof.detection.is_present(fpr), proof.metering
    record = {
        "suspect": suspect, "found": found, "name": label, "p_value": float(proof.detection.p_value),
        "p_value_alone": float(proof.alone.p_value), "score": float(proof.detection.score),
        "statistic": proof.detection.statistic, "form": proof.compared.form, "compared": proof.n_compared,
        "queries": proof.n_queries, "keys": len(clients), "notes": list(proof.notes),
        "failures": {str(number): reason for number, reason in proof.failures.items()},
    }  # fmt: skip
    if len(clients) > 1:
        record["names"] = {name: float(one.p_value) for name, one in clients.items()}
    if metering is not None:
        record |= {"e_value": metering.e_values[-1], "level": metering.level, "stopped": metering.stopped}
    print_record(record)


def _tell(suspect: str, proof: ClassifierProof, clients: dict[str, Detection], fpr: float) -> None:
    say_notes(proof)
    compared = f"{suspect}: {proof.n_compared:,} of {proof.n_queries:,} answers compared"
    named = {name: one.p_value for name, one in clients.items() if one.is_present(fpr)}
    p_value, metering = float(proof.detection.p_value), proof.metering
    how = f"p = {p_value:.2g}"
    if metering is not None:
        how = f"e = {metering.e_values[-1]:.2g}, {how}, whenever one stops; it ended for: {metering.stopped}"
    elif len(proof.compared.sides) > 1:
        how += f"; without references p = {proof.alone.p_value:.2g}"
    if len(clients) > 1:
        how += f"; times {len(clients):,} keys tried"
    if not named:
        say(f"{compared}, they do not carry the mark, as far as can be told ({how})")
        return
    whose = "" if len(clients) == 1 else f" of {next(iter(named))!r}"
    say(f"{compared}, they carry the mark{whose} ({how})")
    for name, one in list(named.items())[1:]:
        say(f"{suspect}: they carry the mark of {name!r} too (p = {one:.2g})")
