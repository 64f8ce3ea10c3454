"""``watermarking ownership classifier embed``: make a mark, commit to it, and mark answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import force_option, json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.classifier.options import (
    answers_of,
    classes_option,
    features_of,
    features_option,
    interface_of,
    is_model,
    label_of,
    mark_option,
    own_side_options,
    queries_option,
    read_names,
    role_options,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.asking import Interface
    from watermarking.ownership.classifiers.files.inputs import Inputs
    from watermarking.ownership.classifiers.files.mark import MarkFile

__all__ = ["command"]

_PROFILES: Final = ("light", "standard", "strong")
_TOGETHER: Final = 1024  # answers


@click.command("embed")
@click.argument("inputs", metavar="INPUTS", type=click.Path())
@click.argument("answers", metavar="[ANSWERS]", required=False, type=click.Path())
@click.option("-o", "--output", "out", metavar="OUT", type=click.Path(dir_okay=False),
              help="File for the marked answers: .npy, .csv or .tsv.")  # fmt: skip
@mark_option
@click.option("--profile", type=click.Choice(_PROFILES), help="Strength of a new mark; standard if left out.")
@click.option("--no-flips", is_flag=True, help="Of a new mark: mirrored pictures mean something else, as of text.")
@click.option("--n-classes", type=click.IntRange(2), metavar="K", help="Of a new mark, where there are no ANSWERS.")
@classes_option
@click.option("--name", required=True, metavar="NAME", help="Of the model and its version: its key is derived by it.")
@click.option("--client", metavar="C", help="Whose answers these are: each client has a key of his own.")
@key_option
@features_option
@role_options("", "the model")
@click.option("--commitment", metavar="FILE", type=click.Path(dir_okay=False),
              help="Write the commitment, to be published first.")  # fmt: skip
@click.option("--asked", metavar="INPUTS", type=click.Path(),
              help="What suspects will be asked: the commitment ties you to OWN's and R's answers to it.")  # fmt: skip
@own_side_options(required=False)
@queries_option
@force_option
@json_option
@logging_options
def command(inputs: str, answers: str | None, key: Key, as_json: bool, **given: Any) -> int:
    """Mark ANSWERS, a model's probabilities or logits for INPUTS, or those of an ONNX file, into OUT.

    --mark is fitted to INPUTS and written if it is not there yet; all clients share it. Without ANSWERS that, and the
    commitment, is all that is done: serve with ProtectedClassifier in Python then. Keep the unmarked answers, or the
    model: suspects are compared with them. Publish the commitment before OUT: a hash that ties you to the key, and
    tells nobody the key.
    """
    from watermarking.ownership.classifiers.files.inputs import read_inputs
    from watermarking.ownership.classifiers.files.writing import write_answers

    _check_usage(answers, given)
    asked = read_inputs(inputs)
    features = features_of(given["features"], len(asked))
    classes = None if given["classes"] is None else read_names(given["classes"], "names of classes")
    values = None if answers is None or is_model(answers) else _stored(answers, asked, classes, given)
    found, is_new = _mark(asked.values if features is None else features, values, answers, classes, given)
    label, own = label_of(given["name"], given["client"], key)
    if given["commitment"] is not None:
        _commit(Path(given["commitment"]), label, found, own, given)
    if is_new:
        _say(as_json, f"{given['mark_file']}: new mark of {found.mark.n_classes} classes; keep it, it holds no secret")
    if answers is None:
        _say(
            as_json, f"{label}: serve the model in ProtectedClassifier with this mark and key, see docs/classifiers.md"
        )
        return DONE
    before, after = _marked(answers, values, asked.values, features, found, own, interface_of(given, ""))
    write_answers(given["out"], after, answers)
    _tell(given["out"], label, before, after, given, as_json)
    return DONE


def _check_usage(answers: str | None, given: dict[str, Any]) -> None:
    out = given["out"]
    if (answers is None) != (out is None):
        raise click.UsageError("ANSWERS are marked into a file: give both ANSWERS and -o, or neither.")
    if answers is not None and out is not None:
        if Path(out).suffix.lower() not in (".npy", ".csv", ".tsv"):
            raise click.UsageError(f"Answers are written as .npy, .csv or .tsv, not as {out}.")
        if Path(out).exists() and Path(answers).exists() and Path(out).samefile(answers):
            raise click.UsageError("OUT is ANSWERS: the unmarked answers are needed to verify, name another file.")
        if Path(out).exists() and not given["force"]:
            raise click.UsageError(f"{out} is there already: name another file, or replace it with --force.")
    if (given["asked"] is None) != (given["own"] is None) or (given["asked"] is not None and not given["commitment"]):
        raise click.UsageError("--asked and --own go together, and with --commitment, which holds their hash.")
    if given["asked"] is None and (given["reference"] or given["smoothed"] or given["queries"]):
        raise click.UsageError("--reference, --smoothed and --queries are for a commitment to answers: add --asked.")


def _stored(answers: str, asked: Inputs, classes: list[str] | None, given: dict[str, Any]) -> npt.NDArray[Any]:
    """Read answers that are there, and take the classes' names that a table has."""
    from watermarking.ownership.classifiers.files.answers import dense, in_order, read_stored
    from watermarking.ownership.classifiers.files.mark import read_mark

    path = Path(given["mark_file"])
    known = read_mark(path).classes if path.exists() else classes
    stored = read_stored(answers, known)
    if stored.classes is not None and not all(name.isdigit() for name in stored.classes):
        given["named"] = stored.classes
    return dense(in_order(stored, asked), answers)


def _mark(
    fitted: Any, values: Any, answers: str | None, classes: list[str] | None, given: dict[str, Any]
) -> tuple[MarkFile, bool]:
    """Return the mark, a new one if there is none, and whether it is new."""
    from watermarking.errors import WatermarkError
    from watermarking.ownership.classifiers.files.mark import MarkFile, read_mark, write_mark
    from watermarking.ownership.classifiers.mark import SoftLabelMark

    path = Path(given["mark_file"])
    if path.exists():
        found = read_mark(path)
        if (
            given["profile"]
            or given["no_flips"]
            or given["n_classes"]
            or classes not in (None, list(found.classes or ()))
        ):
            raise WatermarkError(
                f"{path} is there, with its own profile and classes: leave --profile, --no-flips, --n-classes and "
                "--classes out, or name another file for a new mark"
            )
        return found, False
    names = classes if classes is not None else given.get("named")
    n_classes = given["n_classes"] or (values.shape[1] if values is not None else len(names) if names else None)
    if n_classes is None:
        raise click.UsageError("A new mark has to know the number of classes: add --n-classes.")
    mark = SoftLabelMark.fit(
        fitted, n_classes=n_classes, profile=given["profile"] or "standard", flips=not given["no_flips"]
    )
    found = MarkFile(mark, None if names is None else tuple(names))
    write_mark(path, found)
    return found, True


def _commit(path: Path, label: str, found: MarkFile, key: Key, given: dict[str, Any]) -> None:
    """Write the commitment; with --asked bound to the answers of the owner's side, too."""
    from watermarking.datasets.writing import write_whole
    from watermarking.ownership.sealing import commitment

    text = json.dumps(commitment(label, found.mark, key, answers=_digest(found, given)), indent=1) + "\n"
    if path.exists() and path.read_text("utf-8", "replace") != text and not given["force"]:
        raise click.UsageError(f"{path} holds another commitment: name another file, or replace it with --force.")
    write_whole(path, lambda stream: stream.write(text.encode()))


def _digest(found: MarkFile, given: dict[str, Any]) -> str | None:
    import numpy as np

    from watermarking.ownership.classifiers.files.inputs import read_inputs
    from watermarking.ownership.classifiers.proof import of_owner
    from watermarking.ownership.classifiers.report import answers_digest

    if given["asked"] is None:
        return None
    asked, n = read_inputs(given["asked"]), given["queries"]
    some = asked.first(n).values
    sides = [
        answers_of(one, asked, found, n, own=True) for one in (given["own"], *given["reference"], *given["smoothed"])
    ]
    exact = np.stack(of_owner(sides, some, interface_of(given, ""), found.mark, None))
    return answers_digest(exact, found.mark.coarse.numbers(some))


def _marked(
    answers: str, values: Any, inputs: Any, features: Any, found: MarkFile, key: Key, how: Interface
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return answers without the mark and with it, (N, K) each, some at a time."""
    import dataclasses

    import numpy as np

    from watermarking.ownership.classifiers.answers import kind_of
    from watermarking.ownership.classifiers.asking import ask
    from watermarking.ownership.classifiers.protect import ProtectedClassifier

    if values is None:
        values = np.stack(ask(Path(answers), inputs, how).answers)
    if how.output == "auto" and values.ndim == 2 and values.size and np.isfinite(values).all():
        how = dataclasses.replace(how, output=kind_of(values))  # of all: some by themselves may leave it open
    after = np.empty_like(values)
    for start in range(0, len(values), _TOGETHER):
        rows = slice(start, start + _TOGETHER)
        served = ProtectedClassifier(
            _given(values[rows]), found.mark, key=key, interface=how,
            features=None if features is None else _given(features[rows]),
        )  # fmt: skip
        after[rows] = served(inputs[rows])
    return values, after


def _given(some: Any) -> Any:
    return lambda _inputs: some


def _tell(
    out: str, label: str, before: npt.NDArray[Any], after: npt.NDArray[Any], given: dict[str, Any], as_json: bool
) -> None:
    """Say what became of the answers."""
    import numpy as np

    from watermarking.ownership.classifiers.answers import looks_like_probabilities, softmax

    p, q = (np.asarray(one, np.float64) if looks_like_probabilities(one) else softmax(one) for one in (before, after))
    kl = float((p * np.log(np.maximum(p, 1e-300) / np.maximum(q, 1e-300))).sum(1).mean())
    second = float(np.mean(np.argsort(-p, 1)[:, 1] != np.argsort(-q, 1)[:, 1]))
    n_first, n_same = int(np.sum(p.argmax(1) != q.argmax(1))), int(np.sum((before == after).all(1)))
    if as_json:
        print_record({
            "target": out, "name": label, "mark": given["mark_file"], "answers": len(p), "unchanged": n_same,
            "first_changed": n_first, "second_changed": second, "kl": kl,
        })  # fmt: skip
        return
    left = f", {n_same:,} left as they were" if n_same else ""
    say(
        f"{out}: {len(p):,} answers marked for {label!r}{left}; {n_first} first classes changed, "
        f"{100 * second:.0f} % of the second ones, KL {kl:.2g}"
    )


def _say(quiet: bool, line: str) -> None:
    say(line, err=quiet)
