"""Where the networks run."""

from __future__ import annotations

import torch

from watermarking.errors import WatermarkError

__all__ = ["find_device"]


def find_device(name: str) -> torch.device:
    """Return a torch device that works.

    Raises
    ------
    WatermarkError
        If there is no such device, or this torch cannot use it.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise WatermarkError(
            f"torch cannot use the device {name!r}: choose 'cpu', or 'cuda' where there is a GPU"
        ) from error
    return device
