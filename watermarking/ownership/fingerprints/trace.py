"""Whose copy a suspect is, or who merged theirs into it: by its weights, or by its answers alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.codes.tracing.identifiers import identify
from watermarking.codes.tracing.levels import accuse_levels
from watermarking.errors import WatermarkError
from watermarking.interface import Detection, Verdicts
from watermarking.ownership.fingerprints.align import aligned, likeness
from watermarking.ownership.fingerprints.answers import trace_answers
from watermarking.ownership.fingerprints.carrier import Carrier, Levels
from watermarking.ownership.fingerprints.issue import read_own
from watermarking.ownership.fingerprints.manifest import Manifest, read_manifest
from watermarking.ownership.fingerprints.match import match_layers
from watermarking.ownership.fingerprints.weights import is_weights, read_weights
from watermarking.ownership.proof import subkey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watermarking.keys import Key
    from watermarking.ownership.fingerprints.mark import WeightMark

__all__ = ["Tracing", "judged", "trace"]

_ANY: Final = 1e-12  # what a spread is at least


@dataclass(frozen=True)
class Tracing(Verdicts):
    """The verdict on every customer, the likeliest first; p-values count all of them.

    Attributes
    ----------
    detections : dict from customer to Detection
    name : str, of the model
    commitment : str, of the key
    likeness : float
        Mean cosine of the suspect's layers and the unmarked model's, once they are in one order; of copies near 1.
        NaN of answers.
    levels : Levels or None
        What was read of each place; None of answers.
    notes : list of str, what was undone, and what limits the verdict
    """

    name: str
    commitment: str
    likeness: float
    levels: Levels | None = field(repr=False)
    notes: list[str]

    @property
    def best(self) -> tuple[str, Detection]:
        """The likeliest customer."""
        return next(iter(self.detections.items()))


def trace(
    suspect: Any, manifest: Path, key: Key, *, inputs: Any = None, references: Sequence[Any] = (), own: Any = None,
    **asking: Any,
) -> Tracing:  # fmt: skip
    """Say whose copy a suspect is.

    Parameters
    ----------
    suspect : torch module, mapping, .safetensors or .onnx file; or, with ``inputs``, a function of batches or answers
        Of what holds weights these are read, in whatever order its channels are; with ``inputs`` it is asked alone.
    manifest : path
        Of the folder that copies were issued into, or of its manifest; the unmarked model lies beside it.
    key : Key
        Your own.
    inputs : N inputs, optional
        What the suspect is asked: then its answers are read, which copies must have been taught to mark.
    references, own, asking :
        Of answers, see :func:`watermarking.ownership.fingerprints.answers.trace_answers`.

    Raises
    ------
    WatermarkError
        If the key is another's, nobody has a copy, or the suspect holds neither weights nor answers that can be read.
    WeightsError
        If it is a pickle.
    """
    known = read_manifest(manifest)
    mine = subkey(key, known.name)
    known.check_key(mine)
    if not known.copies:
        raise WatermarkError(f"nobody has a copy of {known.name!r} yet: issue one before you trace")
    if inputs is not None:
        found, notes = trace_answers(
            suspect, inputs, known, key=mine, own=own, references=references, **asking
        )  # fmt: skip
        return Tracing(found, known.name, mine.commitment, float("nan"), None, notes)
    if not is_weights(suspect):
        raise WatermarkError("a function has no weights: give inputs that it is asked, and what the copies answer with")
    folder = manifest if manifest.is_dir() else manifest.parent
    return trace_weights(read_weights(suspect), read_own(folder, known), known, key=mine)


def trace_weights(suspect: Mapping[str, Any], own: Mapping[str, Any], known: Manifest, *, key: Key) -> Tracing:
    """Say whose copy some weights are; ``key`` is the model's fingerprints' own."""
    carrier = Carrier(own, known.mark, key=key)
    matched = match_layers(suspect, own, carrier.layers)
    found, notes = aligned(matched.weights, own, known.groups, carrier.layers)
    alike = likeness(found, own, carrier.layers)
    levels = carrier.read(found)
    notes = [*matched.notes, *notes]
    if alike < 0.2:
        notes.append(f"its weights have a cosine of {alike:.2f} with your model's: it is no copy of it, or was undone")
    return Tracing(judged(levels, known.mark, known.customers, key=key), known.name, key.commitment, alike, levels, notes)


def judged(levels: Levels, mark: WeightMark, customers: Sequence[str], *, key: Key) -> dict[str, Detection]:
    """Return what places that were read say of each customer, the likeliest first, all of them counted.

    An identifier names one customer at most: the others' p-values are 1. AND codes count customers by the order of
    issue.
    """
    spread = np.maximum(levels.spread, _ANY)
    if mark.code == "tardos":
        return accuse_levels(mark.tardos(), levels.values, spread, customers, key=key, keep=max(len(customers), 1)).detections
    values = np.nan_to_num(levels.values)
    if mark.code == "and":
        verdicts = mark.design().accuse(_of_all(values, spread, mark.design().order), key=key)
        pairs = zip(customers, verdicts, strict=False)
        return dict(sorted(pairs, key=lambda item: item[1].p_value))
    name, detection = identify(2 * values / spread**2, customers, key=key)
    nobody = Detection(0.0, 1.0, detection.statistic)
    first = {} if name is None else {name: detection}
    return first | {one: nobody for one in customers if one != name}


def _of_all(values: np.ndarray, spread: np.ndarray, colluders: int) -> np.ndarray:
    """Return log-likelihood ratios of all colluders having a one: an average is 1 then, and at most 1 - 2 / c else.

    Noise is taken as what lies beyond what averages can show, or as the spread, whichever is more.
    """
    noise = max(float(np.sqrt(np.mean(spread**2))), float(np.std(values[values > 1])) if (values > 1).sum() > 2 else 0)
    least = 1 - 2 / colluders
    return np.asarray(((values - least) ** 2 - (values - 1) ** 2) / (2 * noise**2))
