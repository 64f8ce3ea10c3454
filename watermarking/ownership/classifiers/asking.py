"""Classifiers as functions of batches, whatever they work in, and what comes of asking one that may fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.answers import (
    as_rows,
    check_probabilities,
    is_answers,
    kind_of,
    one_by_one,
    softmax,
)
from watermarking.ownership.models import Conventions, ModelAnswerError, chosen_output, onnx_session

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    F64 = npt.NDArray[np.float64]

__all__ = [
    "Asked",
    "Interface",
    "Output",
    "as_classifier",
    "ask",
    "check_evaluating",
    "chosen",
    "network_input",
    "probabilities_of",
]

Output: TypeAlias = Literal["auto", "probabilities", "logits"]

_MOST_FAILURES: Final = 50
"""In a row: then the model is taken to be gone."""
_ONNX_TYPES: Final = {"tensor(float16)": "float16", "tensor(double)": "float64"}


@dataclass(frozen=True, kw_only=True)
class Interface:
    """How a classifier is asked, and what it answers with.

    Parameters
    ----------
    output : "auto", "probabilities" or "logits"
        Found out if left out: where it cannot be told safely, an error says so.
    classes : sequence of str, optional
        Names of the classes in the mark's order, where answers name them.
    which : int or str, optional
        Which of several outputs it is.
    prepare : callable, optional
        Makes of a batch what the model takes. Without it networks get pictures as (N, C, H, W) and vectors as (N, D),
        float32, integers over their peak; functions get what they are given.
    batch : int
        Inputs asked together.
    device : str
        Torch device.

    Raises
    ------
    WatermarkError
        If there is no such output, or no input in a batch.
    """

    output: Output = "auto"
    classes: tuple[str, ...] | None = None
    which: int | str | None = None
    prepare: Callable[[Any], Any] | None = None
    batch: int = 64
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.output not in ("auto", "probabilities", "logits"):
            raise WatermarkError(f"no classifier answers with {self.output!r}: say 'probabilities' or 'logits'")
        if self.batch < 1:
            raise WatermarkError(f"{self.batch} inputs cannot be asked together: give 1 or more")
        if self.classes is not None:
            object.__setattr__(self, "classes", tuple(self.classes))
            if len(set(self.classes or ())) != len(self.classes or ()):
                raise WatermarkError("two classes have one name: give each a name of its own")


@dataclass(frozen=True)
class Asked:
    """What came of asking.

    Attributes
    ----------
    answers : list, one for each query, None where there is none
    failures : dict, number of the query -> why there is none
    """

    answers: list[Any]
    failures: dict[int, str]


def as_classifier(model: Any, how: Interface) -> Callable[[Any], Any]:
    """Return a model as a function of a batch of inputs.

    Parameters
    ----------
    model : torch module in evaluation mode, ONNX file or onnxruntime session, or a function of batches

    Raises
    ------
    WatermarkError
        If it is none of these, or a module in training mode.
    FileFormatError, MissingExtraError
        If a file is no ONNX model, or onnxruntime is not installed.
    """
    if isinstance(model, (str, Path)):
        model = onnx_session(Path(model))
    prepare = how.prepare
    if hasattr(model, "get_inputs") and hasattr(model, "run"):
        name, dtype = model.get_inputs()[0].name, _ONNX_TYPES.get(str(model.get_inputs()[0].type), "float32")
        outputs = [one.name for one in model.get_outputs()]

        def run(inputs: Any) -> Any:
            given = prepare(inputs) if prepare else network_input(inputs).astype(dtype, copy=False)
            found = model.run(None, {name: given})
            return chosen(dict(zip(outputs, found, strict=True)) if isinstance(how.which, str) else found, how)

        return run
    if hasattr(model, "parameters") and hasattr(model, "training"):
        check_evaluating(model)
        return lambda inputs: _of_module(model, (prepare or network_input)(inputs), how)
    if not callable(model):
        raise WatermarkError(f"{type(model).__name__} is no classifier: give a torch module, ONNX file or function")

    def call(inputs: Any) -> Any:
        found = model(prepare(inputs) if prepare else inputs)
        return found if how.which is None else chosen(found, how)

    return call


def check_evaluating(module: Any) -> None:
    """Refuse a module in training mode, which answers differently from call to call.

    Raises
    ------
    WatermarkError
        If it is in training mode.
    """
    if getattr(module, "training", False):
        raise WatermarkError("the module is in training mode, its answers change from call to call: call eval() first")


def network_input(inputs: Any) -> npt.NDArray[np.float32]:
    """Return inputs as float32, pictures as (N, C, H, W); integers are divided by their type's peak.

    Pictures (N, H, W, C) are known by 1, 3 or 4 channels at the end and none at the front.
    """
    found = np.asarray(inputs.detach().cpu().numpy() if hasattr(inputs, "detach") else inputs)
    if found.dtype.kind in "ui":
        found = found.astype(np.float32) / np.float32(np.iinfo(found.dtype).max)
    if found.ndim == 3:
        found = found[:, np.newaxis]
    elif found.ndim == 4 and found.shape[3] in (1, 3, 4) and found.shape[1] not in (1, 3, 4):
        found = np.moveaxis(found, 3, 1)
    return np.ascontiguousarray(found, np.float32)


def ask(
    model: Any, inputs: Any, how: Interface, *, tolerant: bool = False, tell: Callable[[int, int], object] | None = None
) -> Asked:
    """Ask a classifier everything, batch by batch.

    Parameters
    ----------
    tolerant : bool
        Whether a failing model is asked on: a batch that fails is asked one by one, what fails alone is counted, and
        after 50 failures in a row it is not asked any more. What came until then is kept. To wait and try again is the
        function's own task.
    tell : callable, optional
        Called with the number of queries done and of all.

    Raises
    ------
    WatermarkError
        As :func:`as_classifier` does. What the model itself raises comes through unless ``tolerant``.
    """
    run, n = as_classifier(model, how), len(inputs)
    found: list[Any] = [None] * n
    failures: dict[int, str] = {}
    in_a_row = 0
    for start in range(0, n, how.batch):
        stop = min(n, start + how.batch)
        if in_a_row >= _MOST_FAILURES:
            failures |= dict.fromkeys(range(start, n), f"not asked, {in_a_row} queries in a row failed before")
            break
        rows, reasons = _some(run, inputs, start, stop, tolerant)
        found[start:stop] = rows
        failures |= reasons
        lasting = [start + i for i, row in enumerate(rows) if row is not None]
        in_a_row = stop - 1 - lasting[-1] if lasting else in_a_row + stop - start
        if tell is not None:
            tell(stop, n)
    return Asked(found, failures)


def _some(
    run: Callable[[Any], Any], inputs: Any, start: int, stop: int, tolerant: bool
) -> tuple[list[Any], dict[int, str]]:
    """Ask one batch; with ``tolerant`` one by one if it fails."""
    try:
        return one_by_one(run(inputs[start:stop]), stop - start), {}
    except Exception as error:  # of a remote model anything may come
        if not tolerant:
            raise
        if stop - start == 1:
            return [None], {start: f"{type(error).__name__}: {error}"}
    rows: list[Any] = []
    failures: dict[int, str] = {}
    for number in range(start, stop):
        if len(failures) >= _MOST_FAILURES and not any(row is not None for row in rows):
            failures |= dict.fromkeys(range(number, stop), f"not asked, {len(failures)} queries in a row failed before")
            return [*rows, *[None] * (stop - number)], failures
        more, reasons = _some(run, inputs, number, number + 1, True)
        rows += more
        failures |= reasons
    return rows, failures


def _of_module(module: Any, inputs: Any, how: Interface) -> Any:
    import torch

    check_evaluating(module)
    tensor = inputs if hasattr(inputs, "detach") else torch.from_numpy(np.asarray(inputs))
    if not hasattr(inputs, "detach") and tensor.is_floating_point():  # of half and double precision there are models
        tensor = tensor.to(next((one.dtype for one in module.parameters() if one.is_floating_point()), tensor.dtype))
    with torch.no_grad():
        return chosen(module.to(how.device)(tensor.to(how.device)), how)


def chosen(answer: Any, how: Interface) -> Any:
    """Return the one among a model's outputs that holds the answers.

    Raises
    ------
    ModelAnswerError
        If there are several and ``how.which`` says none of them.
    """
    try:
        return chosen_output(answer, Conventions(output=how.which))
    except ModelAnswerError:
        names = ", ".join(map(str, answer)) if isinstance(answer, Mapping) else f"{len(answer)} outputs"
        raise ModelAnswerError(
            f"the model answers with {names}: say with Interface(which=...) which of them are the probabilities or "
            "logits, by name or by number"
        ) from None


def probabilities_of(model: Any, inputs: Any, how: Interface, n_classes: int) -> F64:
    """Return the probabilities (N, K) of a model of the owner's, or check those that are given in its place.

    Raises
    ------
    ModelAnswerError
        If they are none, or of another number of classes.
    """
    is_given = is_answers(model)
    found = as_rows(model if is_given else ask(model, inputs, how).answers)
    if found.ndim == 2 and found.dtype.kind == "f" and np.isfinite(found).all() and found.size:
        kind = kind_of(found) if how.output == "auto" else how.output
        found = softmax(found) if kind == "logits" else found
    return check_probabilities(found, n_classes).astype(np.float64)
