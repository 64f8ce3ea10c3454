"""Named tensors on disk: safetensors, written atomically, nothing pickled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["first_mismatch", "read_tensors", "write_tensors"]


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors to a new file and move it into place, so that a kill leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + f".{os.getpid()}.part")
    # Not save_file, which makes files that nobody but their owner can read.
    unfinished.write_bytes(save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, metadata))
    unfinished.replace(path)


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
    # A safetensors file starts with a length and an opening brace; a zip or a pickle protocol mark is torch.save's.
    if head[:2] == b"PK" or head[:1] == b"\x80":
        raise WeightsError(f"{path} is a pickle, which can run code when it is loaded: only .safetensors are accepted")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise WeightsError(f"{path} is no complete safetensors file: {error}") from error
    return tensors


def first_mismatch(error: RuntimeError) -> str:
    """Shorten what torch says about tensors that do not fit to the first of them."""
    lines = [line.strip() for line in str(error).splitlines()]
    return lines[min(1, len(lines) - 1)].partition(": copying")[0].partition(",")[0]
