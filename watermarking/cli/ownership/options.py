"""Options that the subcommands of ``ownership`` share, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.models import Conventions

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = [
    "convention_options", "conventions_of", "mark_of", "mark_options", "peak_option", "read_commitment", "read_json",
]  # fmt: skip

_CONVENTIONS: Final = ("range", "channels", "pick", "peak")


def mark_options(command: C) -> C:
    """Add the options that say which mark of which key it is."""
    for option in (
        click.option(
            "--mark", "mark_text", default="learnable", show_default=True, metavar="M",
            help="Id of the mark, or its configuration as JSON.",
        ),
        click.option(
            "--name", required=True, metavar="NAME",
            help="Of the model or data set and its version: each has a key of its own, derived from yours.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def mark_of(text: str) -> OwnershipMark:
    """Make the mark that ``--mark`` names."""
    from watermarking.ownership.marks import get_mark

    if not text.lstrip().startswith("{"):
        return get_mark(text)
    try:
        return get_mark(json.loads(text))
    except ValueError as error:
        raise click.UsageError(f"--mark is no JSON: {error}") from error


def read_json(path: str, what: str) -> Any:
    """Read a JSON file that holds something; an error says what."""
    from watermarking.errors import FileFormatError

    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{what} cannot be read from {path}: {error}") from error


def read_commitment(path: str) -> dict[str, Any]:
    """Read what 'ownership protect --commitment' wrote."""
    from watermarking.errors import FileFormatError

    found = read_json(path, "the commitment")
    if not isinstance(found, dict):
        raise FileFormatError(f"{path} holds no commitment: 'ownership protect --commitment' writes one")
    return found


def _peak(name: str, whose: str) -> Callable[[C], C]:
    return click.option(
        f"--{name}", type=click.IntRange(255, 65535), metavar="N",
        help=f"White of 16-bit pictures{whose}: 4095 for 12 bits; 65535 if left out.",
    )  # fmt: skip


peak_option = _peak("peak", "")


def convention_options(**roles: str) -> Callable[[C], C]:
    """Add what networks take and give, and what white is: for all, and for each role by itself, where it differs.

    The command gets ``range``, ``channels``, ``pick`` and ``peak``, and the same with the role and ``_`` before them.

    Parameters
    ----------
    roles : what each is called in the help
    """

    def add(command: C) -> C:
        for role, words in [*reversed(roles.items()), ("", "")]:
            before, whose = f"{role}-" if role else "", f" of {words}" if words else ""
            for option in (
                _peak(f"{before}peak", whose),
                click.option(
                    f"--{before}pick", metavar="N",
                    help=f"Which output of a network{whose} is the picture, by number or name.",
                ),
                click.option(
                    f"--{before}channels", type=click.Choice(["rgb", "bgr", "grey"]),
                    help=f"Planes of networks{whose}; rgb if left out.",
                ),
                click.option(
                    f"--{before}range", type=float, nargs=2, metavar="LOW HIGH",
                    help=f"Black and white of networks{whose}, as -1 1; 0 1 if left out.",
                ),
            ):  # fmt: skip
                command = option(command)
        return command

    return add


def conventions_of(stated: dict[str, Any], role: str = "") -> Conventions:
    """Make what :func:`convention_options` collected into the conventions of a role: its own, else those for all.

    Raises
    ------
    WatermarkError
        If no picture fits these.
    """
    from watermarking.ownership.models import Conventions

    value = {
        name: stated[f"{role}_{name}"] if role and stated[f"{role}_{name}"] is not None else stated[name]
        for name in _CONVENTIONS
    }
    pick, found = value["pick"], {"peak": value["peak"]}
    if value["range"] is not None:
        found["low"], found["high"] = value["range"]
    if value["channels"] is not None:
        found["channels"] = 1 if value["channels"] == "grey" else 3
        found["order"] = "bgr" if value["channels"] == "bgr" else "rgb"
    if pick is not None:
        found["output"] = int(pick) if pick.lstrip("-").isdigit() else pick
    return Conventions(**found)
