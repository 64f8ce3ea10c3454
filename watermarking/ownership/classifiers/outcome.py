"""What compared answers lead to: of a fixed number of queries or query by query, for all keys that were tried."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.metered import course_of, verdict_of
from watermarking.ownership.classifiers.proof import ClassifierProof, compare
from watermarking.ownership.classifiers.references import check_course
from watermarking.ownership.sealing import CLOSE
from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watermarking.interface import Detection
    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.verdict import Compared

__all__ = ["metering_record", "of_client", "worked_out"]


def of_client(proof: ClassifierProof, mark: SoftLabelMark, key: Key, n_keys: int) -> ClassifierProof:
    """Return the proof about one of several clients from that about another: the answers are the same ones.

    Both p-values are times the number of keys that were tried, as
    :func:`watermarking.ownership.classifiers.clients.identify` has them.

    Raises
    ------
    WatermarkError
        If the owner's model or a reference carries the mark of this client.
    """
    detection, alone, notes = compare(proof.compared, mark, key)
    return replace(
        proof, detection=_tried(detection, n_keys), alone=_tried(alone, n_keys), commitment=key.commitment,
        notes=notes, n_keys=n_keys,
    )  # fmt: skip


def metering_record(proof: ClassifierProof) -> dict[str, Any] | None:
    """Return what a report says of how evidence was gathered."""
    one = proof.metering
    return None if one is None else {"level": one.level, "e_values": list(one.e_values), "stopped": one.stopped}


def worked_out(
    compared: Compared, mark: SoftLabelMark, key: Key, *, n_keys: int, metering: Mapping[str, Any] | None
) -> tuple[Detection, Detection, list[str]]:
    """Return the verdict with references, that without them, and in what a report's course is another one.

    Parameters
    ----------
    metering : as :func:`metering_record` returns it

    Raises
    ------
    WatermarkError
        If a reference or the owner's model carries the mark, or these are no e-values.
    """
    if metering is None:
        whole, alone, _ = compare(compared, mark, key)
        return _tried(whole, n_keys), _tried(alone, n_keys), []
    check_course(compared, mark, key)
    try:
        said = np.asarray(metering["e_values"], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise WatermarkError(f"it holds no e-values: {error}") from error
    if compared.form == "labels":
        return verdict_of([]), verdict_of([]), []
    course = course_of(compared, mark, key)
    same = said.shape == (len(course),) and bool(np.allclose(course, said, rtol=CLOSE, atol=1e-9))
    without = course_of(compared, mark, key, alone=True) if len(compared.references) else course
    problems = [] if same else ["the answers lead to other e-values than the report says"]
    return verdict_of(course), verdict_of(without), problems


def _tried(detection: Detection, n_keys: int) -> Detection:
    if n_keys == 1:
        return detection
    return replace(
        detection, p_value=any_of(detection.p_value, n_keys), statistic=f"{detection.statistic}, of {n_keys} keys tried"
    )
