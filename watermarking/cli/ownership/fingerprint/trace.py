"""``watermarking ownership fingerprint trace``: whose copy a suspect is, or who merged theirs into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.classifier.options import classes_option, interface_of, is_model, role_options
from watermarking.cli.ownership.options import read_commitment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.asking import Interface
    from watermarking.ownership.classifiers.files.inputs import Inputs
    from watermarking.ownership.fingerprints.manifest import Manifest
    from watermarking.ownership.fingerprints.trace import Tracing

__all__ = ["command"]

_LISTED: Final = 20
_ANSWERS: Final = (".npy", ".npz", ".csv", ".tsv", ".jsonl")


@click.command("trace")
@click.argument("suspect", metavar="SUSPECT", type=click.Path())
@click.argument("manifest", metavar="MANIFEST", type=click.Path())
@key_option
@click.option("--inputs", metavar="FILE", type=click.Path(),
              help="What was asked: then SUSPECT is its answers, or a model .onnx that is asked.")  # fmt: skip
@click.option("--ask", is_flag=True,
              help="Ask SUSPECT, a model .onnx, the verification pictures; its weights are not read.")  # fmt: skip
@click.option("--own", metavar="OWN", type=click.Path(),
              help="With --inputs: your unmarked model .onnx, or its answers; left out where the network of "
              "which the model is is one of this package's, or named with --network.")  # fmt: skip
@click.option("--network", metavar="N",
              help="With --inputs, in the place of --own: c2, residual or mlp, or the module:function or "
              "file.py:function of yours that copies were issued with. That is code, and is run; code that the "
              "manifest alone names never is.")  # fmt: skip
@click.option("--reference", "references", multiple=True, metavar="R", type=click.Path(),
              help="With --inputs: a clean model of the same task, or its answers; best three.")  # fmt: skip
@role_options("suspect", "the suspect")
@classes_option
@click.option("--fpr", type=click.FloatRange(0, 1, min_open=True), default=1e-6, show_default=True, metavar="P",
              help="Chance of naming any innocent at which somebody is named.")  # fmt: skip
@click.option("--report", metavar="DIR", type=click.Path(), help="Write a report for third parties into a new folder.")
@click.option("--commitment", metavar="FILE", type=click.Path(), help="What you published, for the report.")
@json_option
@logging_options
def command(
    suspect: str, manifest: str, key: Key, fpr: float, report: str | None, commitment: str | None, as_json: bool,
    **given: Any,
) -> int:  # fmt: skip
    """Say whose copy SUSPECT is: a .safetensors or .onnx file, or its answers, beside the MANIFEST of what was issued.

    Answers, .npy, .npz, .csv, .tsv or .jsonl, are those to --inputs; of copies issued with --carrier triggers those to
    the pictures that 'queries' writes, in their order, or named 0, 1, ... in a first column 'query'.

    p-values count all customers. The exit status is 0 if somebody is named, 1 if not.
    """
    from watermarking.ownership.fingerprints.trace import trace

    by_labels = given["inputs"] is None and (given["ask"] or Path(suspect).suffix.lower() in _ANSWERS)
    _check_usage(given, report, commitment, by_labels=by_labels)
    known = _known(Path(manifest), key)
    if by_labels:
        asked = _labelled(suspect, known, given)
    else:
        asked = {} if given["inputs"] is None else _asked(suspect, Path(manifest), known, given)
    found = trace(asked.pop("suspect", Path(suspect)), Path(manifest), key, **asked)
    if report is not None:
        _write(Path(report), found, Path(suspect), Path(manifest), key, commitment, fpr)
        if not as_json:
            say(f"{report}: written; it holds the key of all these fingerprints, which is secret no more", err=True)
    if as_json:
        _print(suspect, found, fpr)
    else:
        _tell(suspect, found, fpr)
    return DONE if found.named(fpr) else NOT_FOUND


def _check_usage(given: dict[str, Any], report: str | None, commitment: str | None, *, by_labels: bool) -> None:
    inputs = given["inputs"]
    if inputs is None and (given["own"] is not None or given["references"] or given["network"] is not None):
        raise click.UsageError("--own, --network and --reference are for answers: add --inputs.")
    if given["own"] is not None and given["network"] is not None:
        raise click.UsageError("--own and --network both say what your unmarked model answers: give one.")
    if inputs is not None and given["ask"]:
        raise click.UsageError("--ask is for verification pictures, --inputs for what was asked else: give one.")
    if inputs is None and not by_labels:
        for option, unsaid in (("classes", None), ("suspect_form", "auto"), ("suspect_pick", None)):
            if given[option] != unsaid:
                raise click.UsageError(f"--{option.replace('_', '-')} is for answers: add --inputs or --ask.")
    if inputs is not None and report is not None:
        raise click.UsageError("The report of answers is 'ownership classifier verify --report', by --client.")
    if by_labels and report is not None:
        raise click.UsageError("There is no report on labels of verification pictures: leave out --report.")
    if commitment is not None and report is None:
        raise click.UsageError("--commitment is for a report: add --report.")


def _known(manifest: Path, key: Key) -> Manifest:
    """Read the manifest, and check that it is of the key before anything is done that it says."""
    from watermarking.ownership.fingerprints.manifest import read_manifest
    from watermarking.ownership.proof import subkey

    known = read_manifest(manifest)
    known.check_key(subkey(key, known.name))
    return known


def _asked(suspect: str, manifest: Path, known: Manifest, given: dict[str, Any]) -> dict[str, Any]:
    """Return inputs, and the answers to them."""
    from watermarking.cli.ownership.classifier.options import answers_of
    from watermarking.errors import WatermarkError
    from watermarking.ownership.classifiers.files.inputs import read_inputs
    from watermarking.ownership.classifiers.files.mark import MarkFile
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.fingerprints.answers import served_mark

    own, network = given["own"], given["network"]
    mark = served_mark(known)
    if not isinstance(mark, SoftLabelMark):
        raise WatermarkError(f"the copies of {known.name!r} know pictures of their own: leave out --inputs")
    if own is None and network is None and not known.network:
        raise click.UsageError("--inputs needs --own: answers are compared with those of your unmarked model.")
    how = _interface(given)
    everything, file = read_inputs(given["inputs"]), MarkFile(mark, how.classes)
    if own is None:
        mine = _own(manifest, known, everything, network)
    else:
        mine = answers_of(own, everything, file, None, own=True)
    others = [answers_of(one, everything, file, None, own=True) for one in given["references"]]
    theirs = answers_of(suspect, everything, file, None, own=False)
    return {"suspect": theirs, "inputs": everything.values, "own": mine, "references": others, "interface": how}


def _interface(given: dict[str, Any]) -> Interface:
    """Return how the suspect is asked, or its answers are read."""
    from watermarking.cli.ownership.classifier.options import read_names

    names = None if given["classes"] is None else read_names(given["classes"], "names of classes")
    return interface_of(given, "suspect", names)


def _own(manifest: Path, known: Manifest, asked: Inputs, network: str | None) -> Any:
    """Return the unmarked model, made of the weights beside the manifest."""
    from watermarking.cli.ownership.fingerprint.teaching import own_module
    from watermarking.ownership.classifiers.asking import network_input
    from watermarking.ownership.fingerprints.architecture import trusted
    from watermarking.ownership.fingerprints.issue import read_own

    made_by = trusted(known.network, network)
    folder = manifest if manifest.is_dir() else manifest.parent
    return own_module(made_by, read_own(folder, known), network_input(asked.values[:1]).shape[1:])


def _labelled(suspect: str, known: Manifest, given: dict[str, Any]) -> dict[str, Any]:
    """Return a model that is asked verification pictures, or its answers to them."""
    from watermarking.errors import WatermarkError

    if not known.pictures_sha256:
        raise WatermarkError("answers are read beside what was asked: add --inputs, or give the suspect's weights")
    if not is_model(suspect) and Path(suspect).suffix.lower() not in _ANSWERS:
        raise click.UsageError(f"{suspect} cannot be asked: give a model as .onnx, or its answers.")
    how = _interface(given)
    theirs = Path(suspect) if is_model(suspect) else _in_order(suspect, known, how.classes)
    return {"suspect": theirs, "ask": True, "interface": how}


def _in_order(suspect: str, known: Manifest, classes: Sequence[str] | None) -> list[Any]:
    """Return answers in the order of the verification pictures, their columns in that of the classes."""
    import numpy as np

    from watermarking.errors import WatermarkError
    from watermarking.ownership.classifiers.files.answers import in_order, read_stored
    from watermarking.ownership.classifiers.files.inputs import Inputs
    from watermarking.ownership.fingerprints.answers import served_mark
    from watermarking.ownership.fingerprints.triggers import TriggerMark

    mark = served_mark(known)
    if not isinstance(mark, TriggerMark):
        raise WatermarkError(f"the copies of {known.name!r} know no verification pictures: add --inputs")
    stored = read_stored(suspect, classes)
    if classes is None and stored.classes is not None:
        numbers = [str(number) for number in range(mark.n_classes)]
        if sorted(stored.classes) != sorted(numbers):
            raise WatermarkError(
                f"the columns of {suspect} are named {', '.join(map(repr, stored.classes[:3]))}, ...: name your "
                f"{mark.n_classes} classes in their order with --classes, or the columns by their numbers, from 0 on"
            )
        stored = read_stored(suspect, numbers)
    return in_order(stored, Inputs(np.zeros((mark.n_pictures, 1))))


def _write(
    folder: Path, found: Tracing, suspect: Path, manifest: Path, key: Key, commitment: str | None, fpr: float
) -> None:
    from watermarking.ownership.fingerprints.manifest import read_manifest
    from watermarking.ownership.fingerprints.report import write_tracing_report
    from watermarking.ownership.fingerprints.weights import file_hash
    from watermarking.ownership.proof import subkey

    known = read_manifest(manifest)
    published = None if commitment is None else read_commitment(commitment)
    write_tracing_report(
        folder, found, known, subkey(key, known.name), suspect_sha256=file_hash(suspect), published=published, fpr=fpr
    )


def _print(suspect: str, found: Tracing, fpr: float) -> None:
    name, best = found.best
    named = {one: float(found[one].p_value) for one in found.named(fpr)}
    print_record({
        "suspect": suspect, "found": bool(named), "model": found.name, "customer": name if named else None,
        "p_value": float(best.p_value), "score": float(best.score), "statistic": best.statistic, "named": named,
        "customers": len(found), "likeness": None if found.levels is None else found.likeness, "notes": found.notes,
    })  # fmt: skip


def _tell(suspect: str, found: Tracing, fpr: float) -> None:
    for note in found.notes:
        say(f"watermarking: {note}", err=True)
    named, (_, best) = found.named(fpr), found.best
    if not named:
        say(f"{suspect}: nobody of {len(found):,} customers can be named (the least p = {best.p_value:.2g})")
    for name in named[:_LISTED]:
        say(f"{suspect}: made of the copy of {name!r} (p = {found[name].p_value:.2g}, of {len(found):,} customers)")
    if len(named) > _LISTED:
        say(f"{suspect}: and of those of {len(named) - _LISTED:,} more")
