"""The black-box carriers: copies that answer with a mark of their customer, and who is behind a suspect's answers.

Copies are taught it by a few epochs. Soft-label marks are learnt by whoever distils a copy; verification pictures with
keyed labels are not, and are read from labels alone: :mod:`watermarking.ownership.fingerprints.triggers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.classifiers.answers import is_answers
from watermarking.ownership.classifiers.asking import Interface, ask
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.proof import given_answers, verify_classifier
from watermarking.ownership.classifiers.suspects import read_answers
from watermarking.ownership.fingerprints.triggers import TriggerMark, judged_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.interface import Detection
    from watermarking.keys import Key
    from watermarking.ownership.fingerprints.manifest import Manifest

    Found = tuple[dict[str, Detection], list[str]]

__all__ = ["served_mark", "trace_answers", "trace_labels"]


def served_mark(known: Manifest) -> SoftLabelMark | TriggerMark:
    """Return the mark that copies answer with.

    Raises
    ------
    WatermarkError
        If they were not taught any.
    FileFormatError
        If it is one that this version does not know.
    """
    if known.served is None:
        raise WatermarkError(
            f"the copies of {known.name!r} were not taught to mark their answers, so these tell nobody: give the "
            "suspect's weights"
        )
    for kind in (SoftLabelMark, TriggerMark):
        if known.served.get("id") == kind.id:
            return kind.from_config(known.served)
    raise FileFormatError(f"copies that answer with {known.served.get('id')!r} are unknown here: use a later version")


def trace_answers(
    suspect: Any, inputs: Any, known: Manifest, *, key: Key, own: Any, references: Sequence[Any] = (), **asking: Any
) -> Found:
    """Return the verdict on each customer from a suspect's soft answers, the likeliest first, and what limits it.

    Parameters
    ----------
    suspect, inputs, references, asking : see :func:`watermarking.ownership.classifiers.proof.verify_classifier`
    known : Manifest
    key : Key
        Of the model's fingerprints.
    own : the unmarked model, or its answers

    Raises
    ------
    WatermarkError
        If the copies were not taught to answer with a soft-label mark, or the unmarked model is not given.
    """
    mark = served_mark(known)
    if not isinstance(mark, SoftLabelMark):
        raise WatermarkError(
            f"the copies of {known.name!r} know verification pictures, which are kept beside the manifest: they are "
            "asked these and no other inputs, so leave inputs out and say ask=True"
        )
    if own is None:
        raise WatermarkError("answers are compared with those of your unmarked model: give it, or its answers, as own")
    keys = {name: client_key(key, name) for name in known.customers}
    first = next(iter(keys.values()))
    proof = verify_classifier(suspect, inputs, own=own, mark=mark, key=first, references=references, **asking)
    return identify(proof.compared, mark, keys), [*proof.notes, *_untaught(known)]


def trace_labels(
    suspect: Any, pictures: npt.NDArray[np.uint8], known: Manifest, *, key: Key, interface: Interface | None = None
) -> Found:
    """Return the verdict on each customer from a suspect's labels of verification pictures, and what limits it.

    Parameters
    ----------
    suspect : torch module, ONNX file or session, function of batches, or its answers, one for each picture
        Rows of probabilities or logits, labels, or None where there is none.
    pictures : (n_pictures, C, H, W) uint8
        Unmarked, see :func:`watermarking.ownership.fingerprints.issue.read_pictures`.
    known : Manifest
    key : Key
        Of the model's fingerprints.
    interface : Interface, optional
        How the suspect is asked.

    Raises
    ------
    ModelAnswerError
        If the suspect answers nothing that can be read.
    WatermarkError
        If the copies know no verification pictures, or there is another number of answers.
    """
    mark = served_mark(known)
    if not isinstance(mark, TriggerMark):
        raise WatermarkError(
            f"the copies of {known.name!r} answer with a soft-label mark: give inputs that the suspect is "
            "asked, and own"
        )
    how = interface or Interface()
    is_given = is_answers(suspect)
    if is_given and len(suspect) != len(pictures):
        raise WatermarkError(f"{len(suspect)} answers, {len(pictures)} verification pictures: give one each, or None")
    if is_given:
        answers, failures = given_answers(suspect, len(pictures)), {}
    else:
        asked = ask(suspect, pictures, how, tolerant=True)
        answers, failures = asked.answers, asked.failures
    read = read_answers(answers, mark.n_classes, how)
    labels = np.full(len(pictures), -1, np.int64)
    labels[read.rows] = read.values.argmax(1)
    lost = {**failures, **read.failures}
    notes = [f"{len(lost)} queries have no answer, {min(lost)} first: {lost[min(lost)]}"] if lost else []
    return judged_labels(labels, mark, known.customers, key=key), [*notes, *_untaught(known)]


def _untaught(known: Manifest) -> list[str]:
    """Return a note on copies whose answers carry nothing; those of before it was noted down may or may not."""
    taught = sum(bool(copy.taught) for copy in known.copies)
    if taught in (0, len(known.copies)):
        return []
    return [f"of {len(known.copies)} copies {taught} are noted as taught: of the others answers tell nothing"]
