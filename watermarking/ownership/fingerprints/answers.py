"""The black-box carrier: copies that answer with a soft-label mark of their customer, and who is behind answers.

Copies are taught it by a few epochs on marked answers. Whoever distils a copy learns the mark with the task, which
pictures with wrong labels, the usual trigger sets, do not survive: nobody distils on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.proof import verify_classifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Detection
    from watermarking.keys import Key
    from watermarking.ownership.fingerprints.manifest import Manifest

__all__ = ["trace_answers"]


def trace_answers(
    suspect: Any, inputs: Any, known: Manifest, *, key: Key, own: Any, references: Sequence[Any] = (), **asking: Any
) -> tuple[dict[str, Detection], list[str]]:
    """Return the verdict on each customer from a suspect's answers, the likeliest first, and what limits it.

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
        If the copies were not taught to answer with a mark, or the unmarked model is not given.
    """
    if known.served is None:
        raise WatermarkError(
            f"the copies of {known.name!r} were not taught to mark their answers, so these tell nobody: give the "
            "suspect's weights"
        )
    if own is None:
        raise WatermarkError("answers are compared with those of your unmarked model: give it, or its answers, as own")
    mark = SoftLabelMark.from_config(known.served)
    keys = {name: client_key(key, name) for name in known.customers}
    first = next(iter(keys.values()))
    proof = verify_classifier(suspect, inputs, own=own, mark=mark, key=first, references=references, **asking)
    return identify(proof.compared, mark, keys), list(proof.notes)
