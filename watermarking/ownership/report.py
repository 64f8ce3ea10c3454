"""A proof on paper: what a third party can check without the master key, and whether it is still as it was written."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking import __version__
from watermarking.datasets.writing import write_whole
from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.ownership.controls import null_p_value
from watermarking.ownership.marks import MeteredMark, get_mark
from watermarking.ownership.page import page, page_problems, shown
from watermarking.ownership.proof import found_by
from watermarking.ownership.sealing import CLOSE, Checked, check_new, commitment, is_sealed, sealed
from watermarking.ownership.stored import FORMAT, Loaded, read_report, store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from watermarking.interface import Detection, Image
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.pairing import Pair
    from watermarking.ownership.proof import Proof

__all__ = ["Checked", "check_new", "check_report", "commitment", "write_report"]


def write_report(
    folder: Path, proof: Proof, key: Key, *, name: str, published: Mapping[str, Any] | None = None, fpr: float = 1e-6
) -> Path:
    """Write a proof with all that it rests on into a new folder: ``report.json``, ``report.html`` and pictures.

    The key in it is the mark's own. It stands for this model alone; whoever reads the report can make marks with it.

    Parameters
    ----------
    published : mapping, optional
        What :func:`commitment` returned, as it was published.
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
        If what was published is of another key or mark.
    """
    check_new(folder, name, get_mark(proof.mark), key, published)
    (folder / "pictures").mkdir(parents=True)
    control, metering = proof.control, proof.metering
    said = {
        "format": FORMAT, "watermarking": __version__, "name": name, "mark": proof.mark, "key": key.reveal(),
        "key_commitment": key.commitment, "published": dict(published) if published else None,
        "result": _result(proof, fpr),
        "control": control and {"p_value": control.p_value, "level": control.level, "scores": control.scores},
        "metering": metering
        and {"level": metering.level, "e_values": metering.e_values, "stopped": metering.stopped},
        "n_queries": proof.n_queries, "n_compared": proof.n_compared,
        "failures": {str(name): reason for name, reason in proof.failures.items()},
        "pictures": [_stored(folder, number, pair) for number, pair in enumerate(proof.pairs)],
        "references": _stored_others(folder, "reference", proof.references),
        "controls": _stored_others(folder, "control", proof.controls),
        "shown": shown(folder, proof.pairs), "command": "watermarking ownership report REPORT",
    }  # fmt: skip
    found = json.loads(json.dumps(said))  # what the page is made of is what a reader will find
    html = page(found).encode()
    found["page_sha256"] = hashlib.sha256(html).hexdigest()
    write_whole(folder / "report.json", lambda stream: stream.write(sealed(found)))
    write_whole(folder / "report.html", lambda stream: stream.write(html))
    return folder / "report.html"


def check_report(folder: Path, *, fpr: float = 1e-6, published: Mapping[str, Any] | None = None) -> Checked:
    """Check a report: that nothing in it or its page was changed, and what p-value its pictures and its key lead to.

    The verdict is that of the answers alone. References are the owner's choice, and chosen after the suspect's answers
    they can make of chance what one likes: what they add is in the report, and counts for nothing here.

    Parameters
    ----------
    fpr : float
        The false-positive rate of whoever checks.
    published : mapping, optional
        The commitment as it was published, from where it was published.

    Raises
    ------
    FileFormatError
        If it is no report.
    """
    report = read_report(folder)
    if report.get("kind") == "classifier":
        from watermarking.ownership.classifiers.report import check_classifier_report

        return check_classifier_report(folder, report, fpr=fpr, published=published)
    if report.get("kind") == "fingerprints":
        from watermarking.ownership.fingerprints.report import check_tracing_report

        return check_tracing_report(folder, report, fpr=fpr, published=published)
    problems = []
    if not is_sealed(report):
        problems.append("report.json was changed after it was written")
    loaded = Loaded(folder, report)
    problems += loaded.problems
    problems += page_problems(folder, report, loaded)
    key, mark = Key(bytes.fromhex(report["key"])), get_mark(report["mark"])
    if key.commitment != report["key_commitment"]:
        problems.append("the key is not the one that its commitment binds to")
    if any(
        one is not None and one != commitment(str(report["name"]), mark, key)
        for one in (report["published"], published)
    ):
        problems.append("what was published before binds to another key, mark or name")
    detection = None
    if not loaded.problems:
        detection, more = _worked_out(report, mark, key, loaded)
        problems += more
    return Checked(report, detection, detection is not None and not problems and detection.is_present(fpr), problems)


def _worked_out(
    report: Mapping[str, Any], mark: OwnershipMark, key: Key, loaded: Loaded
) -> tuple[Detection | None, list[str]]:
    """Return the verdict without references, and in what the report's own differs from what it should say."""
    said = report["result"]
    try:
        plain, values = _verdict(report, mark, key, loaded)
        whole = plain
        if loaded.references:
            whole = mark.verify(loaded.suspect, loaded.own, key=key, references=loaded.references)
        found = {"p_value": whole.p_value, "score": whole.score, "p_value_alone": plain.p_value}
        problems = list(_control_problems(report, mark, key, loaded, plain))
    except (WatermarkError, ValueError) as error:
        return None, [f"its pictures cannot be compared: {error}"]
    for what, value in found.items():
        if not np.isclose(value, float(said[what]), rtol=CLOSE, atol=0):
            problems.append(f"the pictures lead to {what} = {value:.3g}, the report says {said[what]:.3g}")
    if report["metering"] is not None and not _same(values, report["metering"]["e_values"]):
        problems.append("the pictures lead to other e-values than the report says")
    if said["is_present"] != bool(plain.is_present(float(said["fpr"]))):
        problems.append("its verdict is not that of its p-value")
    if report["n_compared"] != len(loaded.suspect) or report["n_queries"] < len(loaded.suspect):
        problems.append("it counts other queries than it has pictures of")
    return plain, problems


def _verdict(report: Mapping[str, Any], mark: OwnershipMark, key: Key, loaded: Loaded) -> tuple[Detection, list[float]]:
    """Return the verdict of the answers alone; if they were gathered query by query, with the e-value after each."""
    if report["metering"] is None:
        return found_by(mark, loaded.suspect, loaded.own, key), []
    if not isinstance(mark, MeteredMark):
        raise WatermarkError(f"the evidence of the mark {mark.id!r} is not gathered query by query")
    course = list(mark.evidence(zip(loaded.suspect, loaded.own, strict=True), key=key))
    return course[-1].detection, [float(one.e_value) for one in course]


def _control_problems(
    report: Mapping[str, Any], mark: OwnershipMark, key: Key, loaded: Loaded, plain: Detection
) -> Iterator[str]:
    said = report["control"]
    if said is None:
        return
    scores = [float(found_by(mark, answers, loaded.own, key).score) for answers in loaded.controls]
    p_value = null_p_value(plain.score, scores)
    if not _same([p_value, *scores], [said["p_value"], *said["scores"]]):
        yield f"the controls lead to a p-value of {p_value:.3g}, the report says {said['p_value']:.3g}"


def _same(found: Sequence[float], said: Sequence[float]) -> bool:
    return len(found) == len(said) and bool(np.allclose(found, np.asarray(said, float), rtol=CLOSE, atol=1e-9))


def _result(proof: Proof, fpr: float) -> dict[str, Any]:
    """Say what was found; the verdict is that of the answers alone, without references."""
    detection, alone = proof.detection, proof.alone
    return {
        "p_value": float(detection.p_value), "score": float(detection.score), "statistic": detection.statistic,
        "p_value_alone": float(alone.p_value), "fpr": fpr, "is_present": bool(alone.is_present(fpr)),
    }  # fmt: skip


def _stored(folder: Path, number: int, pair: Pair) -> dict[str, Any]:
    return {
        "name": str(pair.name),
        "suspect": store(folder, f"{number:06d}-suspect", pair.suspect),
        "own": None if pair.own is None else store(folder, f"{number:06d}-own", pair.own),
    }


def _stored_others(folder: Path, what: str, others: Sequence[Sequence[Image]]) -> list[list[dict[str, str]]]:
    return [
        [store(folder, f"{number:06d}-{what}-{which}", picture) for number, picture in enumerate(answers)]
        for which, answers in enumerate(others)
    ]
