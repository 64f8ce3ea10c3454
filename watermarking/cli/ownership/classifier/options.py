"""Options that the subcommands of ``ownership classifier`` share, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from watermarking.cli.lines import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.asking import Interface
    from watermarking.ownership.classifiers.files.inputs import Inputs
    from watermarking.ownership.classifiers.files.mark import MarkFile
    from watermarking.ownership.classifiers.proof import ClassifierProof

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = [
    "answers_of", "classes_option", "features_of", "features_option", "interface_of", "is_model", "label_of",
    "mark_option", "own_side_options", "queries_option", "read_names", "role_options", "say_notes",
]  # fmt: skip

_FORMS: Final = ("auto", "probabilities", "logits")
_SHOWN: Final = 8

mark_option = click.option(
    "--mark", "mark_file", metavar="FILE", required=True, type=click.Path(dir_okay=False),
    help="The mark: JSON without secrets, which 'embed' writes once and every later command needs.",
)  # fmt: skip
classes_option = click.option(
    "--classes", metavar="FILE", type=click.Path(dir_okay=False),
    help="Names of the classes in their order, one a line, if answers name them.",
)  # fmt: skip
features_option = click.option(
    "--features", metavar="FILE", type=click.Path(),
    help="Vectors, one for each input, that the mark goes by in the place of the inputs: of texts their embeddings.",
)  # fmt: skip
queries_option = click.option(
    "--queries", metavar="N", type=click.IntRange(1), help="Of the inputs the first N alone are asked."
)


def role_options(role: str, words: str) -> Callable[[C], C]:
    """Add what a side's answers are; the command gets ``<role>_form`` and ``<role>_pick``."""
    before = f"{role}-" if role else ""

    def add(command: C) -> C:
        for option in (
            click.option(f"--{before}pick", metavar="N",
                         help=f"Which output of {words}, if it is a model of several: number or name."),
            click.option(f"--{before}form", type=click.Choice(_FORMS), default="auto", show_default=True,
                         help=f"What {words} answers with."),
        ):  # fmt: skip
            command = option(command)
        return command

    return add


def own_side_options(*, required: bool) -> Callable[[C], C]:
    """Add the owner's answers without the mark, and those of clean models."""

    def add(command: C) -> C:
        for option in (
            click.option("--smoothed", metavar="S", multiple=True, type=click.Path(),
                         help="A clean model trained with smoothed labels, or its answers."),
            click.option("--reference", metavar="R", multiple=True, type=click.Path(),
                         help="A clean model of the same task, or its answers; best three."),
            click.option("--own", metavar="OWN", required=required, type=click.Path(),
                         help="Your answers without the mark, or your model as .onnx."),
        ):  # fmt: skip
            command = option(command)
        return command

    return add


def interface_of(given: dict[str, Any], role: str, classes: Sequence[str] | None = None) -> Interface:
    """Make what :func:`role_options` collected into the way a side is asked."""
    from watermarking.ownership.classifiers.asking import Interface

    before = f"{role}_" if role else ""
    pick = given[f"{before}pick"]
    which = int(pick) if pick is not None and pick.lstrip("-").isdigit() else pick
    names = None if classes is None else tuple(classes)
    return Interface(output=given[f"{before}form"], which=which, classes=names)


def is_model(text: str) -> bool:
    """Say whether a side is a model that is to be asked."""
    return text.lower().endswith(".onnx")


def answers_of(text: str, inputs: Inputs, found: MarkFile, n: int | None, *, own: bool) -> Any:
    """Return a side: the path of a model, or its answers to the first n inputs, of one's own as an array (N, K).

    Raises
    ------
    WatermarkError
        If they cannot be read, or do not go with the inputs.
    """
    from watermarking.ownership.classifiers.files.answers import dense, in_order, read_stored

    if is_model(text):
        return Path(text)
    stored = read_stored(text, found.classes)
    few = n is not None and stored.names is None and len(stored.answers) == n
    answers = stored.answers if few else in_order(stored, inputs)[:n]
    return dense(answers, text) if own else answers


def features_of(text: str | None, n: int) -> npt.NDArray[Any] | None:
    """Read the vectors that the mark goes by, if there are any.

    Raises
    ------
    WatermarkError
        If they are not as many as inputs.
    """
    from watermarking.errors import WatermarkError
    from watermarking.ownership.classifiers.files.inputs import read_inputs

    if text is None:
        return None
    found = read_inputs(text).values
    if len(found) != n:
        raise WatermarkError(f"{text} holds {len(found)} vectors for {n} inputs: give one each")
    return found


def read_names(path: str, what: str) -> list[str]:
    """Read names, one a line.

    Raises
    ------
    FileFormatError
        If there are none, or one is there twice.
    """
    from watermarking.errors import FileFormatError

    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{what} cannot be read from {path}: {error}") from error
    found = [line.strip() for line in lines if line.strip()]
    if not found or len(set(found)) < len(found):
        twice = next((one for one in found if found.count(one) > 1), None)
        raise FileFormatError(
            f"{path} names {'nothing' if twice is None else f'{twice!r} twice'}: one a line is needed"
        )
    return found


def label_of(name: str, client: str | None, key: Key) -> tuple[str, Key]:
    """Return the name that a client's commitment and report go by, and his key."""
    from watermarking.ownership.classifiers.clients import client_key
    from watermarking.ownership.proof import subkey

    own = subkey(key, name)
    return (name, own) if client is None else (f"{name}/{client}", client_key(own, client))


def say_notes(proof: ClassifierProof) -> None:
    """Print what limits a verdict, and what failed."""
    reasons: dict[str, list[int]] = {}
    for number, reason in proof.failures.items():
        reasons.setdefault(reason, []).append(number)
    for reason, numbers in list(reasons.items())[:_SHOWN]:
        more = "" if len(numbers) == 1 else f" and {len(numbers) - 1:,} more"
        say(f"watermarking: query {numbers[0]}{more}: {reason}", err=True)
    if left := sum(len(numbers) for numbers in list(reasons.values())[_SHOWN:]):
        say(f"watermarking: {left:,} more queries have no answer that counts", err=True)
    for note in proof.notes:
        say(f"watermarking: {note}", err=True)
