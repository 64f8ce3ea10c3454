"""Names of samples that become names of files: none leads out of the data set, none takes the place of another."""

from __future__ import annotations

import secrets
from collections import defaultdict
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from watermarking.datasets.manifest import shown_name
from watermarking.datasets.writing import PART
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["check_letter_case", "leads_out", "twins"]


def leads_out(name: str) -> bool:
    r"""Say whether a name leads out of the folder that it is put under, on any system.

    Examples
    --------
    >>> leads_out("a/../../b.png"), leads_out("/etc/x"), leads_out(r"C:\x"), leads_out("a..b/c.png")
    (True, True, True, False)
    """
    windows = PureWindowsPath(name)  # a:1.png may be a name, a:\\1.png is none
    return (
        ".." in PurePosixPath(name).parts
        or ".." in windows.parts
        or name.startswith(("/", "\\"))
        or (bool(windows.drive) and bool(windows.root))
        or "\0" in name
    )


def twins(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of names that differ in case alone.

    Examples
    --------
    >>> twins(["a.png", "b.png", "A.PNG"])
    [('a.png', 'A.PNG')]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[name.casefold()].append(name)
    return [(group[0], group[1]) for group in groups.values() if len(group) > 1]


def check_letter_case(names: Iterable[str], target: Path) -> None:
    """Refuse names that differ in case alone where the target's file system takes them for one.

    Raises
    ------
    FileFormatError
        If one file would be written over another.
    """
    found = twins(names)
    if not found:
        return
    probe = target / f".{secrets.token_hex(8)}{PART}"
    try:
        probe.touch()
        folds = probe.with_name(probe.name.upper()).exists()
    finally:
        probe.unlink(missing_ok=True)
    if folds:
        one, other = map(shown_name, found[0])
        raise FileFormatError(
            f"{one} and {other} are one name to the file system of {target} ({len(found)} such pairs): rename one of "
            "them, or choose a target on another file system"
        )
