"""A tiny job, and a training whose processes are threads: the same connections, without starting torch five times."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from watermarking.ownership.split.holder import Holder
from watermarking.ownership.split.launch import free_port
from watermarking.ownership.split.meeting import Place, meet
from watermarking.ownership.split.run import folder_of, take_part
from watermarking.ownership.split.settings import Job, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from watermarking.ownership.split.meeting import Meeting
    from watermarking.ownership.split.server import Outcome

CUT, CLASSES = (4, 8, 8), 4
_DRAWING = threading.Lock()
SMALL = Settings(rounds=6, batch=8, rate=0.05, save_every=3, timeout=20, momentum=0.9)


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    with _DRAWING, torch.random.fork_rng(devices=[]):  # threads share torch's generator, processes do not
        torch.manual_seed(seed)
        return make()


def make_late(patch: pytest.MonkeyPatch, rank: int, at: int, seconds: float) -> None:
    """Let one holder wait before the average of a number."""
    plain = Holder._average

    def slow(holder: Holder, number: int, alive: list[int], weight: float | None = None) -> None:
        if holder.rank == rank and number == at:
            time.sleep(seconds)
        plain(holder, number, alive, weight)

    patch.setattr(Holder, "_average", slow)


def front() -> nn.Module:
    return seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()), 1)


def back() -> nn.Module:
    return seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, CLASSES)), 2)


def data(rank: int, n: int) -> tuple[Tensor, Tensor]:
    del n
    rng = torch.Generator().manual_seed(rank)
    x = torch.randn(40, 1, 8, 8, generator=rng)
    return x, (x.mean((1, 2, 3)) > 0).long() + 2 * (x[:, 0, :4].mean((1, 2)) > 0).long()


def job(**changes: Any) -> Job:
    return Job(**({"front": front, "back": back, "data": data, "cut": CUT, "n_classes": CLASSES} | changes))


def ill(who: str) -> Job:
    """Return a job whose data raise at one holder."""

    def data_of(rank: int, n: int) -> tuple[Tensor, Tensor]:
        if str(rank) == who:
            raise RuntimeError("my disk\nis gone")
        return data(rank, n)

    return job(data=data_of)


class Crew:
    """A server and holders, each in a thread of its own."""

    def __init__(self, folder: Path, settings: Settings = SMALL, n_holders: int = 2) -> None:
        self.folder, self.settings, self.n_holders = folder, settings, n_holders
        self.port = free_port()
        self.said: list[str] = []
        self.outcome: Outcome | None = None
        self.errors: dict[int, Exception] = {}

    def run(self, what: Job, others: dict[int, Callable[[Meeting], None]] | None = None) -> Crew:
        """Train; ``others`` stand in for holders by their ranks, given their meeting."""
        threads = [threading.Thread(target=self._part, args=(rank, what, (others or {}).get(rank)))
                   for rank in range(self.n_holders + 1)]  # fmt: skip
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        return self

    def _part(self, rank: int, what: Job, other: Callable[[Meeting], None] | None) -> None:
        place = Place(rank, self.n_holders, port=self.port)
        try:
            if other is not None:
                other(meet(place, self.settings.timeout))
                return
            found = take_part(what, self.settings, place, self.folder, tell=self.said.append)
            if rank == 0:
                self.outcome = found
        except Exception as error:  # noqa: BLE001  # whatever a thread ends by is what a test looks at
            self.errors[rank] = error

    def saved(self, rank: int, number: int | None = None) -> dict[str, Tensor]:
        """Return the weights that a process saved last."""
        import safetensors.torch

        number = self.settings.rounds if number is None else number
        found = safetensors.torch.load_file(folder_of(self.folder, rank) / f"{number:08d}.safetensors")
        return {name[6:]: one for name, one in found.items() if name.startswith("model.")}
