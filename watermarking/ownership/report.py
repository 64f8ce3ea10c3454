"""A proof on paper: what a third party can check without the master key, and whether it is still as it was written."""

from __future__ import annotations

import hashlib
import io
import json
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image as PilImage

from watermarking import __version__
from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.keys import Key
from watermarking.ownership.marks import get_mark
from watermarking.ownership.sealing import (
    CLOSE,
    FORMAT,
    Checked,
    check_new,
    commitment,
    is_sealed,
    sealed,
)
from watermarking.pictures.files import read_picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from watermarking.interface import Detection, Image
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.proof import Proof

__all__ = ["Checked", "check_new", "check_report", "commitment", "write_report"]

_SHOWN: Final = 12
_AMPLIFIED: Final = 8


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
    pictures = [_stored(folder, number, pair) for number, pair in enumerate(proof.pairs)]
    references = [
        [_store(folder, f"{number:06d}-reference-{which}", picture) for number, picture in enumerate(answers)]
        for which, answers in enumerate(proof.references)
    ]
    found = {
        "format": FORMAT, "watermarking": __version__, "name": name, "mark": proof.mark, "key": key.reveal(),
        "key_commitment": key.commitment, "published": dict(published) if published else None,
        "result": _result(proof, fpr),
        "n_queries": proof.n_queries, "n_compared": proof.n_compared, "failures": dict(proof.failures),
        "pictures": pictures, "references": references,
        "command": "watermarking ownership report REPORT",
    }  # fmt: skip
    write_whole(folder / "report.json", lambda stream: stream.write(sealed(found)))
    html = _page(found, [_shown(folder, number, pair) for number, pair in enumerate(proof.pairs[:_SHOWN])])
    write_whole(folder / "report.html", lambda stream: stream.write(html.encode()))
    return folder / "report.html"


def check_report(folder: Path, *, fpr: float = 1e-6, published: Mapping[str, Any] | None = None) -> Checked:
    """Check a report: that nothing in it was changed, and what p-value its pictures and its key lead to.

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
    report = _read(folder)
    if report.get("kind") == "classifier":
        from watermarking.ownership.classifiers.report import check_classifier_report

        return check_classifier_report(folder, report, fpr=fpr, published=published)
    problems = []
    if not is_sealed(report):
        problems.append("report.json was changed after it was written")
    pictures, references, damaged = _load(folder, report)
    problems += damaged
    key, mark = Key(bytes.fromhex(report["key"])), get_mark(report["mark"])
    if key.commitment != report["key_commitment"]:
        problems.append("the key is not the one that its commitment binds to")
    if any(
        one is not None and one != commitment(str(report["name"]), mark, key)
        for one in (report["published"], published)
    ):
        problems.append("what was published before binds to another key, mark or name")
    detection = None
    if not damaged:
        detection, more = _worked_out(report, mark, key, pictures, references)
        problems += more
    return Checked(report, detection, detection is not None and not problems and detection.is_present(fpr), problems)


def _worked_out(
    report: Mapping[str, Any], mark: OwnershipMark, key: Key, pictures: list[tuple[Image, Image]],
    references: list[list[Image]],
) -> tuple[Detection | None, list[str]]:  # fmt: skip
    """Return the verdict without references, and in what the report's own differs from what it should say."""
    suspect, own = [one for one, _ in pictures], [other for _, other in pictures]
    try:
        plain = mark.verify(suspect, own, key=key)
        whole = mark.verify(suspect, own, key=key, references=references) if references else plain
    except WatermarkError as error:
        return None, [f"its pictures cannot be compared: {error}"]
    said, problems = report["result"], []
    for what, found in (("p_value", whole.p_value), ("score", whole.score), ("p_value_alone", plain.p_value)):
        if not np.isclose(found, float(said[what]), rtol=CLOSE, atol=0):
            problems.append(f"the pictures lead to {what} = {found:.3g}, the report says {said[what]:.3g}")
    if said["is_present"] != bool(plain.is_present(float(said["fpr"]))):
        problems.append("its verdict is not that of its p-value")
    if report["n_compared"] != len(pictures) or report["n_queries"] < len(pictures):
        problems.append("it counts other queries than it has pictures of")
    return plain, problems


def _result(proof: Proof, fpr: float) -> dict[str, Any]:
    """Say what was found; the verdict is that of the answers alone, without references."""
    detection, alone = proof.detection, proof.alone
    return {
        "p_value": float(detection.p_value), "score": float(detection.score), "statistic": detection.statistic,
        "p_value_alone": float(alone.p_value), "fpr": fpr, "is_present": bool(alone.is_present(fpr)),
    }  # fmt: skip


def _store(folder: Path, name: str, picture: Image) -> dict[str, str]:
    stream = io.BytesIO()
    PilImage.fromarray(picture).save(stream, "PNG")
    (folder / "pictures" / f"{name}.png").write_bytes(stream.getvalue())
    return {"file": f"pictures/{name}.png", "sha256": hashlib.sha256(stream.getvalue()).hexdigest()}


def _stored(folder: Path, number: int, pair: Any) -> dict[str, Any]:
    return {
        "name": pair.name,
        "suspect": _store(folder, f"{number:06d}-suspect", pair.suspect),
        "own": _store(folder, f"{number:06d}-own", pair.own),
    }


def _shown(folder: Path, number: int, pair: Any) -> dict[str, str]:
    """Store, for the page alone, how the suspect's answer differs from the owner's, amplified."""
    change = (pair.suspect.astype(np.int16) - pair.own) * _AMPLIFIED + 128
    amplified = _store(folder, f"{number:06d}-difference", np.clip(change, 0, 255).astype(np.uint8))
    return {"name": pair.name, "difference": amplified["file"]} | {
        who: f"pictures/{number:06d}-{who}.png" for who in ("suspect", "own")
    }


def _page(found: Mapping[str, Any], shown: Sequence[Mapping[str, str]]) -> str:
    import jinja2

    template = resources.files("watermarking.ownership").joinpath("templates/report.html").read_text("utf-8")
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    return page.render(report=found, shown=shown, amplified=_AMPLIFIED, mark=json.dumps(found["mark"]))


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{folder} holds no report: {error}") from error
    if isinstance(found, dict) and found.get("kind") == "classifier":
        return found
    if not isinstance(found, dict) or not _is_report(found):
        raise FileFormatError(f"{path} is no report of format {FORMAT}")
    return found


def _is_report(found: dict[str, Any]) -> bool:
    """Say whether it has what a report has, each of its kind; what it says may be anything."""
    try:
        Key(bytes.fromhex(found["key"]))
        get_mark(found["mark"])
        numbers = [float(found["result"][name]) for name in ("p_value", "p_value_alone", "score", "fpr")]
        entries = [pair[who] for pair in found["pictures"] for who in ("suspect", "own")]
        entries += [entry for answers in found["references"] for entry in answers]
        words = [entry[name] for entry in entries for name in ("file", "sha256")]
        counts = [found["n_compared"], found["n_queries"]]
        return (
            found["format"] == FORMAT and bool(found["pictures"]) and all(isinstance(word, str) for word in words)
            and all(np.isfinite(numbers)) and all(isinstance(n, int) for n in counts)
            and isinstance(found["published"], (dict, type(None))) and {"name", "key_commitment"} <= found.keys()
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError, WatermarkError):
        return False


def _load(folder: Path, report: Mapping[str, Any]) -> tuple[list[tuple[Image, Image]], list[list[Image]], list[str]]:
    problems: list[str] = []

    def picture(entry: Mapping[str, str]) -> Image:
        path = folder / "pictures" / PurePosixPath(entry["file"]).name  # a report may come from anybody
        try:
            content = path.read_bytes()
        except OSError:
            problems.append(f"{entry['file']} is missing")
            return np.zeros((1, 1), np.uint8)
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            problems.append(f"{entry['file']} is not what was written")
            return np.zeros((1, 1), np.uint8)
        try:
            return read_picture(content).array
        except (WatermarkError, OSError):
            problems.append(f"{entry['file']} is no picture")
            return np.zeros((1, 1), np.uint8)

    pairs = [(picture(one["suspect"]), picture(one["own"])) for one in report["pictures"]]
    references = [[picture(entry) for entry in answers] for answers in report["references"]]
    return pairs, references, problems
