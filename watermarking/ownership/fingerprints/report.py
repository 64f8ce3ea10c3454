"""Whose copy it was on paper: what was read of each place, the key that reads it, and a check of what they lead to."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking import __version__
from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.keys import Key
from watermarking.ownership.fingerprints.carrier import Levels
from watermarking.ownership.fingerprints.judging import judged_by_layers
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.marks import mark_config
from watermarking.ownership.page import html_problems, rendered
from watermarking.ownership.sealing import CLOSE, FORMAT, Checked, check_new, commitment, is_sealed, sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from watermarking.interface import Detection
    from watermarking.ownership.fingerprints.manifest import Manifest
    from watermarking.ownership.fingerprints.trace import Tracing

__all__ = ["KIND", "check_tracing_report", "write_tracing_report"]

KIND: Final = "fingerprints"
_SHOWN: Final = 20


def write_tracing_report(
    folder: Path, tracing: Tracing, known: Manifest, key: Key, *, suspect_sha256: str | None = None,
    published: Mapping[str, Any] | None = None, fpr: float = 1e-6,
) -> Path:  # fmt: skip
    """Write whose copy it was, with what was read of the suspect, into a new folder: ``report.json`` and a page.

    The key in it is that of this model's fingerprints: whoever reads the report can find them in all copies, take them
    out, and make other customers'. What was read is in it, the weights are not: whoever judges reads the suspect anew.

    Parameters
    ----------
    tracing : Tracing
        Of weights; answers have a report of their own, see
        :func:`watermarking.ownership.classifiers.report.write_classifier_report`.
    known : Manifest
    key : Key
        Of the model's fingerprints, see :func:`watermarking.ownership.proof.subkey`.
    suspect_sha256 : str, optional
        Hash of the suspect's file.
    published : mapping, optional
        What :func:`watermarking.ownership.sealing.commitment` returned, as it was published.
    fpr : float

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    FileFormatError
        If the folder holds something.
    WatermarkError
        If what was published is of another key, mark or name, or it is no tracing of weights.
    """
    levels = tracing.levels
    if levels is None:
        raise WatermarkError("this tracing is of answers: write_classifier_report writes its report")
    check_new(folder, known.name, known.mark, key, published)
    found = {
        "format": FORMAT, "kind": KIND, "watermarking": __version__, "name": known.name,
        "mark": mark_config(known.mark), "key": key.reveal(), "key_commitment": key.commitment,
        "published": dict(published) if published else None, "own_sha256": known.own_sha256,
        "suspect_sha256": suspect_sha256, "customers": known.customers, "likeness": tracing.likeness,
        "notes": tracing.notes, "result": _result(tracing.detections, fpr),
        "levels": _written(levels), "layers": {name: _written(one) for name, one in tracing.layers.items()},
        "n_looks": tracing.n_looks,
        "command": "watermarking ownership report REPORT",
    }  # fmt: skip
    said = json.loads(json.dumps(found))
    html = _page(said).encode()
    said["page_sha256"] = hashlib.sha256(html).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "report.json", lambda stream: stream.write(sealed(said)))
    write_whole(folder / "report.html", lambda stream: stream.write(html))
    return folder / "report.html"


def check_tracing_report(
    folder: Path, report: dict[str, Any], *, fpr: float, published: Mapping[str, Any] | None
) -> Checked:
    """Check a report of a tracing, see :func:`watermarking.ownership.report.check_report`.

    Raises
    ------
    FileFormatError
        If it is no report.
    """
    try:
        mark, key = WeightMark.from_config(report["mark"]), Key(bytes.fromhex(report["key"]))
        levels, customers = _levels(report["levels"], mark), [str(one) for one in report["customers"]]
        layers = {str(name): _levels(one, mark) for name, one in report["layers"].items()}
        n_looks = max(int(report["n_looks"]), 1 + len(layers))
        said, enclosed, name = dict(report["result"]), report["published"], str(report["name"])
        rate = float(said["fpr"])
    except (KeyError, TypeError, ValueError, AttributeError, WatermarkError) as error:
        raise FileFormatError(f"{folder} holds no report of fingerprints: {error}") from error
    problems = [] if is_sealed(report) else ["report.json was changed after it was written"]
    if key.commitment != report.get("key_commitment"):
        problems.append("the key is not the one that its commitment binds to")
    if any(one is not None and one != commitment(name, mark, key) for one in (enclosed, published)):
        problems.append("what was published before binds to another key, mark or name")
    try:
        verdicts, _ = judged_by_layers(levels, layers, mark, customers, key=key, n_looks=n_looks)
        best = next(iter(verdicts.values()))
    except (WatermarkError, StopIteration) as error:
        return Checked(report, None, False, [*problems, f"what was read cannot be judged: {error}"])
    if not _same(_result(verdicts, rate), said):
        problems.append("what was read leads to another verdict than the report says")
    problems += html_problems(folder, report, lambda: _page(report))
    return Checked(report, best, not problems and best.is_present(fpr), problems)


def _result(verdicts: Mapping[str, Detection], fpr: float) -> dict[str, Any]:
    who, best = next(iter(verdicts.items()))
    return {
        "best": who, "p_value": float(best.p_value), "score": float(best.score), "statistic": best.statistic,
        "fpr": fpr, "is_present": bool(best.is_present(fpr)),
        "named": {name: float(one.p_value) for name, one in verdicts.items() if one.is_present(fpr)},
        "n_customers": len(verdicts),
    }  # fmt: skip


def _same(found: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    plain = ("fpr", "is_present", "n_customers", "statistic")
    try:
        if any(found[name] != said[name] for name in plain) or found["named"].keys() != said["named"].keys():
            return False
        if found["is_present"] and found["best"] != said["best"]:
            return False
        pairs = [(found["p_value"], said["p_value"]), *((p, said["named"][name]) for name, p in found["named"].items())]
        return all(bool(np.isclose(one, other, rtol=CLOSE, atol=0)) for one, other in pairs)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _written(levels: Levels) -> dict[str, Any]:
    """Return what was read as JSON takes it."""
    return {
        "values": [None if np.isnan(one) else one for one in levels.values.tolist()],
        "spread": levels.spread.tolist(), "norms": levels.norms.tolist(), "n_weights": levels.n_weights,
    }  # fmt: skip


def _levels(said: Mapping[str, Any], mark: WeightMark) -> Levels:
    values, spread, norms = (np.array(said[name], np.float64) for name in ("values", "spread", "norms"))
    if any(one.shape != (mark.length,) for one in (values, spread, norms)) or not (spread > 0).all():
        raise ValueError("what was read does not fit the mark")
    return Levels(values, spread, norms, int(said["n_weights"]))


def _page(report: Mapping[str, Any]) -> str:
    named = list(report["result"]["named"].items())
    return rendered(
        "fingerprints.html", report=report, mark=json.dumps(report["mark"], sort_keys=True), named=named[:_SHOWN],
        more=len(named) - _SHOWN,
    )  # fmt: skip
