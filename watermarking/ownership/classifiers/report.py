"""A proof about a classifier on paper: all answers that it rests on, and a check of what they lead to."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

import numpy as np

from watermarking import __version__
from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.keys import Key
from watermarking.ownership.classifiers.answers import check_probabilities
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.outcome import metering_record, worked_out
from watermarking.ownership.classifiers.verdict import Compared
from watermarking.ownership.page import html_problems, rendered
from watermarking.ownership.sealing import CLOSE, FORMAT, Checked, check_new, commitment, is_sealed, sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from watermarking.interface import Detection
    from watermarking.ownership.classifiers.proof import ClassifierProof

    F64 = npt.NDArray[np.float64]

__all__ = ["answers_digest", "check_classifier_report", "write_classifier_report"]

_ANSWERS: Final = "answers.npz"
_INPUTS: Final = "inputs.npy"
_SHOWN: Final = 12
_OTHERS: Final = 3
_UNREADABLE: Final = (
    LookupError, ValueError, TypeError, AttributeError, OSError, EOFError, BadZipFile, zlib.error, WatermarkError,
)  # fmt: skip
"""What numpy raises of archives that somebody changed."""
_FORMS: Final = ("probabilities", "logits", "top-k", "labels")


def answers_digest(sides: npt.NDArray[Any], asked: npt.NDArray[Any]) -> str:
    """Return the hash of the owner's and the references' answers and of what the inputs are, to be committed to.

    Parameters
    ----------
    sides : (1 + R, N, K) float
        Of the owner's model and of all references, those with smoothed labels last.
    asked : (N, size) float
        ``mark.coarse.numbers(inputs)`` of all inputs that are to be asked.
    """
    found = hashlib.sha256()
    for one, kind in ((sides, "<f8"), (asked, "<f4")):
        found.update(repr(one.shape).encode())
        found.update(np.ascontiguousarray(one, kind).tobytes())
    return found.hexdigest()


def write_classifier_report(
    folder: Path, proof: ClassifierProof, key: Key, *, name: str, published: Mapping[str, Any] | None = None,
    inputs: Any = None, fpr: float = 1e-6,
) -> Path:  # fmt: skip
    """Write a proof with all that it rests on into a new folder: ``report.json``, ``report.html`` and the answers.

    The key in it is one client's. Whoever reads the report can find and make the marks of that client; a model's own
    key, as it is served without a client's name, tells the keys of all its clients, too. What an owner answers without
    the mark is in it, for the queries that were asked.

    p holds over keys if the owner's answers, the inputs and the choice of what was asked had nothing to do with the
    key. An owner who wants to accuse can see to it that they do: whoever judges has both models asked again, on inputs
    of his own, beside models that he trained himself.

    Parameters
    ----------
    published : mapping, optional
        What :func:`watermarking.ownership.sealing.commitment` returned, as it was published. Where it holds
        :func:`answers_digest` of the references' answers, the verdict is the one with references; else without.
    inputs : array, optional
        What was asked, for whoever wants to ask both models again.
    fpr : float
        The false-positive rate at which the report says yes.

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    FileFormatError
        If the folder holds something.
    WatermarkError
        If what was published is of another key, mark, name or of other answers, or inputs are no numbers.
    """
    compared = proof.compared
    digest = answers_digest(compared.sides, compared.asked)
    check_new(folder, name, SoftLabelMark.from_config(proof.mark), key, published, answers=digest)
    files = {_ANSWERS: _packed(compared)} | ({} if inputs is None else {_INPUTS: _as_file(inputs, len(compared.asked))})
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    found = {
        "format": FORMAT, "kind": "classifier", "watermarking": __version__, "name": name, "mark": proof.mark,
        "key": key.reveal(), "key_commitment": key.commitment, "published": dict(published) if published else None,
        "result": _result(proof.detection, proof.alone, fpr, fixed=_is_fixed(published, digest)),
        "n_keys": proof.n_keys, "metering": metering_record(proof),
        "n_queries": proof.n_queries, "n_compared": proof.n_compared, "form": compared.form,
        "n_references": compared.n_references, "n_smoothed": len(compared.sides) - 1 - compared.n_references,
        "failures": {str(number): reason for number, reason in proof.failures.items()}, "notes": list(proof.notes),
        "files": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
        "command": "watermarking ownership report REPORT",
    }  # fmt: skip
    said = json.loads(json.dumps(found))  # what the page is made of is what a reader will find
    html = _page(said, compared).encode()
    said["page_sha256"] = hashlib.sha256(html).hexdigest()
    write_whole(folder / "report.json", lambda stream: stream.write(sealed(said)))
    write_whole(folder / "report.html", lambda stream: stream.write(html))
    return folder / "report.html"


def check_classifier_report(
    folder: Path, report: dict[str, Any], *, fpr: float, published: Mapping[str, Any] | None
) -> Checked:
    """Check a report of a classifier, see :func:`watermarking.ownership.report.check_report`.

    References count where whoever checks has, from where it was published, a commitment to their answers.

    Raises
    ------
    FileFormatError
        If it is no report.
    """
    try:
        mark, key = SoftLabelMark.from_config(report["mark"]), Key(bytes.fromhex(report["key"]))
        said = {name: float(report["result"][name]) for name in ("p_value", "score", "p_value_alone", "fpr")}
        files = {str(name): str(value) for name, value in report["files"].items()}
        counts = {name: int(report[name]) for name in ("n_queries", "n_compared", "n_references")}
        told = (report["published"], report["form"], report["name"], report["key_commitment"])
        n_keys, metering = max(1, int(report["n_keys"])), report["metering"]
    except (KeyError, TypeError, ValueError, AttributeError, WatermarkError) as error:
        raise FileFormatError(f"{folder} holds no report of a classifier: {error}") from error
    problems = [] if is_sealed(report) else ["report.json was changed after it was written"]
    if key.commitment != told[3]:
        problems.append("the key is not the one that its commitment binds to")
    compared, damaged = _unpacked(folder, files, counts["n_references"], told[1], mark)
    problems += damaged
    if compared is None:
        return Checked(report, None, False, problems)
    digest = answers_digest(compared.sides, compared.asked)
    for one in (told[0], published):
        wanted = digest if isinstance(one, dict) and "answers" in one else None
        if one is not None and one != commitment(str(told[2]), mark, key, answers=wanted):
            problems.append("what was published before binds to another key, mark or name, or to other answers")
    try:
        whole, alone, more = worked_out(compared, mark, key, n_keys=n_keys, metering=metering)
    except WatermarkError as error:
        return Checked(report, None, False, [*problems, f"its answers cannot be compared: {error}"])
    problems += more
    for what, value in (("p_value", whole.p_value), ("score", whole.score), ("p_value_alone", alone.p_value)):
        if not np.isclose(value, said[what], rtol=CLOSE, atol=0):
            problems.append(f"the answers lead to {what} = {value:.3g}, the report says {said[what]:.3g}")
    if counts["n_compared"] != len(compared.rows) or counts["n_queries"] < len(compared.rows):
        problems.append("it counts other queries than it has answers to")
    problems += _other_problems(report, compared, _result(whole, alone, said["fpr"], fixed=_is_fixed(told[0], digest)))
    problems += html_problems(folder, report, lambda: _page(report, compared))
    detection = whole if _is_fixed(published, digest) else alone
    return Checked(report, detection, not problems and detection.is_present(fpr), problems)


def _other_problems(report: Mapping[str, Any], compared: Compared, result: Mapping[str, Any]) -> list[str]:
    """Return what a report says of its own verdict and numbers that its answers do not lead to."""
    problems, said = [], report["result"]
    if any(said.get(name) != result[name] for name in ("statistic", "with_references", "is_present")) or not np.isclose(
        result["p_value_that_counts"], float(said.get("p_value_that_counts", "nan")), rtol=CLOSE, atol=0
    ):
        problems.append("its verdict is not that of its answers")
    n_smoothed, n_failed = len(compared.sides) - 1 - compared.n_references, len(report.get("failures", ()))
    n_lost = report["n_queries"] - n_failed - len(compared.rows)
    cut = 1 if report.get("metering") else 0  # whoever stops waiting leaves one query without an answer or a reason
    if report.get("n_smoothed") != n_smoothed or not 0 <= n_lost <= cut:
        problems.append("it counts other references or failures than there are")
    return problems


def _is_fixed(published: Mapping[str, Any] | None, digest: str) -> bool:
    """Say whether the references' answers were published."""
    return published is not None and published.get("answers") == digest


def _result(detection: Detection, alone: Detection, fpr: float, *, fixed: bool) -> dict[str, Any]:
    counts = detection if fixed else alone
    return {
        "p_value": float(detection.p_value), "score": float(detection.score), "statistic": detection.statistic,
        "p_value_alone": float(alone.p_value), "fpr": fpr, "with_references": fixed,
        "p_value_that_counts": float(counts.p_value), "is_present": bool(counts.is_present(fpr)),
    }  # fmt: skip


def _packed(compared: Compared) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(
        stream, rows=compared.rows, suspect=compared.suspect, sides=compared.sides, asked=compared.asked
    )
    return stream.getvalue()


def _as_file(inputs: Any, n: int) -> bytes:
    found = np.asarray(inputs.detach().cpu().numpy() if hasattr(inputs, "detach") else inputs)
    if found.dtype.kind not in "uif" or len(found) != n:
        raise WatermarkError(
            f"the inputs are {found.shape} {found.dtype}: give the {n} arrays that were asked, or None"
        )
    stream = io.BytesIO()
    np.save(stream, found, allow_pickle=False)
    return stream.getvalue()


def _unpacked(
    folder: Path, files: Mapping[str, str], n_references: int, form: Any, mark: SoftLabelMark
) -> tuple[Compared | None, list[str]]:
    """Return the answers of a report, None where they are not what was written, and what is wrong with its files."""
    problems, contents = [], {}
    for name in (_ANSWERS, _INPUTS):
        if name not in files and name == _INPUTS:
            continue
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError:
            problems.append(f"{name} is missing")
            continue
        if hashlib.sha256(contents[name]).hexdigest() != files.get(name):
            problems.append(f"{name} is not what was written")
    if problems:
        return None, problems
    try:
        with np.load(io.BytesIO(contents[_ANSWERS]), allow_pickle=False) as found:
            rows, suspect, sides, asked = (found[name] for name in ("rows", "suspect", "sides", "asked"))
        compared = Compared(rows.astype(np.int64), suspect, sides, n_references, asked, form)
        if form not in _FORMS or not _fit(compared, mark.n_classes):
            return None, [f"{_ANSWERS} holds answers that do not fit together"]
        if _INPUTS in contents and mark.coarse.kind == "pictures":
            inputs = np.load(io.BytesIO(contents[_INPUTS]), allow_pickle=False)
            if not np.allclose(mark.coarse.numbers(inputs), asked, atol=1e-4):
                problems.append(f"{_INPUTS} holds other inputs than those whose answers are compared")
        return compared, problems
    except _UNREADABLE as error:
        return None, [f"{_ANSWERS} cannot be read: {error}"]


def _fit(compared: Compared, n_classes: int) -> bool:
    """Say whether answers fit together: each query once and in order, probabilities on all sides."""
    rows, suspect, sides, asked = compared.rows, compared.suspect, compared.sides, compared.asked
    if sides.ndim != 3 or sides.shape[1:] != (len(asked), n_classes) or not 0 <= compared.n_references < len(sides):
        return False
    if not rows.size or rows[0] < 0 or rows[-1] >= len(asked) or (np.diff(rows) < 1).any():
        return False
    if suspect.shape != (len(rows), n_classes) or not np.isfinite(asked).all():
        return False
    check_probabilities(sides.reshape(-1, n_classes), n_classes)
    return bool(np.isfinite(suspect).all() and suspect.min() >= 0 and suspect.max() <= 1 + 1e-6)


def _page(found: Mapping[str, Any], compared: Compared) -> str:
    mark = {name: value for name, value in found["mark"].items() if name != "coarse"}
    shown = [_row(compared, number) for number in range(min(_SHOWN, len(compared.rows)))]
    coarse = found["mark"]["coarse"]["kind"]
    return rendered("classifier.html", report=found, shown=shown, mark=json.dumps(mark), coarse=coarse)


def _row(compared: Compared, number: int) -> dict[str, Any]:
    """Return the largest probabilities of one answer of either side."""

    def largest(row: F64) -> str:
        return ", ".join(f"{c}: {row[c]:.3g}" for c in np.argsort(-row)[: 1 + _OTHERS])

    return {
        "query": int(compared.rows[number]), "suspect": largest(compared.suspect[number]),
        "own": largest(compared.own[number]),
    }  # fmt: skip
