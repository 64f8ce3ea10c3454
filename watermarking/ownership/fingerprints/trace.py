"""Whose copy a suspect is, or who merged theirs into it: by its weights, or by its answers alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watermarking.errors import WatermarkError
from watermarking.interface import Detection, Verdicts
from watermarking.ownership.fingerprints.align import likeness
from watermarking.ownership.fingerprints.answers import trace_answers, trace_labels
from watermarking.ownership.fingerprints.carrier import Carrier, Levels
from watermarking.ownership.fingerprints.issue import read_own, read_pictures
from watermarking.ownership.fingerprints.judging import judged_by_layers
from watermarking.ownership.fingerprints.manifest import Manifest, read_manifest
from watermarking.ownership.fingerprints.match import match_layers
from watermarking.ownership.fingerprints.order import in_place
from watermarking.ownership.fingerprints.weights import is_weights, read_weights
from watermarking.ownership.proof import subkey
from watermarking.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watermarking.keys import Key

__all__ = ["Tracing", "trace", "trace_weights"]


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
    layers : dict from name to Levels
        What was read in single layers in which somebody shows more clearly than in all weights together.
    n_looks : int
        At all weights together, and at each layer alone: what p-values count beside the customers.
    """

    name: str
    commitment: str
    likeness: float
    levels: Levels | None = field(repr=False)
    notes: list[str]
    layers: dict[str, Levels] = field(default_factory=dict, repr=False)
    n_looks: int = 1

    @property
    def best(self) -> tuple[str, Detection]:
        """The likeliest customer."""
        return next(iter(self.detections.items()))


def trace(
    suspect: Any, manifest: str | Path, key: Key, *, inputs: Any = None, references: Sequence[Any] = (),
    own: Any = None, ask: bool = False, **asking: Any,
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
    ask : bool
        Ask the suspect the verification pictures of copies that know triggers, whatever else it holds. Functions and
        answers have nothing else.
    references, own, asking :
        Of answers, see :func:`watermarking.ownership.fingerprints.answers.trace_answers` and, of verification
        pictures, :func:`watermarking.ownership.fingerprints.answers.trace_labels`.

    Raises
    ------
    WatermarkError
        If the key is another's, nobody has a copy, the suspect holds neither weights nor answers that can be read, or
        something is given that would not be used.
    WeightsError
        If it is a pickle.
    """
    manifest = Path(manifest)
    known = read_manifest(manifest)
    mine = subkey(key, known.name)
    known.check_key(mine)
    if not known.copies:
        raise WatermarkError(f"nobody has a copy of {known.name!r} yet: issue one before you trace")
    if inputs is not None and ask:
        raise WatermarkError("ask=True is for verification pictures, inputs are others: give one of both")
    if inputs is not None:
        found, notes = trace_answers(
            suspect, inputs, known, key=mine, own=own, references=references, **asking
        )  # fmt: skip
        return Tracing(found, known.name, mine.commitment, float("nan"), None, notes)
    folder = manifest if manifest.is_dir() else manifest.parent
    by_answers = ask or not is_weights(suspect)
    if by_answers and not known.pictures_sha256:
        raise WatermarkError("answers are read to inputs: give inputs that the suspect is asked, and own")
    given = {"own": own is not None, "references": len(references) > 0}
    unread = [name for name in given if given[name]] + ([] if by_answers else list(asking))
    if unread:
        what = "labels of verification pictures" if by_answers else "weights"
        raise WatermarkError(f"{', '.join(unread)}: of no use where {what} are read: leave it out, or give inputs")
    if by_answers:
        found, notes = trace_labels(suspect, read_pictures(folder, known), known, key=mine, **asking)
        return Tracing(found, known.name, mine.commitment, float("nan"), None, notes)
    return trace_weights(read_weights(suspect), read_own(folder, known), known, key=mine)


def trace_weights(suspect: Mapping[str, Any], own: Mapping[str, Any], known: Manifest, *, key: Key) -> Tracing:
    """Say whose copy some weights are; ``key`` is the model's fingerprints' own."""
    steps = Steps()
    carrier = Carrier(own, known.mark, key=key)
    matched = match_layers(suspect, own, carrier.layers)
    steps.done(f"{len(carrier.layers)} layers matched with the suspect's")
    found, notes = in_place(matched, own, known.groups, carrier.layers)
    alike = likeness(found, own, carrier.layers)
    steps.done(f"channels put into your model's order, cosine {alike:.3f}")
    levels = carrier.read(found)
    notes = [*matched.notes, *notes]
    if alike < 0.2:
        notes.append(f"a cosine of {alike:.2f} with your model's weights: nothing of them is left, if it is a copy")
    # An AND code's words are spread over all places: a part of them is no word.
    parts = [] if known.mark.code == "and" or len(carrier.layers) == 1 else carrier.layers
    layers, n_looks = {name: carrier.read(found, [name]) for name in parts}, 1 + len(parts)
    found_by, adding = judged_by_layers(levels, layers, known.mark, known.customers, key=key, n_looks=n_looks)
    steps.done(f"{len(known.customers)} customers judged by all weights, and by each of {len(parts)} layers")
    if known.mark.code == "and":
        notes.append(
            f"p-values of this AND code hold if at most {known.mark.design().order} copies were merged, by averaging: "
            "of more, or merged otherwise, it can name innocents"
        )
    if adding:
        notes.append(f"looked at alone, {', '.join(adding)} said more: copies may have been mixed layer by layer")
    kept = {name: layers[name] for name in adding}
    return Tracing(found_by, known.name, key.commitment, alike, levels, notes, kept, n_looks)
