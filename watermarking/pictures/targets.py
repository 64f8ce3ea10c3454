"""Where pictures may be written: never over a file that nobody said may go."""

from __future__ import annotations

import os
from pathlib import Path

from watermarking.errors import FileFormatError

__all__ = ["check_free"]


def check_free(source: object, target: object, *, overwrite: bool = False) -> None:
    """Refuse a target that exists already, before any work is done for it.

    Of a target that is the source, :func:`~watermarking.pictures.files.is_input` decides; streams are never taken.

    Raises
    ------
    FileFormatError
        If it exists, is not the source, and ``overwrite`` does not allow that.
    """
    if overwrite or not isinstance(target, (str, os.PathLike)):
        return
    path = Path(target)
    try:
        taken = path.is_file()
        own = taken and isinstance(source, (str, os.PathLike)) and Path(source).exists() and path.samefile(source)
    except (OSError, ValueError):  # what is wrong with the name is said when it is written
        return
    if taken and not own:
        raise FileFormatError(
            f"{path} exists already: choose another name, or replace it with overwrite=True (on the command line, "
            "--force)"
        )
