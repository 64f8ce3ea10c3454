"""The processes that train one pair of networks together: who this one is, and what they agree on.

Every call is a plain no-op in a process that trains alone.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["any_rank", "average", "end_quickly", "join", "leave", "n_ranks", "rank"]


def join(device: torch.device) -> torch.device:
    """Join the processes that ``torchrun`` started, if it did; return the device of this one."""
    if _started_with_others() and not distributed.is_initialized():
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def _started_with_others() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def end_quickly(status: int) -> None:
    """End this process at once, its work done, if ``torchrun`` started it with others.

    Python's own end aborted 3 of 18 trainings on a busy machine: a thread of torch's is still there when its library is
    taken down ("terminate called without an active exception"), and torchrun takes that for a failed training.
    """
    if _started_with_others():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def leave() -> None:
    """Leave the group, once there is nothing left to agree on."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def rank() -> int:
    """Return this process's number; 0 writes checkpoints, logs and progress."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def n_ranks() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def average(tensors: Sequence[Tensor]) -> None:
    """Replace tensors by their means over the processes, in one exchange; a NaN anywhere is one everywhere."""
    if n_ranks() == 1:
        return
    flat = torch.cat([t.reshape(-1) for t in tensors])
    distributed.all_reduce(flat)
    flat /= n_ranks()
    for tensor, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.reshape(tensor.shape))


def any_rank(value: bool, device: torch.device) -> bool:
    """Say whether a condition holds in any of the processes."""
    if n_ranks() == 1:
        return value
    flag = torch.tensor(float(value), device=device)
    distributed.all_reduce(flag)
    return bool(flag > 0)
