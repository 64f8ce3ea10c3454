"""Named tensors on disk: safetensors, written atomically, nothing pickled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["first_mismatch", "read_metadata", "read_tensors", "replace_file", "write_tensors"]


def replace_file(path: Path, content: bytes) -> None:
    """Write a new file and move it into place, so that a kill leaves the old one."""
    unfinished = path.with_name(path.name + f".{os.getpid()}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors, and what is said about them, to a file that is whole or the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not save_file, which makes files that nobody but their owner can read.
    replace_file(path, save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, metadata))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; refuses anything else unread.

    Raises
    ------
    WeightsError
        If the file is missing or no safetensors file; a pickle (``.pt``, ``.pth``) is named as such and not loaded.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(9)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from error
    # A safetensors file starts with eight bytes of length and an opening brace; a zip or a pickle protocol mark is
    # torch.save's. One length in thirty-two begins with the pickle's byte: the brace says which of them it is.
    if head[8:] != b"{" and (head[:2] == b"PK" or head[:1] == b"\x80"):
        raise WeightsError(f"{path} is a pickle, which can run code when it is loaded: only .safetensors are accepted")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise WeightsError(f"{path} is no complete safetensors file: {error}") from error
    return tensors


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a safetensors file says about its tensors.

    Raises
    ------
    WeightsError
        If the file is missing or no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, ValueError, OSError) as error:
        raise WeightsError(f"{path} is no complete safetensors file: {error}") from error


def first_mismatch(error: RuntimeError) -> str:
    """Shorten what torch says about tensors that do not fit to the first of them."""
    lines = [line.strip() for line in str(error).splitlines()]
    return lines[min(1, len(lines) - 1)].partition(": copying")[0].partition(",")[0]
