"""Arrays from .npy and .npz files, without pickles."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SUFFIXES", "read_array", "read_arrays", "split_name"]

SUFFIXES: Final = (".npy", ".npz")


def split_name(text: str) -> tuple[Path, str | None]:
    """Split ``FILE.npz:NAME`` into the file and the name of one of its arrays; others are paths as they are.

    Examples
    --------
    >>> split_name("data.npz:x_test")[1], split_name("a:b.npy")[1]
    ('x_test', None)
    """
    file, colon, name = text.rpartition(":")
    return (Path(file), name) if colon and name and file.lower().endswith(".npz") else (Path(text), None)


def read_arrays(text: str) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of a file by name; that of an .npy file has the name ``""``.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, holds no arrays, or Python objects, which are not loaded.
    """
    path, name = split_name(text)
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return {"": found}
            with found:
                arrays = {one: found[one] for one in found.files if name in (None, one)}
                names = ", ".join(found.files)
    except FileNotFoundError:
        raise FileFormatError(f"there is no {path}: name a file of arrays, .npy or .npz") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        if "pickle" in str(error).lower():
            raise FileFormatError(
                f"{path} holds Python objects, or is no file of arrays: pickles are not loaded, since they run code; "
                "write plain arrays with numpy.save"
            ) from None
        raise FileFormatError(f"{path} cannot be read: {error}") from None
    if not arrays:
        raise FileFormatError(f"{path} holds {names or 'nothing'}, no array {name!r}: name one of them")
    return arrays


def read_array(text: str) -> npt.NDArray[Any]:
    """Read the one array of a file, or that which ``FILE.npz:NAME`` names.

    Raises
    ------
    FileFormatError
        As :func:`read_arrays` does, and if there are several.
    """
    found = read_arrays(text)
    if len(found) > 1:
        some = ", ".join(found)
        raise FileFormatError(f"{text} holds several arrays, {some}: say which, as {text}:{next(iter(found))}")
    return next(iter(found.values()))
